"""Scores and agreement as drawings: where each mean and its interval lie on the scale, in per cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmm4lmm.study.scored import Figure
from lmm4lmm.study.web.analysis import Analysis, DimensionAnalysis, Mean

MOST_DRAWN = 400
"""Items in the drawing of all of them; of more, evenly many are drawn."""
ENDS = 6
"""Images shown of the best and of the worst."""


@dataclass(frozen=True)
class Row:
    """A mean and where to draw it: per cent from the left end of the scale."""

    mean: Mean
    at: float
    low: float
    high: float
    image: str | None


@dataclass(frozen=True)
class DimensionView:
    """One dimension, drawn."""

    name: str
    method: str
    ticks: tuple[tuple[float, str], ...]
    agreement: tuple[Figure, ...]
    generators: tuple[Row, ...]
    items: tuple[Row, ...]
    best: tuple[Row, ...]
    worst: tuple[Row, ...]
    unscored: int
    scored: int
    warnings: tuple[str, ...]


def views(analysis: Analysis, images: Mapping[str, str]) -> list[DimensionView]:
    """All dimensions; ``images`` maps an item's id to its opaque id."""
    return [_view(dimension, images) for dimension in analysis.dimensions]


def _view(found: DimensionAnalysis, images: Mapping[str, str]) -> DimensionView:
    rows = [_row(mean, found, images) for mean in _by_score(found.items)]
    step = max(1, -(-len(rows) // MOST_DRAWN))
    ends = min(ENDS, len(rows) // 2)
    return DimensionView(
        name=found.dimension,
        method=found.method,
        ticks=_ticks(found),
        agreement=found.agreement,
        generators=tuple(_row(mean, found, images) for mean in _by_score(found.generators)),
        items=tuple(rows[::step]),
        best=tuple(rows[:ends]),
        worst=tuple(rows[len(rows) - ends :][::-1]),
        unscored=len(found.items) - len(rows),
        scored=len(rows),
        warnings=found.warnings,
    )


def _by_score(means: tuple[Mean, ...]) -> list[Mean]:
    scored = [mean for mean in means if mean.score is not None]
    return sorted(scored, key=lambda mean: (-(mean.score or 0.0), mean.name))


def _row(mean: Mean, found: DimensionAnalysis, images: Mapping[str, str]) -> Row:
    at = _place(mean.score or 0.0, found)
    low = at if mean.low is None else _place(mean.low, found)
    high = at if mean.high is None else _place(mean.high, found)
    return Row(mean, at, low, high, images.get(mean.name))


def _place(score: float, found: DimensionAnalysis) -> float:
    share = (score - found.least) / (found.most - found.least)
    return round(100 * min(1.0, max(0.0, share)), 2)


def _ticks(found: DimensionAnalysis) -> tuple[tuple[float, str], ...]:
    """Five ends and quarters of the scale."""
    return tuple((25.0 * n, f"{found.least + (found.most - found.least) * n / 4:g}") for n in range(5))
