"""Is a new checkpoint better than an old one: overall, by task, and beyond a margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

from lmm4lmm.core.counting import counted
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import Dimension
from lmm4lmm.report.sides import Side, samples, scored, sides
from lmm4lmm.stats.differences import Difference, adjusted, difference

Margin: TypeAlias = float | Mapping[str, float]
"""In points of 0 to 100 for all dimensions (for the answer, 0 to 1, a point is 0.01), or dimension -> own unit."""


@dataclass(frozen=True)
class DimensionComparison:
    """One dimension.

    Attributes:
        overall: over all prompts that count.
        tasks: task -> over its prompts, p-values adjusted by Holm for all tasks; empty without tasks on both sides.
        images: images with a score, of new and of old.
    """

    overall: Difference
    tasks: Mapping[str, Difference]
    images: tuple[int, int]


@dataclass(frozen=True)
class CheckpointComparison:
    """Two generators on every dimension that both have scores in.

    Attributes:
        new: the one asked about.
        old: what it is measured against.
        dimensions: dimension -> the comparison.
        notes: what a reader must know of left-out rows, unmatched prompts and the like.
    """

    new: Side
    old: Side
    dimensions: Mapping[Dimension, DimensionComparison]
    notes: tuple[str, ...]

    @property
    def worse(self) -> tuple[Dimension, ...]:
        """Dimensions in which new is surely worse by more than the margin."""
        return tuple(name for name, found in self.dimensions.items() if found.overall.worse_beyond_margin)

    @property
    def maybe_inferior(self) -> tuple[Dimension, ...]:
        """Dimensions in which it is not shown that new is not inferior by the margin."""
        return tuple(name for name, found in self.dimensions.items() if not found.overall.not_inferior)

    def to_json(self) -> dict[str, Any]:
        """The document that ``compare --json`` prints."""
        return {
            "new": _side_json(self.new),
            "old": _side_json(self.old),
            "dimensions": {
                name: {
                    **_difference_json(found.overall),
                    "images_new": found.images[0],
                    "images_old": found.images[1],
                    "tasks": {task: _difference_json(one) for task, one in found.tasks.items()},
                }
                for name, found in self.dimensions.items()
            },
            "worse_beyond_margin": list(self.worse),
            "not_shown_noninferior": list(self.maybe_inferior),
            "notes": list(self.notes),
        }


def compare_checkpoints(
    new: pl.DataFrame,
    old: pl.DataFrame,
    *,
    sources: tuple[str, str] = ("new", "old"),
    generators: tuple[str, str] | None = None,
    dimensions: Sequence[Dimension] | None = None,
    margin: Margin = 0.0,
    confidence: float = 0.95,
    any_metric: bool = False,
) -> CheckpointComparison:
    """New against old, paired by prompt where they share two prompts or more.

    Args:
        new: a scores table.
        old: another, or the same with ``generators``.
        sources: what the two tables are called.
        generators: which generator of each; None where each has one.
        dimensions: which to compare; None for all that both have.
        margin: a difference that does not matter; see ``Margin``.
        confidence: of the intervals, 0 to 1, ends excluded.
        any_metric: compare scores of different metrics, too.

    Raises:
        InputError: generators or dimensions that are not there, or scores of different metrics.
        StatisticsError: a margin or confidence that makes no sense.
    """
    pair = sides(new, old, sources, generators)
    names = scored(pair, dimensions)
    if not any_metric:
        _check_metrics(pair)
    found = {name: _compare(pair, name, margin_of(name, margin), confidence) for name in names}
    return CheckpointComparison(pair[0], pair[1], found, tuple(_notes(pair, found)))


def margin_of(dimension: Dimension, margin: Margin) -> float:
    """The margin of a dimension in its own unit."""
    if isinstance(margin, Mapping):
        return float(margin.get(dimension, 0.0))
    return margin / 100.0 if dimension == "answer" else margin


def _compare(
    pair: tuple[Side, Side], name: Dimension, margin: float, confidence: float
) -> DimensionComparison:
    new, old = (side.frame.filter(pl.col(name).is_not_null()) for side in pair)
    common = sorted(set(new["task"].drop_nulls()) & set(old["task"].drop_nulls()))
    tasks = []
    for task in common:
        parts = samples(new.filter(task=task), old.filter(task=task), name)
        tasks.append(difference(*parts, margin=margin, confidence=confidence))
    overall = difference(*samples(new, old, name), margin=margin, confidence=confidence)
    return DimensionComparison(
        overall, dict(zip(common, adjusted(tasks), strict=True)), (new.height, old.height)
    )


def _check_metrics(pair: tuple[Side, Side]) -> None:
    every = sorted({metric for side in pair for metric in side.metrics})
    if len(every) > 1:
        from_each = ", ".join(
            f"{side.name} ({side.source}) from {', '.join(side.metrics) or 'none'}" for side in pair
        )
        raise InputError(
            f"the scores come from different metrics: {from_each}. A difference between them would say nothing of "
            "the images. Score both with the same metric and weights; or, if you know that the metrics are the same, "
            "say --any-metric (in Python: any_metric=True)"
        )


def _notes(pair: tuple[Side, Side], found: Mapping[Dimension, DimensionComparison]) -> list[str]:
    notes = [
        f"{side.name}: {side.failed} of {side.rows} rows carry an error and are left out"
        for side in pair
        if side.failed
    ]
    for name, one in found.items():
        notes += _notes_of(pair, name, one)
    silent = [side for side in pair if not side.metrics]
    if len(silent) == 1:
        notes.append(
            f"{silent[0].source} does not say which metric its scores are from; they are taken to be the same"
        )
    return list(dict.fromkeys(notes))


def _notes_of(pair: tuple[Side, Side], name: Dimension, found: DimensionComparison) -> list[str]:
    overall, notes = found.overall, []
    apart = [
        side.frame.filter(pl.col(name).is_not_null())["cluster"].n_unique() - overall.n_shared
        for side in pair
    ]
    if not overall.paired:
        without = [side.name for side in pair if side.frame["cluster"].str.contains("^(new|old):i:").all()]
        why = (
            f"{' and '.join(without)} without prompts"
            if without
            else f"only {counted(overall.n_shared, 'prompt')} in both"
        )
        notes.append(
            f"{why}: compared unpaired, so differences between the prompts are part of the difference, and a small "
            "one is hard to see"
        )
    elif any(apart):
        notes.append(
            f"{overall.n_shared} prompts in both; {apart[0]} only in {pair[0].name} and {apart[1]} only in "
            f"{pair[1].name} are left out"
        )
    if overall.paired and overall.wins == overall.losses == 0:
        notes.append(f"{name}: every prompt has the same score in both; are they the same images?")
    if overall.reason:
        notes.append(f"{name}: {overall.reason}")
    return notes


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "source": side.source,
        "generator": side.generator,
        "metrics": list(side.metrics),
        "rows": side.rows,
        "failed": side.failed,
    }


def _difference_json(found: Difference) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "confidence": found.confidence,
        "new": found.new_mean,
        "old": found.old_mean,
        "p": found.p,
        "p_adjusted": found.p_adjusted,
        "paired": found.paired,
        "prompts": found.n_shared,
        "prompts_new": found.n_new,
        "prompts_old": found.n_old,
        "sd": found.sd,
        "wins": found.wins,
        "losses": found.losses,
        "margin": found.margin,
        "p_equivalent": found.p_equivalent,
        "equivalent": found.equivalent,
        "worse_beyond_margin": found.worse_beyond_margin,
        "noninferior": found.not_inferior,
        "reason": found.reason,
    }
