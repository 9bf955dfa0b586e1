"""What each kind of adapter is asked about an item: the same in training and in scoring."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from lmm4lmm.core.records import Dimension, Item
from lmm4lmm.model.bases.base import Base, Reading
from lmm4lmm.model.checkpoint import Readout
from lmm4lmm.model.levels import asked_for_level
from lmm4lmm.model.official.asking import asked
from lmm4lmm.model.unified import asked_at_once

VERSION = 1
"""Part of a metric's fingerprint: raise it whenever a word or a position would differ."""


@dataclass(frozen=True)
class Texts:
    """The words of an item.

    Attributes:
        prompt: None where there is none.
        question: None where there is nothing to answer.
        own: whether the question is the item's own; a general one needs the prompt beside it.
    """

    prompt: str | None
    question: str | None
    own: bool = True


@dataclass(frozen=True)
class Asked:
    """One sequence.

    Attributes:
        reading: its ``picture`` is set when the batch is known.
        dimensions: what each state that is read is for.
    """

    reading: Reading
    dimensions: tuple[Dimension, ...]


def texts_of(item: Item, question: str) -> Texts:
    """An item's words, where there are any.

    Args:
        question: its own, tidied, or the general one, which needs a prompt to be about.
    """
    prompt = item.prompt if item.prompt.strip() else None
    own = bool(item.question and item.question.strip())
    return Texts(prompt, question if own or prompt else None, own)


def ask(base: Base, readout: Readout, texts: Texts, wanted: Collection[Dimension]) -> list[Asked]:
    """The sequences that an adapter needs; a dimension whose text is missing is left out.

    Args:
        base: for its tokenizer and form of dialogue.
        readout: what the adapter was trained to give.
        wanted: what it shall give.

    Raises:
        ItemError: a text is too long, or can't be read.
        WeightsError: the tokenizer can't tell levels apart.
    """
    if readout == "unified":
        return list(_at_once(base, texts, wanted))
    return list(_apart(base, readout, texts, wanted))


def _at_once(base: Base, texts: Texts, wanted: Collection[Dimension]) -> Iterator[Asked]:
    # The answer may look at the prompt, so that stands there whether or not correspondence is wanted.
    later = {"correspondence", "answer"} & set(wanted)
    prompt = texts.prompt if later else None
    question = texts.question if "answer" in wanted else None
    reading, dimensions = asked_at_once(base, prompt, question)
    kept = [place for place, dimension in enumerate(dimensions) if dimension in wanted]
    if kept:
        at = tuple(reading.at[place] for place in kept)
        yield Asked(replace(reading, at=at), tuple(dimensions[place] for place in kept))


def _apart(base: Base, readout: Readout, texts: Texts, wanted: Collection[Dimension]) -> Iterator[Asked]:
    if "perception" in wanted:
        reading = (
            asked_for_level(base, "perception", None).reading
            if readout == "levels"
            else asked(base, "perception")
        )
        yield Asked(reading, ("perception",))
    if "correspondence" in wanted and texts.prompt is not None:
        reading = (
            asked_for_level(base, "correspondence", texts.prompt).reading
            if readout == "levels"
            else asked(base, "correspondence", texts.prompt)
        )
        yield Asked(reading, ("correspondence",))
    if "answer" in wanted and texts.question is not None:
        told = "" if texts.own or texts.prompt is None else f" Text: {texts.prompt.strip()}"
        yield Asked(asked(base, "qa", f"{texts.question}{told} Answer yes or no."), ("answer",))
