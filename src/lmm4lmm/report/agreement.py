"""A metric's agreement with people as the report shows it: the views of a metric study, one metric at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from lmm4lmm.core.counting import counted
from lmm4lmm.core.records import Dimension
from lmm4lmm.report.contest_view import DimensionView, dimension_view
from lmm4lmm.report.disagreements import Gallery
from lmm4lmm.report.evaluation import Evaluation, evaluation
from lmm4lmm.report.joining import Joined
from lmm4lmm.report.judged import Judged, used_rows
from lmm4lmm.report.levels import HumanFacts
from lmm4lmm.report.metric_table import Contest, MetricTable
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.wording import tidy

THE_METRIC = "The metric"
"""A metric of which no name is known."""


@dataclass(frozen=True)
class AgreementView:
    """Agreement in all dimensions, and what could not be compared.

    Attributes:
        notes: what was left out, as sentences.
    """

    dimensions: tuple[DimensionView, ...]
    matched: int
    notes: tuple[str, ...]


def agreement_view(
    frame: pl.DataFrame,
    human: pl.DataFrame,
    *,
    seed: int,
    resamples: int,
    gallery: Gallery | None = None,
    facts: HumanFacts | None = None,
) -> AgreementView:
    """Evaluates a table and gathers what a page shows of it.

    See ``evaluation.evaluation`` for the arguments and for what it raises; ``gallery`` says where pictures come
    from, without one none is shown.
    """
    found = evaluation(frame, human, seed=seed, resamples=resamples, facts=facts)
    return of_evaluation(found, _called(frame), gallery or Gallery((), Thumbnails(0), 0), seed=seed)


def _called(frame: pl.DataFrame) -> str:
    """What the rows call their metric, without the hash; a word for it where they name none, or several."""
    names = frame["metric"].drop_nulls().unique().to_list() if "metric" in frame.columns else []
    if len(names) != 1:
        return THE_METRIC
    return str(names[0]).rpartition(":")[0] or str(names[0]) or THE_METRIC


def of_evaluation(found: Evaluation, name: str, gallery: Gallery, *, seed: int) -> AgreementView:
    """The views of one metric, in every dimension.

    Args:
        found: evaluated with ``detail``.
        name: of the metric, for people; never empty.
        gallery: where pictures come from.
        seed: of points drawn by lot.
    """
    dimensions = tuple(
        dimension_view(
            dimension,
            [
                Judged(
                    name,
                    dimension,
                    used_rows(found.joined.frame, dimension),
                    measured,
                    found.levels[dimension],
                )
            ],
            found.baselines[dimension],
            gallery,
            seed=seed,
        )
        for dimension, measured in found.dimensions.items()
    )
    return AgreementView(dimensions, found.joined.frame.height, _left_out(found.joined, ""))


def of_table(found: MetricTable, gallery: Gallery, *, seed: int) -> AgreementView:
    """The views of several metrics, in every dimension."""
    dimensions = tuple(
        _contest_view(dimension, contest, gallery, seed) for dimension, contest in found.dimensions.items()
    )
    matched = max(joined.frame.height for joined in found.joined.values())
    notes = [note for name, joined in found.joined.items() for note in _left_out(joined, f"{tidy(name)}: ")]
    return AgreementView(dimensions, matched, (*notes, *(f"{tidy(note)}." for note in found.notes)))


def _contest_view(dimension: Dimension, contest: Contest, gallery: Gallery, seed: int) -> DimensionView:
    metrics = [
        Judged(
            name,
            dimension,
            contest.frames[name],
            contest.measured[name],
            contest.levels[name],
            contest.comparison.groups[name],
        )
        for name in contest.comparison.names
    ]
    return dimension_view(
        dimension,
        metrics,
        contest.baselines,
        gallery,
        seed=seed,
        left_out=contest.left_out,
        comparison=contest.comparison,
        answering=contest.answering,
    )


def _left_out(joined: Joined, before: str) -> tuple[str, ...]:
    rows: Sequence[tuple[int, str]] = (
        (joined.failed, "of the scores with an error"),
        (joined.only_scores, "of the scores without human scores"),
        (joined.only_human, "of the human scores without a score here"),
    )
    return tuple(
        f"{before}{counted(n, 'row')} {what} {'is' if n == 1 else 'are'} left out." for n, what in rows if n
    )
