"""What every recovery method gives: scores of items with their errors, facts about raters, and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats, Ints
from lmm4lmm.stats.rating_table import RatingTable, quotient

Compat: TypeAlias = Literal["strict", "sureal"]
"""Whose reading of a recommendation is followed; see ``screening``."""

IntervalKind: TypeAlias = Literal["normal", "t"]
"""By quantiles of the normal distribution, as the recommendations write, or of Student's t."""

SUREAL_Z = 1.95996
"""The quantile of sureal, cut after five digits."""


@dataclass(frozen=True)
class Bounds:
    """Ends of intervals of the items' scores, [n_items] each; NaN where there is none."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class RaterFacts:
    """What the method says of each rater; all arrays are [n_raters].

    Attributes:
        n: ratings given (repeated ones count once).
        mean: of the raw ratings; NaN without ratings.
        sd: of the raw ratings, ddof 1; NaN with fewer than two.
        bias: how far the rater is above (or below) others on the same items, in the unit of the ratings; NaN
            without ratings.
        inconsistency: SD of what is left of the rater's ratings after item and bias, in the unit of the ratings.
        bias_half: half the interval of the bias; NaN where the method gives none.
        inconsistency_low: lower end of the interval of the inconsistency; NaN where the method gives none.
        inconsistency_high: upper end.
        above: ratings that screening flags as too high (P of BT.500); 0 where nothing is screened.
        below: the same, too low (Q).
        rejected: whether none of the rater's ratings is in the scores.
        reasons: why; None for those who are not rejected.
    """

    n: Ints
    mean: Floats
    sd: Floats
    bias: Floats
    inconsistency: Floats
    bias_half: Floats
    inconsistency_low: Floats
    inconsistency_high: Floats
    above: Ints
    below: Ints
    rejected: NDArray[np.bool_]
    reasons: tuple[str | None, ...]

    @property
    def flagged_share(self) -> Floats:
        """[n_raters] share of the rater's own ratings that are flagged; NaN without ratings."""
        return quotient((self.above + self.below).astype(np.float64), self.n.astype(np.float64))


@dataclass(frozen=True)
class Recovered:
    """Scores recovered from ratings.

    Attributes:
        method: its name in ``mos.METHODS``.
        score: [n_items] in the method's unit; NaN where ``missing`` says why.
        se: [n_items] standard error of the score; NaN where it can't be had, as with one rating.
        n: [n_items] ratings in the score.
        normal: score -+ z se.
        t: score -+ t se with n - 1 degrees of freedom; None where the error is not that of a mean of n ratings.
        interval: the kind that ``low`` and ``high`` give.
        confidence: of the intervals.
        raters: facts about the raters.
        removed: [m, 2] item and rater of single ratings that were left out, those of rejected raters among them.
        iterations: of the methods that iterate; None for the others.
        missing: item -> why it has no score.
        warnings: what to know before the scores are used, one sentence each.
    """

    method: str
    score: Floats
    se: Floats
    n: Ints
    normal: Bounds
    t: Bounds | None
    interval: IntervalKind
    confidence: float
    raters: RaterFacts
    removed: Ints
    iterations: int | None
    missing: Mapping[int, str]
    warnings: tuple[str, ...]

    @property
    def low(self) -> Floats:
        """[n_items] lower ends of ``interval``."""
        return self._bounds().low

    @property
    def high(self) -> Floats:
        """[n_items] upper ends of ``interval``."""
        return self._bounds().high

    def _bounds(self) -> Bounds:
        return self.normal if self.interval == "normal" or self.t is None else self.t


@dataclass(frozen=True)
class Draft:
    """What a family of methods hands to ``mos``, which makes a ``Recovered`` of it.

    Attributes:
        values: [r] each rating in the unit of the score, bias taken off.
        kept: [r] which ratings are in the scores.
        rejected: rater -> why.
        flagged_above: [r] ratings that screening calls too high.
        flagged_below: [r] ratings that it calls too low.
        warnings: sentences.
        score: [n_items] where it is no plain mean of ``values``.
        se: [n_items] with it.
        se_for_t: [n_items] the error that goes with Student's t, where there is one.
        bias: [n_raters] where the method has its own.
        inconsistency: [n_raters] where the method has its own.
        with_rater_intervals: whether bias and inconsistency have intervals.
        iterations: how many.
    """

    values: Floats
    kept: NDArray[np.bool_]
    rejected: Mapping[int, str]
    flagged_above: NDArray[np.bool_]
    flagged_below: NDArray[np.bool_]
    warnings: tuple[str, ...] = ()
    score: Floats | None = None
    se: Floats | None = None
    se_for_t: Floats | None = None
    bias: Floats | None = None
    inconsistency: Floats | None = None
    with_rater_intervals: bool = False
    iterations: int | None = None


def plain_draft(ratings: RatingTable, values: Floats | None = None) -> Draft:
    """All ratings, nobody flagged."""
    nothing = np.zeros(ratings.items.size, np.bool_)
    return Draft(ratings.values if values is None else values, ~nothing, {}, nothing, nothing)
