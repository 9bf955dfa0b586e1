"""All figures of agreement of one panel at once, whatever the design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.agreement import ChanceCorrected, fleiss_kappa, krippendorff_alpha
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.ceiling import NoiseCeiling, ceiling_from_ratings
from lmm4lmm.stats.icc import Intraclass, IntraclassCorrelations, intraclass_correlations
from lmm4lmm.stats.icc_gaps import one_way
from lmm4lmm.stats.panel import AgainstRest, SplitHalf, against_rest, split_half
from lmm4lmm.stats.rating_table import RatingTable

FEW_MARKS = 11
"""Up to so many different ratings they may be categories: Fleiss' kappa, and alpha for ordered marks."""
MOST_CELLS = 20_000_000
"""Cells of images by raters in a table; with more, figures that need one take images drawn at random."""


@dataclass(frozen=True)
class PanelAgreement:
    """Agreement of raters. What the ratings can't support is None, with a reason.

    Attributes:
        alpha_interval: Krippendorff's alpha, distances between marks count.
        alpha_ordinal: the order of marks counts; None with more than ``FEW_MARKS`` different ones.
        fleiss: Fleiss' kappa, marks are equal or not; None with more than ``FEW_MARKS`` different ones.
        icc: six forms over images that all raters rated.
        one_way: ICC(1,1) over all images with two ratings.
        one_way_mean: ICC(1,k) of them.
        ratings_an_image: k of ``one_way_mean``.
        halves: split halves, stepped up by Spearman and Brown.
        against_rest: one rater against the mean of the others.
        ceiling: what a perfect metric could reach; None with ``ceiling_reason``.
        ceiling_reason: why there is none.
        notes: what was simplified.
    """

    alpha_interval: ChanceCorrected
    alpha_ordinal: ChanceCorrected | None
    fleiss: ChanceCorrected | None
    icc: IntraclassCorrelations
    one_way: Intraclass
    one_way_mean: Intraclass
    ratings_an_image: float
    halves: SplitHalf
    against_rest: AgainstRest
    ceiling: NoiseCeiling | None
    ceiling_reason: str | None
    notes: tuple[str, ...]


def panel_agreement(
    ratings: RatingTable,
    *,
    rng: np.random.Generator,
    resamples: int = 200,
    splits: int = 50,
    severity: bool = True,
) -> PanelAgreement:
    """Agreement of raters among themselves.

    Args:
        ratings: any design.
        rng: the only source of chance.
        resamples: of images, for the intervals of alpha and kappa, at least 10.
        splits: of the raters in halves.
        severity: whether the scores keep how severe their raters are, as plain means do; for the ceiling.

    Raises:
        StatisticsError: no ratings.
    """
    if not ratings.values.size:
        raise StatisticsError("there are no ratings")
    side_by_side = packed(ratings)
    few = np.unique(ratings.values).size <= FEW_MARKS
    drawn, notes = _drawn(ratings, rng)
    matrix = drawn.matrix()
    single, mean, k = one_way(ratings)
    ceiling, reason = None, None
    try:
        ceiling = ceiling_from_ratings(matrix, rng=rng, severity=severity)
    except StatisticsError as error:
        reason = str(error)
    return PanelAgreement(
        alpha_interval=krippendorff_alpha(side_by_side, "interval", rng=rng, resamples=resamples),
        alpha_ordinal=krippendorff_alpha(side_by_side, "ordinal", rng=rng, resamples=resamples)
        if few
        else None,
        fleiss=fleiss_kappa(side_by_side, rng=rng, resamples=resamples) if few else None,
        icc=intraclass_correlations(matrix),
        one_way=single,
        one_way_mean=mean,
        ratings_an_image=k,
        halves=split_half(matrix, rng=rng, splits=splits),
        against_rest=against_rest(matrix),
        ceiling=ceiling,
        ceiling_reason=reason,
        notes=notes,
    )


def packed(ratings: RatingTable) -> Floats:
    """[n_items, most ratings of an item] each item's ratings from the left, whoever gave them.

    Coefficients that don't ask who rated need no column a rater: in a sparse design that is most of the table.
    """
    order = np.argsort(ratings.items, kind="stable")
    items = ratings.items[order]
    starts = np.searchsorted(items, np.arange(ratings.n_items))
    place = np.arange(items.size) - starts[items]
    width = max(int(ratings.item_counts.max(initial=0)), min(ratings.n_raters, 2))
    found = np.full((ratings.n_items, width), np.nan)
    found[items, place] = ratings.values[order]
    return found


def _drawn(ratings: RatingTable, rng: np.random.Generator) -> tuple[RatingTable, tuple[str, ...]]:
    """All images, or as many as make a table of bearable size."""
    most = max(MOST_CELLS // max(ratings.n_raters, 1), 100)
    if ratings.n_items <= most:
        return ratings, ()
    chosen = np.zeros(ratings.n_items, np.bool_)
    chosen[rng.permutation(ratings.n_items)[:most]] = True
    numbers = np.cumsum(chosen) - 1
    kept = chosen[ratings.items]
    found = RatingTable(
        numbers[ratings.items[kept]], ratings.raters[kept], ratings.values[kept], most, ratings.n_raters
    )
    return found, (
        f"halves, one against the rest, ICC by all raters and the ceiling: of {most:,} images at random",
    )
