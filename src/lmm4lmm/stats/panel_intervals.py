"""Intervals of split-half reliability and of the noise ceiling: how far they'd move with other images.

Images are resampled with replacement, raters stay. Each resample is split in halves anew, a few times, so the
interval holds the luck of the split, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import table
from lmm4lmm.stats.ceiling import ceiling_from_ratings
from lmm4lmm.stats.panel import split_half

Ends = tuple[float, float]
MOST_CELLS = 500_000
"""Cells of images by raters; a larger table would take minutes and has no need of an interval over images."""
ENOUGH = 0.9
"""Share of the resamples in which a figure must be defined."""
DRAWS = 5


@dataclass(frozen=True)
class PanelIntervals:
    """Percentile intervals; None where the table is too large or the figure is often undefined.

    Attributes:
        halves: of the SRCC of split halves, stepped up by Spearman and Brown.
        ceiling: of the SRCC that a perfect metric reaches.
    """

    halves: Ends | None
    ceiling: Ends | None


def panel_intervals(
    ratings: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = 200,
    splits: int = 3,
    confidence: float = 0.95,
    severity: bool = True,
) -> PanelIntervals:
    """Bootstrap over images.

    Args:
        ratings: [n, raters] any unit; NaN where a rater did not rate an image.
        rng: the only source of chance.
        resamples: of the images.
        splits: of the raters, a resample.
        confidence: of the intervals, 0 to 1, ends excluded.

    Raises:
        StatisticsError: not a table of finite numbers.
    """
    whole = table(ratings, "ratings")
    if whole.size > MOST_CELLS or len(whole) < 2 or whole.shape[1] < 2:
        return PanelIntervals(None, None)
    halves, ceilings = [], []
    for _ in range(resamples):
        drawn = whole[rng.integers(0, len(whole), len(whole))]
        half = split_half(drawn, rng=rng, splits=splits).srcc.reliability
        if half is not None:
            halves.append(half)
        try:
            ceilings.append(ceiling_from_ratings(drawn, rng=rng, draws=DRAWS, severity=severity).srcc)
        except StatisticsError:
            continue  # these images differ no more than noise does
    return PanelIntervals(_ends(halves, resamples, confidence), _ends(ceilings, resamples, confidence))


def _ends(found: list[float], resamples: int, confidence: float) -> Ends | None:
    if len(found) < ENOUGH * resamples:
        return None
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
