"""Agreement of two columns of scores: SRCC, KRCC (tau-b, tau-c), Somers' d, PLCC and pairwise accuracy.

Rules that hold for all of them:

* Pairs with a missing value (NaN, None) are dropped; whoever needs the number asks ``arrays.pairs``.
* Fewer than three pairs, or a constant column, raise ``StatisticsError``: no number stands for "undefined".
  (``evaluation`` turns that into a result without a value and with the reason.)
* A correlation lies in -1 .. 1; 1 means that the metric orders (PLCC: places) items as people do, so a
  metric where lower is better comes out negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, dot, need, pairs
from lmm4lmm.stats.concordance import PairCounts, pair_counts

LEAST_PAIRS = 3


def srcc(predicted: ArrayLike, human: ArrayLike) -> float:
    """Spearman's rank correlation: Pearson's correlation of the ranks, ties at their mean rank.

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.

    Returns:
        -1 to 1.

    Raises:
        StatisticsError: see the module.
    """
    found = pairs(predicted, human)
    need(found.x, found.y, LEAST_PAIRS)
    return pearson(midranks(found.x), midranks(found.y))


def plcc(predicted: ArrayLike, human: ArrayLike) -> float:
    """Pearson's linear correlation of the raw values, no curve fitted first (see ``logistic`` for that).

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.

    Returns:
        -1 to 1.

    Raises:
        StatisticsError: see the module.
    """
    found = pairs(predicted, human)
    need(found.x, found.y, LEAST_PAIRS)
    return pearson(found.x, found.y)


def krcc(predicted: ArrayLike, human: ArrayLike) -> float:
    """Kendall's tau-b: (concordant - discordant) over the geometric mean of the pairs untied in each column.

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.

    Returns:
        -1 to 1. With ties in only one column the ends can't be reached.

    Raises:
        StatisticsError: see the module.

    Source:
        Kendall, Rank Correlation Methods (1948); ``scipy.stats.kendalltau(variant="b")`` agrees.
    """
    found = pairs(predicted, human)
    need(found.x, found.y, LEAST_PAIRS)
    return tau_b(pair_counts(found.x, found.y))


def krcc_c(predicted: ArrayLike, human: ArrayLike) -> float:
    """Kendall's tau-c (Stuart): like tau-b, but for columns with unequal numbers of distinct values.

    It is not tau-b and the two must not be compared; papers that say "KRCC" nearly always mean tau-b.

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.

    Returns:
        -1 to 1.

    Raises:
        StatisticsError: see the module.

    Source:
        Stuart, Biometrika 40 (1953); ``scipy.stats.kendalltau(variant="c")`` agrees.
    """
    found = pairs(predicted, human)
    need(found.x, found.y, LEAST_PAIRS)
    counts, n = pair_counts(found.x, found.y), found.x.size
    levels = min(np.unique(found.x).size, np.unique(found.y).size)
    difference = float((counts.concordant - counts.discordant).sum())
    return float(np.clip(difference * levels / (float(n) ** 2 * (levels - 1)), -1.0, 1.0))


def somers_d(predicted: ArrayLike, human: ArrayLike) -> float:
    """Somers' d of people's scores given the metric's: (concordant - discordant) over pairs the metric unties.

    A metric pays nothing for ties here, so one with few levels looks better than by tau-b. Not symmetric.

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.

    Returns:
        -1 to 1.

    Raises:
        StatisticsError: see the module.

    Source:
        Somers, American Sociological Review 27 (1962); ``scipy.stats.somersd(predicted, human)`` agrees.
    """
    found = pairs(predicted, human)
    need(found.x, found.y, LEAST_PAIRS)
    counts = pair_counts(found.x, found.y)
    return float((counts.concordant - counts.discordant).sum() / counts.untied_x.sum())


@dataclass(frozen=True)
class PairwiseAccuracy:
    """How the metric orders the n (n - 1) / 2 pairs of items.

    Attributes:
        concordant: pairs that metric and people order alike.
        discordant: pairs that they order in opposite ways.
        ties_human: pairs that only people tie.
        ties_metric: pairs that only the metric ties.
        ties_both: pairs that both tie.
        accuracy: share of the pairs that people order which the metric orders alike; its ties are wrong.
        accuracy_half: the same, where a tie of the metric counts one half (as a coin would decide).
        accuracy_with_ties: share of all pairs that metric and people treat alike, ties included
            (``acc_eq`` without calibration; Deutsch, Foster and Freitag, EMNLP 2023).
    """

    concordant: int
    discordant: int
    ties_human: int
    ties_metric: int
    ties_both: int
    accuracy: float
    accuracy_half: float
    accuracy_with_ties: float


def pairwise_accuracy(predicted: ArrayLike, human: ArrayLike) -> PairwiseAccuracy:
    """Which of two items is better: how often the metric says what people say. Higher is better for both.

    A constant metric is allowed here (it ties every pair).

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.

    Raises:
        StatisticsError: fewer than two pairs of values, or people tie all items.
    """
    found = pairs(predicted, human)
    if found.x.size < 2 or (found.y == found.y[0]).all():
        raise StatisticsError("pairwise accuracy needs two items that people score differently")
    counts, n = pair_counts(found.x, found.y), found.x.size
    con, dis = int(counts.concordant.sum()) // 2, int(counts.discordant.sum()) // 2
    both = int(counts.tied_both.sum()) // 2
    ordered, total = int(counts.untied_y.sum()) // 2, n * (n - 1) // 2
    metric = ordered - con - dis
    return PairwiseAccuracy(
        concordant=con,
        discordant=dis,
        ties_human=total - ordered - both,
        ties_metric=metric,
        ties_both=both,
        accuracy=con / ordered,
        accuracy_half=(con + metric / 2) / ordered,
        accuracy_with_ties=(con + both) / total,
    )


def midranks(values: Floats) -> Floats:
    """[n] ranks from 1; equal values share the mean of their ranks."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    return np.asarray((last - (size - 1) / 2)[group.ravel()], dtype=np.float64)


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation of two checked columns, in two passes for accuracy."""
    # scaled first: squares of very small or very large scores would leave the range of a float
    x, y = _unit(x - x.mean()), _unit(y - y.mean())
    return float(np.clip(dot(x, y) / np.sqrt(dot(x, x) * dot(y, y)), -1.0, 1.0))


def tau_b(counts: PairCounts) -> float:
    """Kendall's tau-b from counted pairs."""
    difference = float((counts.concordant - counts.discordant).sum())
    root = np.sqrt(float(counts.untied_x.sum())) * np.sqrt(float(counts.untied_y.sum()))
    return float(np.clip(difference / root, -1.0, 1.0))


def _unit(values: Floats) -> Floats:
    return np.asarray(values / np.abs(values).max(), dtype=np.float64)
