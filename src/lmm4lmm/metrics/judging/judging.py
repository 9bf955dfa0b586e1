"""A chat model as a metric: what is asked about each image, how often, and what its replies make as scores."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import DIMENSIONS, Answer, Dimension, Estimate, Item, Score
from lmm4lmm.metrics.judging import pictures, readout, wording
from lmm4lmm.metrics.judging.account import Account
from lmm4lmm.metrics.judging.chains import run_chains
from lmm4lmm.metrics.judging.effects import Effects
from lmm4lmm.metrics.judging.readout import Chances
from lmm4lmm.questions.questions import question_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from lmm4lmm.core.protocols import ChatModel

VERSION = 2
"""Part of the fingerprint: raise it whenever a score would differ and no other version says so."""

Reading = Literal["auto", "probabilities", "text"]
POINTS = (0.0, 25.0, 50.0, 75.0, 100.0)
"""What the levels stand for on the MOS scale, worst first."""

_ALTERNATIVES = 20
_SPLIT_MASS = 0.5  # where the words hold less, the row says it
_HALF_A_CHARACTER = "\ufffd"  # of a first token; llama.cpp gives such a one no probabilities
_BATCHES_EACH = (
    4  # items a batch for each request at once: the last of a batch seldom wait for one slow reply
)


@dataclass(frozen=True)
class Question:
    """One thing that is asked about an image."""

    image: str
    text: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """One item, ready to be asked about.

    Attributes:
        asked: of each dimension, its questions, one a form.
        question: that of the answer, for the record.
        size: tokens, about.
    """

    image: str
    asked: Mapping[Dimension, tuple[Question, ...]]
    question: str
    size: int


class Judge:
    """The metric ``judge``; see ``metrics.judge.load``.

    Args:
        model: who judges.
        dimensions: what it is asked.
        concurrency: requests at once.
        repeat: forms of each question.
        reading: what scores are read from.
        text_tokens: that a reply may take where it is read as text.
        side: of the image, longest, in pixels; 0 for as it is.
        form: how the image is written.
        name: of the model, for people.
        account: what ``model`` uses.

    Attributes:
        fingerprint: of the model, the wordings, the image's form and the reading.
        dimensions: what it was asked for.
        device: where it runs, for people to read.
        batch_size: items that keep ``concurrency`` requests busy.
    """

    def __init__(
        self,
        model: ChatModel,
        dimensions: Sequence[Dimension] = DIMENSIONS,
        *,
        concurrency: int = 8,
        repeat: int = 1,
        reading: Reading = "auto",
        text_tokens: int = 32,
        side: int = 2048,
        form: pictures.Form = "jpeg",
        name: str = "",
        account: Account | None = None,
    ) -> None:
        self._model, self._account, self._effects = model, account, Effects()
        self._concurrency, self._repeat, self._reading = concurrency, repeat, reading
        self._text_tokens, self._side, self._form = text_tokens, side, form
        self.dimensions: tuple[Dimension, ...] = tuple(one for one in DIMENSIONS if one in dimensions)
        self.batch_size = _BATCHES_EACH * concurrency
        self.device = f"{name or 'a chat model'}, {concurrency} requests at once"
        self._by_text = reading == "text"
        self._told = self._has_probabilities = False
        versions = f"{VERSION}.{wording.VERSION}.{pictures.VERSION}"
        key = content_key(model.fingerprint, versions, f"{repeat} {reading} {text_tokens} {side} {form}")
        label = re.sub(r"[^\w.-]+", "-", name)[-32:].strip("-")
        self.fingerprint = f"judge-{label or 'chat'}:{key[:8]}"

    def prepare(self, item: Item, image: Image) -> Prepared:
        """The image as a URL, and the words of every question."""
        url = pictures.data_url(image, side=self._side, form=self._form)
        question = question_of(item.question)
        asked: dict[Dimension, tuple[Question, ...]] = {}
        for dimension in self.dimensions:
            own = bool(item.question and item.question.strip())
            if dimension != "perception" and not item.prompt.strip() and not (own and dimension == "answer"):
                continue  # nothing to compare the image with
            texts = (
                wording.wording(dimension, form, prompt=item.prompt, question=question)
                for form in range(self._repeat)
            )
            words = tuple(wording.words_of(dimension))
            asked[dimension] = tuple(Question(url, text, words) for text in texts)
        longest = max((len(one.text) for forms in asked.values() for one in forms), default=0)
        return Prepared(url, asked, question, pictures.tokens(image, self._side) + longest // 64 * 16)

    def size(self, prepared: Prepared) -> int:
        """Tokens of image and longest text, in steps, so that items of one image stay together."""
        return prepared.size

    def score(self, batch: Sequence[Prepared]) -> list[Score | ItemError]:
        """One score or error an item; questions about one image go one behind the other, the same one goes once.

        Raises:
            InputError: the endpoint will refuse every question.
        """
        chains: dict[str, dict[Question, None]] = {}
        for one in batch:
            chain = chains.setdefault(one.image, {})
            chain.update((question, None) for forms in one.asked.values() for question in forms)
        asked = [list(chain) for chain in chains.values()]
        stop = getattr(self._model, "stop", lambda: None)
        found = run_chains(self._ask, asked, threads=self._concurrency, stop=stop)
        chances = {
            question: chance
            for questions, results in zip(asked, found, strict=True)
            for question, chance in zip(questions, results, strict=True)
        }
        return [self._score(one, chances) for one in batch]

    def remarks(self) -> list[str]:
        """What the run has used, and what the forms of questions changed."""
        return [*(self._account.lines() if self._account is not None else ()), *self._effects.lines()]

    def _ask(self, question: Question) -> Chances:
        """The probabilities of the words; a second request where the first token does not hold them.

        Raises:
            ItemError: no reply, or none that can be read.
        """
        if not self._by_text:
            reply = self._model.reply(question.image, question.text, tokens=1, alternatives=_ALTERNATIVES)
            self._has_probabilities |= reply.first is not None
            found = readout.by_probabilities(reply, question.words)
            if found is not None:
                return found
            if self._reading == "probabilities":
                why = (
                    "no probabilities" if reply.first is None else "the words are not among its first tokens"
                )
                raise ItemError(f"the endpoint gave {why}; reading=auto would read its text")
            if not self._has_probabilities and _HALF_A_CHARACTER not in reply.text:
                self._without_probabilities()
        reply = self._model.reply(question.image, question.text, tokens=self._text_tokens, alternatives=0)
        return readout.by_text(reply, question.words)

    def _without_probabilities(self) -> None:
        self._by_text = True
        if not self._told:
            self._told = True
            print(
                "lmm4lmm: the endpoint gives no probabilities: answers are read from its text, in whole levels, and "
                "each row says so",
                file=sys.stderr,
            )

    def _score(self, one: Prepared, chances: Mapping[Question, Chances | ItemError]) -> Score | ItemError:
        values: dict[Dimension, Estimate] = {}
        notes: dict[str, list[str]] = {}
        for dimension, questions in one.asked.items():
            found: list[Chances] = []
            for question in questions:
                chance = chances[question]
                if isinstance(chance, ItemError):
                    return ItemError(f"{dimension}: {chance}")
                found.append(chance)
            points = (0.0, 1.0) if dimension == "answer" else POINTS
            values[dimension] = _estimate(found, points)
            if len(found) > 1:
                self._effects.add(dimension, [_estimate([each], points).score for each in found])
            for note in _notes(found):
                notes.setdefault(note, []).append(dimension)
        p_yes = values.get("answer")
        return Score(
            perception=values.get("perception"),
            correspondence=values.get("correspondence"),
            answer=Answer(p_yes.score, one.question) if p_yes is not None else None,
            remark="; ".join(f"{', '.join(where)}: {note}" for note, where in notes.items()) or None,
        )


def _estimate(found: Sequence[Chances], points: Sequence[float]) -> Estimate:
    """Mean and standard deviation of the mean of some distributions over the same points."""
    shares = [sum(column) / len(found) for column in zip(*(one.shares for one in found), strict=True)]
    mean = sum(share * point for share, point in zip(shares, points, strict=True))
    variance = sum(share * (point - mean) ** 2 for share, point in zip(shares, points, strict=True))
    low, high = points[0], points[-1]
    return Estimate(min(max(mean, low), high), math.sqrt(variance) or None)


def _notes(found: Sequence[Chances]) -> list[str]:
    notes = []
    if texts := sum(one.by == "text" for one in found):
        part = "" if texts == len(found) else f" ({texts} of {len(found)} times)"
        notes.append(f"read from the text, not from probabilities{part}")
    least = min(one.mass for one in found)
    if least < _SPLIT_MASS:
        notes.append(f"the words to choose from held {least:.0%} of the probability")
    return notes
