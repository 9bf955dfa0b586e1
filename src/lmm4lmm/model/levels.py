"""Quality in words: how a tokenizer reads the answer sentences, and what the levels' chances say as a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from lmm4lmm.core.errors import ItemError, WeightsError
from lmm4lmm.model.bases.base import Base, Reading
from lmm4lmm.model.official import prompts
from lmm4lmm.model.official.asking import MOST_TOKENS, user_words

Scored: TypeAlias = Literal["perception", "correspondence"]

POINTS = (0.0, 25.0, 50.0, 75.0, 100.0)
"""What the levels stand for on the MOS scale, worst first."""


@dataclass(frozen=True)
class LevelAnswer:
    """Token ids of the answer sentences of one dimension.

    Attributes:
        turn: from the end of the user's words to where the sentence begins.
        sentences: one a level, worst first, without what ends the turn.
        word: index in each sentence of the level word's first token.
    """

    turn: tuple[int, ...]
    sentences: tuple[tuple[int, ...], ...]
    word: int

    @property
    def words(self) -> tuple[int, ...]:
        """The first token of each level's word: five different ones."""
        return tuple(one[self.word] for one in self.sentences)


@dataclass(frozen=True)
class LevelReading:
    """One item asked for a level.

    Attributes:
        reading: its last states but those after the level are where each token of the sentence is predicted.
        word: index in ``reading.at`` of the state that predicts the level word.
        targets: the sentence's tokens, one for each of ``reading.at``; empty where no level is given.
    """

    reading: Reading
    word: int
    targets: tuple[int, ...]


def level_answer(base: Base, dimension: Scored) -> LevelAnswer:
    """How a base's tokenizer reads the sentences.

    Raises:
        WeightsError: two levels' words begin with the same token, so that no single token tells them apart.
    """
    reader, talk = base.reader, base.dialogue
    end = reader.pieces(talk.after_answer)
    turn = reader.pieces(talk.after_text)
    whole = [
        reader.pieces(f"{talk.after_text}{talk.before_answer}{said}{talk.after_answer}")
        for said in (prompts.level_answer(dimension, level) for level in prompts.LEVELS)
    ]
    bodies = [ids[: len(ids) - len(end)] for ids in whole]
    start = _shared([turn, *bodies])
    word = _shared(bodies)
    firsts = [ids[word] if word < len(ids) else -1 for ids in bodies]
    if len(set(firsts)) < len(prompts.LEVELS) or -1 in firsts or start == 0:
        raise WeightsError(
            f"this tokenizer begins the words {', '.join(prompts.LEVELS)} with {len(set(firsts))} different tokens, "
            "not five: a level can't be read from one token"
        )
    return LevelAnswer(tuple(turn[:start]), tuple(tuple(ids[start:]) for ids in bodies), word - start)


def asked_for_level(
    base: Base, dimension: Scored, prompt: str | None, *, level: int | None = None, picture: int = 0
) -> LevelReading:
    """The reading of one item, with the whole answer where its level is known.

    Args:
        base: for its tokenizer and form of dialogue.
        dimension: perception or correspondence.
        prompt: for correspondence.
        level: 0 bad to 4 excellent; None ends the text before the level's word.
        picture: index of the picture in its batch.

    Raises:
        ItemError: there is no prompt where one is needed, or it is longer than 2,048 tokens.
        WeightsError: the tokenizer can't tell levels apart.
    """
    answer = level_answer(base, dimension)
    words = user_words(dimension, prompt)
    user = base.reader.plain(base.dialogue.before_text + words)
    before = [*user, *answer.turn]
    if len(before) + len(answer.sentences[-1]) > MOST_TOKENS:
        raise ItemError(f"the text has {len(before)} tokens; at most {MOST_TOKENS} are read")
    if level is None:
        text = (*before, *answer.sentences[0][: answer.word])
        return LevelReading(Reading(picture, text, (len(text) - 1,)), 0, ())
    said = answer.sentences[level]
    at = tuple(range(len(before) - 1, len(before) + len(said) - 1))
    return LevelReading(Reading(picture, (*before, *said[:-1]), at), answer.word, said)


def level_of(score: float) -> int:
    """The level nearest to a score: its index, 0 bad to 4 excellent."""
    return min(range(len(POINTS)), key=lambda index: abs(POINTS[index] - score))


def expected_score(logits: Tensor) -> Tensor:
    """Scores [K], 0 to 100, of logits [K, 5], worst level first: the mean over the levels' probabilities."""
    return logits.float().softmax(1) @ torch.tensor(POINTS, device=logits.device)


def _shared(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all of them begin with."""
    return next(
        (index for index, tokens in enumerate(zip(*rows, strict=False)) if len(set(tokens)) > 1),
        min(map(len, rows)),
    )
