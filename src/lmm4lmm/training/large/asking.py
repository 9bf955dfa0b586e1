"""One row as a large base is asked it, and many rows as the module's keyword arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from torch import Tensor

from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.records import Dimension
from lmm4lmm.model.asking import ask, texts_of
from lmm4lmm.model.bases.base import Base, Picture, Reading
from lmm4lmm.model.bases.pixels import tensor_of
from lmm4lmm.model.levels import asked_for_level, level_of
from lmm4lmm.questions.questions import question_of
from lmm4lmm.training.examples import Example
from lmm4lmm.training.recipes import Form


@dataclass(frozen=True)
class Query:
    """One sequence of a row.

    Attributes:
        reading: ``picture`` has no meaning yet.
        dimensions: what each state is for; of a level sentence, what all of them are for.
        word: of a level sentence: index of the state that predicts the level.
        targets: of a level sentence: its tokens; empty where the row has no level.
    """

    reading: Reading
    dimensions: tuple[Dimension, ...]
    word: int = 0
    targets: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One row, ready for ``collate``."""

    pixels: dict[str, Tensor]
    stem: tuple[int, ...]
    queries: tuple[Query, ...]


def queries(base: Base, form: Form, outputs: Collection[Dimension], example: Example) -> tuple[Query, ...]:
    """What is asked about a row.

    A sequence of its own is only spent on a dimension that the row has a target for; a row without any target is
    asked everything.

    Raises:
        ItemError: there is nothing to ask: no prompt and no question; or a text is too long.
        WeightsError: the tokenizer can't tell levels apart.
    """
    texts = texts_of(example.item, question_of(example.item.question))
    wanted = set(outputs)
    if form in ("scores", "levels") and (known := wanted & set(example.known)):
        wanted = known
    if form == "levels":
        found = tuple(_levels(base, example, texts.prompt, wanted))
    else:
        found = tuple(Query(one.reading, one.dimensions) for one in ask(base, form, texts, wanted))
    if not found:
        raise ItemError(
            f"there is nothing to ask for {' or '.join(outputs)}: a prompt or question is missing"
        )
    return found


def sample_of(picture: Picture, found: tuple[Query, ...]) -> Sample:
    """A picture with what is asked about it."""
    pixels = {name: tensor_of(array) for name, array in picture.pixels.items()}
    return Sample(pixels, picture.stem, found)


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """Keyword arguments of ``LargeModule``: tensors, or lists of plain values."""
    flat = [(row, query) for row, sample in enumerate(samples) for query in sample.queries]
    return {
        "pixels": [dict(sample.pixels) for sample in samples],
        "stems": [list(sample.stem) for sample in samples],
        "rows": [row for row, _ in flat],
        "texts": [list(query.reading.text) for _, query in flat],
        "at": [list(query.reading.at) for _, query in flat],
        "dimensions": [list(query.dimensions) for _, query in flat],
        "words": [query.word for _, query in flat],
        "targets": [list(query.targets) for _, query in flat],
    }


def _levels(
    base: Base, example: Example, prompt: str | None, wanted: Collection[Dimension]
) -> Iterator[Query]:
    for dimension in ("perception", "correspondence"):
        if dimension not in wanted or (dimension == "correspondence" and prompt is None):
            continue
        score = example.target(dimension)
        level = None if isnan(score) else level_of(score)
        found = asked_for_level(base, dimension, prompt, level=level)
        yield Query(found.reading, (dimension,), found.word, found.targets)
