"""The noise ceiling: how well even a perfect metric could agree with human scores that are noisy themselves.

A mean of ratings is the true mean (over all people who might have been asked) plus an error with the standard
error SE. The share of the variance of the means that is not error is their *reliability*,
``1 - mean(SE^2) / var(means)``. The best that any metric can reach is what the true means would reach: PLCC
``sqrt(reliability)``; the SRCC has no formula and is simulated: true scores are the means, shrunk to the true
variance; noise is added anew; the correlation of both is taken, and averaged over draws.

*Share of the reachable range*: ``(metric - best no-pixel baseline) / (ceiling - best no-pixel baseline)``. 0 is
what the name of the generator and the prompt give already, 1 is all that human noise leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, column, table
from lmm4lmm.stats.correlation import LEAST_PAIRS, srcc

SHARE_DEFINITION = (
    "share of the reachable range = (metric - best no-pixel) / (ceiling - best no-pixel), in SRCC"
)


@dataclass(frozen=True)
class NoiseCeiling:
    """What a perfect metric reaches.

    Attributes:
        n: items with a mean and a standard error.
        reliability: share of the variance of the means that is not noise, 0 to 1.
        plcc: the highest expected PLCC.
        srcc: the highest expected SRCC.
    """

    n: int
    reliability: float
    plcc: float
    srcc: float


def ceiling_from_errors(
    human: ArrayLike, standard_error: ArrayLike, *, rng: np.random.Generator, draws: int = 20
) -> NoiseCeiling:
    """The ceiling from the means and their standard errors.

    Args:
        human: [n] mean scores by people, any unit; NaN where there is none.
        standard_error: [n] SD of the ratings (ddof 1) / sqrt(raters), same unit; NaN where unknown: such items
            are left out.
        rng: the only source of chance.
        draws: simulated panels.

    Raises:
        StatisticsError: fewer than three items, a negative error, or means that differ no more than noise does.
    """
    y, se = column(human, "human"), column(standard_error, "standard_error")
    if y.size != se.size:
        raise StatisticsError(f"human has {y.size} values and standard_error {se.size}")
    kept = ~(np.isnan(y) | np.isnan(se))
    y, se = y[kept], se[kept]
    if y.size < LEAST_PAIRS:
        raise StatisticsError(
            f"a ceiling needs at least {LEAST_PAIRS} items with a standard error; there are {y.size}"
        )
    if (se < 0).any():
        raise StatisticsError(f"a standard error can't be negative; one is {se.min():g}")
    variance = float(y.var(ddof=1))
    reliability = 1.0 - float(np.square(se).mean()) / variance if variance > 0 else 0.0
    if reliability <= 0.0:
        raise StatisticsError(
            "the human scores differ no more than their own noise does: there is no ceiling"
        )
    true = y.mean() + np.sqrt(reliability) * (y - y.mean())
    found = [srcc(true, true + se * rng.standard_normal(y.size)) for _ in range(draws)]
    return NoiseCeiling(int(y.size), reliability, float(np.sqrt(reliability)), float(np.mean(found)))


def ceiling_from_ratings(
    ratings: ArrayLike, *, rng: np.random.Generator, draws: int = 20, severity: bool = True
) -> NoiseCeiling:
    """The ceiling from raw ratings.

    A rater who is severe on all items shifts them all and changes no order: where everybody rated everything,
    severity is no noise. Where items had different raters it is, in plain means: an item's mean holds the severity of
    the ``n`` who saw it, out of ``k``. Its squared error is therefore taken between the one with each rater's mean
    distance from the items' means taken out (n = k) and the one with all in (n far below k), the share of the
    second being 1 - n / k: what the variance of a mean of n of k severities asks for, raters being given to items
    at random.

    Args:
        ratings: [n, raters] raw ratings, NaN where a rater did not see an item; items with one rating are left
            out.
        rng: the only source of chance.
        draws: simulated panels.
        severity: whether the scores are plain means, which keep severity; False for scores that had it taken out.

    Raises:
        StatisticsError: not a table, or see ``ceiling_from_errors``.
    """
    whole = table(ratings, "ratings")
    known = ~np.isnan(whole)
    count, given = known.sum(axis=1), known.sum(axis=0)
    rated = np.where(known, whole, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = rated.sum(axis=1) / count
        away = np.where(known, whole - mean[:, None], 0.0)
        harsh = away.sum(axis=0) / given
        freed = np.where(known, away - harsh, 0.0)
        with_it, without = (np.square(part).sum(axis=1) / (count - 1) / count for part in (away, freed))
        if severity:
            kept = 1.0 - count / (given > 0).sum()
            squared = kept * with_it + (1.0 - kept) * without
        else:
            squared = without
            mean = mean - np.where(known, harsh, 0.0).sum(axis=1) / count
    error = np.sqrt(squared)
    error[count < 2] = np.nan
    return ceiling_from_errors(mean, error, rng=rng, draws=draws)


def reachable_share(metric: float, baseline: float, ceiling: float) -> float | None:
    """(metric - baseline) / (ceiling - baseline); below 0 where a metric is worse than the baseline.

    Args:
        metric: SRCC of the metric.
        baseline: SRCC of the best predictor that sees no pixel.
        ceiling: SRCC of the noise ceiling.

    Returns:
        None where the ceiling is not above the baseline: there is no range then.
    """
    return (metric - baseline) / (ceiling - baseline) if ceiling > baseline else None


def standard_errors(sd: ArrayLike, raters: ArrayLike) -> Floats:
    """[n] SD / sqrt(raters); NaN where either is missing or fewer than two rated."""
    spread, count = column(sd, "sd"), column(raters, "raters")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count >= 2, spread / np.sqrt(count), np.nan), dtype=np.float64)
