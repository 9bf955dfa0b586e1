"""Agreement over generators (system level): do the metric's means order the generators as people's do?

Few points, so every number here is coarse: with 24 generators the standard error of an SRCC near zero is 0.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.stats.arrays import Floats, Groups, Labels, groups, need, pairs
from lmm4lmm.stats.correlation import LEAST_PAIRS, krcc, pairwise_accuracy, plcc, srcc
from lmm4lmm.stats.resampling import Statistic


@dataclass(frozen=True)
class SystemLevel:
    """Agreement of generators' means.

    Attributes:
        n: generators.
        names: of the generators, in order of first appearance.
        predicted: [n] the metric's mean of each.
        human: [n] people's mean of each.
        srcc: Spearman's correlation of the means, -1 to 1.
        krcc: Kendall's tau-b.
        plcc: Pearson's correlation.
        accuracy: share of the pairs of generators that metric and people order alike (ties of the metric are
            wrong), 0 to 1.
    """

    n: int
    names: tuple[object, ...]
    predicted: Floats
    human: Floats
    srcc: float
    krcc: float
    plcc: float
    accuracy: float


def system_level(predicted: ArrayLike, human: ArrayLike, systems: Labels) -> SystemLevel:
    """Correlations of the generators' mean scores.

    Args:
        predicted: [n] scores of a metric, any unit; items that miss either score are left out of both means.
        human: [n] scores by people, any unit.
        systems: [n] who made each image.

    Raises:
        StatisticsError: fewer than three generators, or all means of a side are equal.
    """
    found = pairs(predicted, human)
    made = groups(systems, found.kept.size, "systems").of(found.kept)
    x, y = means(found.x, made), means(found.y, made)
    need(x, y, LEAST_PAIRS)
    return SystemLevel(
        n=len(made),
        names=tuple(made.names),
        predicted=x,
        human=y,
        srcc=srcc(x, y),
        krcc=krcc(x, y),
        plcc=plcc(x, y),
        accuracy=pairwise_accuracy(x, y).accuracy,
    )


def means(values: Floats, made: Groups) -> Floats:
    """[g] the mean of each group's values."""
    sums = np.bincount(made.codes, values, len(made))
    return np.asarray(sums / np.bincount(made.codes, minlength=len(made)), dtype=np.float64)


def system_statistics(x: Floats, y: Floats, systems: Groups, prompts: Groups) -> dict[str, Statistic]:
    """``srcc``, ``krcc``, ``plcc`` and ``accuracy`` of the means as functions of prompt weights.

    The generators are fixed, the prompts are drawn: intervals speak of these generators on other prompts.

    Raises:
        StatisticsError: fewer than three generators, or all means of a side are equal.
    """
    need(means(x, systems), means(y, systems), LEAST_PAIRS)
    g = len(systems)
    sums = []
    for values in (np.ones_like(x), x - x.mean(), y - y.mean()):
        table = np.zeros((len(prompts), g))
        np.add.at(table, (prompts.codes, systems.codes), values)
        sums.append(table)

    latest: list[tuple[Floats, tuple[Floats, Floats]]] = []

    def drawn(weights: Floats) -> tuple[Floats, Floats]:
        """The means; a bootstrap asks all four statistics about the same weights in turn."""
        if not latest or latest[0][0] is not weights:
            with np.errstate(invalid="ignore"):
                n, sx, sy = (weights @ table for table in sums)
                latest[:] = [(weights, (sx / n, sy / n))]
        return latest[0][1]

    return {
        "srcc": lambda w: _pearson_rows(*(_rank_rows(rows) for rows in drawn(w))),
        "krcc": lambda w: _tau_rows(*drawn(w)),
        "plcc": lambda w: _pearson_rows(*drawn(w)),
        "accuracy": lambda w: _accuracy_rows(*drawn(w)),
    }


def _pearson_rows(x: Floats, y: Floats) -> Floats:
    """[r] Pearson's correlation of each row; NaN where a generator was not drawn or a row is constant."""
    x, y = (rows - rows.mean(axis=1, keepdims=True) for rows in (x, y))
    return _ratio((x * y).sum(axis=1), (x * x).sum(axis=1), (y * y).sum(axis=1))


def _rank_rows(rows: Floats) -> Floats:
    """[r, g] midranks within each row; NaN throughout a row that holds one."""
    above = np.zeros_like(rows)
    for other in rows.T:
        above += np.sign(rows - other[:, None])
    # as many below as above would be the middle of 1 .. g, and each pair moves a rank by a half
    return np.asarray((above + rows.shape[1] + 1) / 2.0, dtype=np.float64)


def _tau_rows(x: Floats, y: Floats) -> Floats:
    of_x, of_y = _signs(x), _signs(y)
    untied_x, untied_y = ((signs * signs).sum(axis=1) for signs in (of_x, of_y))
    return _ratio((of_x * of_y).sum(axis=1), untied_x, untied_y)


def _accuracy_rows(x: Floats, y: Floats) -> Floats:
    of_x, of_y = _signs(x), _signs(y)
    ordered = (of_y * of_y).sum(axis=1)
    alike = ((of_x == of_y) & (of_y != 0)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isnan(ordered), np.nan, alike / ordered), dtype=np.float64)


def _signs(rows: Floats) -> Floats:
    """[r, pairs] the order of each pair of generators."""
    i, j = np.triu_indices(rows.shape[1], 1)
    return np.asarray(np.sign(rows[:, i] - rows[:, j]), dtype=np.float64)


def _ratio(top: Floats, left: Floats, right: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(top / np.sqrt(left * right), -1.0, 1.0), dtype=np.float64)
