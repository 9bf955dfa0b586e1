"""Scoring as a job of the engine: an item's image, prompt and question in, one row out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Literal, TypeVar

import msgspec
from PIL import Image

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.protocols import Executor, Metric
from lmm4lmm.core.records import DIMENSIONS, Dimension, Item, Score, ScoreRow
from lmm4lmm.running.engine import run_job
from lmm4lmm.running.in_memory import HeldItem
from lmm4lmm.running.jobs import Outcome
from lmm4lmm.running.journal import Journal
from lmm4lmm.running.progress import Progress

P = TypeVar("P")

PURPOSE = "scores"
"""What a journal of scores is opened for: ``Journal.open(path, purpose=PURPOSE)``."""


class ScoringJob(Generic[P]):
    """A metric as a job of the engine.

    A result is known by the image's bytes (of one in memory: its pixels, upright and RGB), the prompt, the
    question, the metric's fingerprint and the dimensions: renaming or moving files costs nothing, changing any
    of these is new work.

    Args:
        metric: what scores.
        dimensions: what to keep of its scores, in any order; all that it gives when None.

    Raises:
        InputError: the metric does not give one of the dimensions.
    """

    def __init__(self, metric: Metric[P], dimensions: Sequence[Dimension] | None = None) -> None:
        asked = tuple(metric.dimensions) if dimensions is None else tuple(dimensions)
        gives = f"{metric.fingerprint} gives {', '.join(metric.dimensions)}"
        if missing := [name for name in asked if name not in metric.dimensions]:
            raise InputError(f"{gives}, and not {', '.join(missing)}")
        if not asked:
            raise InputError(f"no dimension to score: {gives}")
        self.metric = metric
        self.dimensions: tuple[Dimension, ...] = tuple(name for name in DIMENSIONS if name in asked)

    def load(self, work: Item) -> tuple[str, bytes | Image.Image]:
        """The image's bytes, read once, or its pixels: what was hashed is what is scored."""
        if isinstance(work, HeldItem):
            picture = work.held.read()
            size = f"{picture.mode} {picture.width} x {picture.height}"
            return self._key(work, size, picture.tobytes()), picture
        data = load_bytes(work.path)
        return self._key(work, data), data

    def prepare(self, work: Item, loaded: bytes | Image.Image) -> P:
        """Decodes the image, where it came from a file, and lets the metric prepare it."""
        picture = read_image(loaded, name=work.image) if isinstance(loaded, bytes) else loaded
        return self.metric.prepare(work, picture)

    def _key(self, work: Item, *content: str | bytes) -> str:
        return score_key(work, *content, fingerprint=self.metric.fingerprint, dimensions=self.dimensions)

    def size(self, prepared: P) -> int:
        """What the metric says."""
        return self.metric.size(prepared)

    def run(self, batch: Sequence[P]) -> list[Score | ItemError]:
        """The metric's scores, checked and cut to the dimensions."""
        return [self._checked(score) for score in self.metric.score(batch)]

    def encode(self, result: Score) -> bytes:
        """JSON: legible in the journal, and floats come back bit for bit."""
        return msgspec.json.encode(result)

    def decode(self, data: bytes) -> Score:
        """The score again."""
        return msgspec.json.decode(data, type=Score)

    def _checked(self, score: Score | ItemError) -> Score | ItemError:
        if isinstance(score, ItemError):
            return score
        kept = Score(
            perception=score.perception if "perception" in self.dimensions else None,
            correspondence=score.correspondence if "correspondence" in self.dimensions else None,
            answer=score.answer if "answer" in self.dimensions else None,
            remark=score.remark,
        )
        # NaN has no place in JSON or in a mean: a metric that returns it has failed.
        if broken := [name for name, value in _numbers(kept) if not math.isfinite(value)]:
            return ItemError(f"{self.metric.fingerprint} gave no finite number for {', '.join(broken)}")
        return kept


def score_key(work: Item, *content: str | bytes, fingerprint: str, dimensions: Sequence[Dimension]) -> str:
    """What a result is known by; needs no metric at hand, so that who only reads images can look it up.

    Args:
        content: the image's bytes, or the parts that stand for them.
        dimensions: in the order of ``DIMENSIONS``.
    """
    return content_key(*content, work.prompt, work.question, fingerprint, ",".join(dimensions))


def score_manifest(
    metric: Metric[P],
    items: Iterable[Item],
    *,
    dimensions: Sequence[Dimension] | None = None,
    journal: Journal | None = None,
    batch_size: int | Literal["auto"] = "auto",
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    retries: int = 1,
    total: int | None = None,
) -> Iterator[ScoreRow]:
    """Scores items; one row an item, in their order, whatever happens to single ones.

    Args:
        metric: what scores.
        items: any number of items, drawn lazily.
        dimensions: what to score; all that the metric gives when None.
        journal: opened with ``purpose=PURPOSE``; makes the run resumable.
        batch_size, workers, executor, progress, retries, total: see ``run_job``.

    Returns:
        Rows; a failed item's row has ``error`` and no scores.

    Raises:
        InputError: the metric does not give one of the dimensions.
    """
    job = ScoringJob(metric, dimensions)
    outcomes = run_job(
        job,
        items,
        journal=journal,
        batch_size=batch_size,
        workers=workers,
        executor=executor,
        progress=progress,
        retries=retries,
        total=total,
    )
    return _rows(outcomes, metric.fingerprint)


def _rows(outcomes: Iterator[Outcome[Item, Score]], fingerprint: str) -> Iterator[ScoreRow]:
    for outcome in outcomes:
        item, score = outcome.work, outcome.result or Score()
        yield ScoreRow(
            id=item.id,
            image=item.image,
            prompt=item.prompt,
            generator=item.generator,
            task=item.task,
            perception=score.perception,
            correspondence=score.correspondence,
            answer=score.answer,
            metric=fingerprint,
            error=outcome.error,
            remark=score.remark,
        )


def _numbers(score: Score) -> Iterator[tuple[str, float]]:
    for name, estimate in (("perception", score.perception), ("correspondence", score.correspondence)):
        if estimate is not None:
            yield name, estimate.score
            if estimate.std is not None:
                yield f"the deviation of {name}", estimate.std
    if score.answer is not None:
        yield "answer", score.answer.p_yes
