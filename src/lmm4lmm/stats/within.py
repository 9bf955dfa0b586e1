"""Agreement within a prompt: which of its images is better. What the prompt does to a score can't help here.

*acc_eq with ties calibrated.* Metrics with many digits never tie, people do, so a metric could never be right
about a pair that people tie. Deutsch, Foster and Freitag (EMNLP 2023, "Ties Matter") therefore let a metric
call a tie when two of its scores differ by at most epsilon, and choose the epsilon with the highest accuracy.
It is chosen on the same data, so the accuracy is a little optimistic; the value at epsilon 0 stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Groups, Labels, pairs
from lmm4lmm.stats.arrays import groups as as_groups
from lmm4lmm.stats.correlation import LEAST_PAIRS
from lmm4lmm.stats.pairing import ItemPairs, gaps, item_pairs, one_group

SAME = 1e-12
"""Accuracies closer than this are equal: their sums differ by rounding."""


@dataclass(frozen=True)
class CalibratedAccuracy:
    """Share of pairs that a metric treats as people do, ties included.

    Attributes:
        accuracy: at the best epsilon, 0 to 1; the mean over groups where there are groups.
        epsilon: the smallest tie threshold that reaches it, in units of the metric; 0 calls only equal
            scores a tie.
        accuracy_uncalibrated: at epsilon 0.
        by_group: [g] accuracy of each group (in order of first appearance, or as ``Groups`` numbers them) at the
            best epsilon; NaN where a group has no pair.
        n_pairs: pairs of items.
        n_groups: groups with a pair.
    """

    accuracy: float
    epsilon: float
    accuracy_uncalibrated: float
    by_group: Floats
    n_pairs: int
    n_groups: int


def calibrated_accuracy(
    predicted: ArrayLike, human: ArrayLike, *, groups: Labels | Groups | None = None
) -> CalibratedAccuracy:
    """Pairwise accuracy ``acc_eq`` at the tie threshold that suits the metric best.

    Args:
        predicted: [n] scores of a metric, higher is better (turn the sign of one where lower is better).
        human: [n] scores by people, any unit; equal scores are ties.
        groups: [n] the prompt of each item, as labels or as numbers: only pairs within a prompt count, and each
            prompt weighs the same. None takes all pairs together.

    Raises:
        StatisticsError: no pair of items, or too many pairs to list (see ``pairing``).
    """
    found = pairs(predicted, human)
    grouped = one_group(found.x.size) if groups is None else _grouped(groups, found.kept)
    listed = item_pairs(grouped)
    if not listed.first.size:
        raise StatisticsError("no two items can be compared: every group has one item at most")
    gap = np.abs(gaps(found.x, listed))
    tied, alike = _verdicts(found.x, found.y, listed)
    counts = np.bincount(listed.group, minlength=len(grouped))
    n_groups = int((counts > 0).sum())
    weight = 1.0 / (counts[listed.group] * n_groups)
    epsilon, accuracy, at_zero = _best(gap, weight * tied, weight * alike)
    right = np.where(gap <= epsilon, tied, alike)
    with np.errstate(invalid="ignore"):
        by_group = np.bincount(listed.group, right, len(grouped)) / counts
    return CalibratedAccuracy(
        accuracy=accuracy,
        epsilon=epsilon,
        accuracy_uncalibrated=at_zero,
        by_group=np.asarray(by_group, dtype=np.float64),
        n_pairs=int(gap.size),
        n_groups=n_groups,
    )


@dataclass(frozen=True)
class WithinGroups:
    """SRCC within groups.

    Attributes:
        mean: mean over the groups where it is defined, each counting once, -1 to 1.
        by_group: [g] each group's, in the order of ``names``; NaN where it is undefined.
        names: the groups.
        n_defined: groups with a value.
        n_undefined: groups with fewer than three items, or where metric or people score all alike.
    """

    mean: float
    by_group: Floats
    names: tuple[object, ...]
    n_defined: int
    n_undefined: int


def mean_srcc_within(predicted: ArrayLike, human: ArrayLike, groups: Labels | Groups) -> WithinGroups:
    """Mean over groups (prompts) of Spearman's correlation within each.

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.
        groups: [n] the group of each item.

    Raises:
        StatisticsError: it is defined in no group.
    """
    found = pairs(predicted, human)
    grouped = _grouped(groups, found.kept)
    values = _srcc_of_groups(found.x, found.y, grouped)
    defined = int((~np.isnan(values)).sum())
    if not defined:
        raise StatisticsError(
            f"none of the {len(grouped)} groups has {LEAST_PAIRS} items that metric and people tell apart"
        )
    return WithinGroups(
        float(np.nanmean(values)), values, tuple(grouped.names), defined, len(grouped) - defined
    )


def _grouped(groups: Labels | Groups, kept: NDArray[np.bool_]) -> Groups:
    numbered = groups if isinstance(groups, Groups) else as_groups(groups, kept.size, "groups")
    return numbered.of(kept)


def _srcc_of_groups(x: Floats, y: Floats, grouped: Groups) -> Floats:
    """[g] Spearman's correlation within each group; NaN where it is undefined."""
    size = np.bincount(grouped.codes, minlength=len(grouped))
    # doubled and centred midranks are whole numbers, so their sums are exact
    of_x, of_y = (_doubled_ranks(values, grouped) - (size[grouped.codes] + 1) for values in (x, y))
    xy, xx, yy = (
        np.bincount(grouped.codes, product, len(grouped))
        for product in (of_x * of_y, of_x * of_x, of_y * of_y)
    )
    defined = (size >= LEAST_PAIRS) & (xx > 0) & (yy > 0)
    found = np.full(len(grouped), np.nan)
    np.divide(xy, np.sqrt(xx * yy), out=found, where=defined)
    return np.asarray(np.clip(found, -1.0, 1.0), dtype=np.float64)


def _doubled_ranks(values: Floats, grouped: Groups) -> Floats:
    """[n] twice the rank of each item within its group, ties at their mean."""
    order = np.lexsort((values, grouped.codes))
    ordered, codes = values[order], grouped.codes[order]
    first = np.flatnonzero(
        np.concatenate(([True], (ordered[1:] != ordered[:-1]) | (codes[1:] != codes[:-1])))
    )
    together = np.diff(first, append=values.size)
    begin = np.searchsorted(codes, codes[first])
    ranks = np.empty(values.size)
    ranks[order] = np.repeat(2 * (first - begin) + together + 1, together)
    return ranks


def _verdicts(x: Floats, y: Floats, listed: ItemPairs) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[p] whether people tie a pair, and whether metric and people order it alike."""
    of_x, of_y = np.sign(gaps(x, listed)), np.sign(gaps(y, listed))
    return of_y == 0, (of_x == of_y) & (of_y != 0)


def _best(gap: Floats, tied: Floats, alike: Floats) -> tuple[float, float, float]:
    """The best epsilon, the accuracy there, and the accuracy at 0, from each pair's worth as a tie or not."""
    order = np.argsort(gap, kind="stable")
    ascending = gap[order]
    last = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True))
    # up to epsilon pairs count where people tie, beyond it where the order is right
    accuracy = alike.sum() + np.cumsum(tied[order] - alike[order])[last]
    epsilon = ascending[last]
    if epsilon[0] > 0.0:
        epsilon, accuracy = np.append(0.0, epsilon), np.append(alike.sum(), accuracy)
    best = int(np.argmax(accuracy >= accuracy.max() - SAME))
    return float(epsilon[best]), float(accuracy[best]), float(accuracy[0])


def grouped_mean(values: Floats, weights: Floats) -> Floats:
    """[r] means of groups' values [g] under weights [r, g]; groups without a value don't count."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (weights[:, known] @ values[known]) / weights[:, known].sum(axis=1), dtype=np.float64
        )
