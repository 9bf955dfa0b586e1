"""The seams of lmm4lmm: what a plug-in must offer, all on one screen.

A class that has these members fits; nothing has to be inherited. Register it in the table of its room's
``__init__.py``, or from another package through the entry points ``lmm4lmm.metrics``,
``lmm4lmm.generators`` and ``lmm4lmm.datasets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.records import Dimension, Item, Reply, Score

if TYPE_CHECKING:
    import polars as pl
    from PIL.Image import Image

P = TypeVar("P")
In = TypeVar("In")
Out = TypeVar("Out")


class Metric(Protocol[P]):
    """Maps items to scores. ``P`` is whatever ``prepare`` hands to ``score``.

    Three members are optional, and what uses them does without: ``batch_size`` (how many items suit it where the
    user leaves that open), ``remarks()`` (lines to tell people once a run has ended: costs, counts, warnings) and
    ``human_scale`` (the data set, by its name, whose people's scale the scores are on, for a metric trained on it).

    Attributes:
        fingerprint: changes whenever the scores may (weights, preprocessing, dtype, code version);
            short, readable, starts with the metric's name, for instance ``nano-0.1:5f1c09ab``.
        dimensions: what ``score`` fills in, in the order of ``DIMENSIONS``.
    """

    fingerprint: str
    dimensions: tuple[Dimension, ...]

    def prepare(self, item: Item, image: Image) -> P:
        """The work on one item that needs no model: resize, normalise, tokenise.

        Called from several threads at once. ``image`` is RGB, upright, at full size.
        """
        ...

    def size(self, prepared: P) -> int:
        """What the item costs, in any monotone unit (say tokens): items of like size share a batch."""
        ...

    def score(self, batch: Sequence[P]) -> Sequence[Score | ItemError]:
        """Scores in the batch's order; the same item gets the same score (to 1e-3) in any batch.

        An ``ItemError`` in a score's place says why just this one has none.

        Raises:
            OutOfMemoryError: the batch does not fit; the engine halves it and tries again.
        """
        ...


class Generator(Protocol):
    """Makes images from prompts.

    One member is optional: ``existing(prompts)``, for a source whose images are there already; see
    ``generation.folder``.

    Attributes:
        name: what its images are filed under and what rows call it, unless the user says otherwise.
        fingerprint: changes whenever the images may (weights, settings); short, readable, starts with the kind.
        settings: what decides an image beside prompt and seed, as plain values; goes into every image's metadata,
            so never a secret.
        at_once: how many calls of ``generate`` may run at the same time, each with one draw. 1 is for a model that
            fills its device: it is called with batches, from one thread.
    """

    name: str
    fingerprint: str
    settings: Mapping[str, Any]
    at_once: int

    def generate(self, draws: Sequence[Draw]) -> Sequence[Drawn | Refusal | ItemError]:
        """One result a draw, in order; the same draw gives the same image in any batch, where the source can.

        Raises:
            OutOfMemoryError: the batch does not fit; the engine halves it and tries again.
            GenerationError: the source can't go on at all; the run ends and can be taken up later.
        """
        ...


class ChatModel(Protocol):
    """Any multimodal model that talks: what the metric ``judge`` asks.

    Attributes:
        fingerprint: changes whenever its replies may, as far as one can know from outside.
    """

    fingerprint: str

    def reply(self, image: str, text: str, *, tokens: int, alternatives: int) -> Reply:
        """Its answer to a text about an image; called from several threads at once.

        Args:
            image: a ``data:`` URL; it comes before the text.
            text: what is asked.
            tokens: at most so many are said.
            alternatives: of the first token, so many of the likeliest are wanted with their probability; 0 for none.

        Raises:
            ItemError: this one can't be answered.
        """
        ...


class Executor(Protocol):
    """Where work runs: threads here, processes or machines elsewhere."""

    def map(self, function: Callable[[In], Out], work: Iterable[In]) -> Iterator[Out]:
        """Results in the order of ``work``, with a bounded number in flight."""
        ...


class Dataset(Protocol):
    """A source of human scores.

    Three members are optional, and what uses them does without: ``facts`` (a ``datasets.facts.Facts``: scales,
    licence, raters, noise ceilings), ``examine(directory)`` (the table with all that is odd in the files, as a
    ``datasets.oddities.Reading``) and ``locate(directory)`` (the files by role). ``datasets.released.ReleasedSet``
    offers all of them.

    Attributes:
        name: as in the catalogue.
        card: what it is, source, licence, size, scale: a few lines of Markdown.
    """

    name: str
    card: str

    def read(self, directory: Path | None = None) -> pl.DataFrame:
        """The typed table: one row an image, at least ``id``, ``prompt`` and a human score.

        Score columns are ``perception``, ``correspondence`` and ``answer``; the card states their scale.
        ``directory`` holds the released files; without it they are fetched, or an error says how to get them.
        """
        ...
