"""Several metrics against the same people on the same items: which agree better, and which can't be told apart.

The difference of two correlations is resampled by prompt, both metrics under the same draws, so what they share
cancels. Its p-value is two-sided from ``difference / bootstrap standard error`` by Student's t with prompts - 1
degrees of freedom: counting replicates beyond zero could not give less than 2 / resamples, too coarse for many
pairs. Where no resample changes the difference (a metric, and the same turned round) that error is 0, and p is the
least that the signs of so many prompts allow. p-values are adjusted by Holm over all pairs. Beside it stand the
tests that take items as independent (``dependent``), for comparison with papers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import correlation, dependent, replicates
from lmm4lmm.stats.arrays import Floats, Groups, Labels, column, groups, need
from lmm4lmm.stats.comparisons import holm, letters
from lmm4lmm.stats.resampling import Interval, Statistic, bootstrap, check_resampling, percentile_interval

Measure: TypeAlias = Literal["srcc", "krcc", "plcc"]

ROUNDING = 1e-12
"""Differences of correlations below this are none."""

STATISTICS: dict[Measure, Callable[[Floats, Floats, Groups], Statistic]] = {
    "srcc": replicates.spearman,
    "krcc": replicates.kendall,
    "plcc": replicates.pearson,
}


@dataclass(frozen=True)
class MetricPair:
    """Two metrics.

    Attributes:
        a: the one that agrees better.
        b: the other.
        difference: correlation of a minus that of b, with its interval for this pair alone.
        p: two-sided, from the clustered bootstrap; None where it can't be had.
        p_adjusted: by Holm over all pairs.
        different: p_adjusted < 1 - confidence.
        by_formula: tests that take items as independent; None for tau, and where they are undefined.
    """

    a: str
    b: str
    difference: Interval
    p: float | None
    p_adjusted: float | None
    different: bool
    by_formula: dependent.FormulaTests | None


@dataclass(frozen=True)
class MetricComparison:
    """Metrics in order of their agreement.

    Attributes:
        measure: the correlation compared.
        n: items that people and all metrics scored.
        n_dropped: items that one of them did not score.
        n_prompts: prompts among the n.
        names: best first; those without a value last.
        values: each one's correlation with its interval.
        groups: each one's letters; two share one exactly when they could not be told apart.
        pairs: each pair, the better one as ``a``.
    """

    measure: Measure
    n: int
    n_dropped: int
    n_prompts: int
    names: tuple[str, ...]
    values: Mapping[str, Interval]
    groups: Mapping[str, tuple[str, ...]]
    pairs: tuple[MetricPair, ...]


def compare_metrics(
    predicted: Mapping[str, ArrayLike],
    human: ArrayLike,
    *,
    prompts: Labels | None,
    rng: np.random.Generator,
    measure: Measure = "srcc",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> MetricComparison:
    """Compares metrics over the items that all of them and people scored.

    Args:
        predicted: name -> [n] scores, any unit each, higher is better; NaN where there is none.
        human: [n] scores by people.
        prompts: [n] the prompt of each item; None resamples single items.
        rng: the only source of chance.
        measure: the correlation to compare.
        resamples: bootstrap resamples, at least 10.
        confidence: of the intervals and of all claims together.

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a prompt is None.
    """
    check_resampling(resamples, confidence)
    columns = {name: column(values, name) for name, values in predicted.items()}
    y = column(human, "human")
    for name, x in columns.items():
        if x.size != y.size:
            raise StatisticsError(f"{name} has {x.size} values and human {y.size}: not the same items")
    kept = np.asarray(~np.isnan(np.column_stack([y, *columns.values()])).any(axis=1), dtype=np.bool_)
    drawn = groups(prompts, y.size, "prompts").of(kept)
    y, columns = y[kept], {name: x[kept] for name, x in columns.items()}
    ready, undefined = _prepared(columns, y, drawn, measure)
    values, replicas = _measured(ready, len(drawn), rng, resamples, confidence)
    names = sorted(values, key=lambda name: (-float(values[name].value or 0.0), name))
    pairs = _pairs(names, values, replicas, columns, y, measure, len(drawn), confidence)
    return MetricComparison(
        measure=measure,
        n=int(y.size),
        n_dropped=int(kept.size - y.size),
        n_prompts=len(drawn),
        names=(*names, *undefined),
        values=values | undefined,
        groups=_letters(names, pairs) | dict.fromkeys(undefined, ()),
        pairs=pairs,
    )


def _prepared(
    columns: Mapping[str, Floats], y: Floats, drawn: Groups, measure: Measure
) -> tuple[dict[str, Statistic], dict[str, Interval]]:
    ready: dict[str, Statistic] = {}
    undefined: dict[str, Interval] = {}
    for name, x in columns.items():
        try:
            need(x, y, correlation.LEAST_PAIRS)
            ready[name] = STATISTICS[measure](x, y, drawn)
        except StatisticsError as error:
            undefined[name] = Interval(None, None, None, str(error))
    return ready, undefined


def _measured(
    ready: Mapping[str, Statistic],
    n_prompts: int,
    rng: np.random.Generator,
    resamples: int,
    confidence: float,
) -> tuple[dict[str, Interval], dict[str, Floats]]:
    nothing = np.empty(0)
    replicas = bootstrap(ready, n_prompts, rng=rng, resamples=resamples) if ready and n_prompts > 1 else {}
    values = {
        name: percentile_interval(
            float(statistic(np.ones((1, n_prompts)))[0]), replicas.get(name, nothing), n_prompts, confidence
        )
        for name, statistic in ready.items()
    }
    return values, replicas


def _pairs(
    names: list[str],
    values: Mapping[str, Interval],
    replicas: Mapping[str, Floats],
    columns: Mapping[str, Floats],
    y: Floats,
    measure: Measure,
    n_prompts: int,
    confidence: float,
) -> tuple[MetricPair, ...]:
    found, formula = [], _Formula(columns, y, measure, confidence)
    for a, b in itertools.combinations(names, 2):
        apart = float(values[a].value or 0.0) - float(values[b].value or 0.0)
        moved = replicas[a] - replicas[b] if replicas else np.empty(0)
        difference = percentile_interval(apart, moved, n_prompts, confidence)
        p = None if difference.low is None else _p_value(apart, moved, n_prompts)
        found.append(MetricPair(a, b, difference, p, p, False, formula.tests(a, b)))
    tested = [i for i, pair in enumerate(found) if pair.p is not None]
    adjusted = holm(np.array([found[i].p for i in tested], dtype=np.float64))
    for i, p_adjusted in zip(tested, adjusted.tolist(), strict=True):
        found[i] = replace(found[i], p_adjusted=p_adjusted, different=p_adjusted < 1 - confidence)
    return tuple(found)


def _p_value(difference: float, moved: Floats, n_prompts: int) -> float:
    error = float(np.nanstd(moved, ddof=1))
    if error <= ROUNDING:
        # no resample changes the difference: either they order all items alike, or they differ on every prompt
        return 1.0 if abs(difference) <= ROUNDING else 0.5 ** (n_prompts - 1)
    from scipy.special import stdtr  # takes 0.3 s to import

    return 2.0 * float(stdtr(n_prompts - 1, -abs(difference) / error))


class _Formula:
    """Tests by formula of pairs of metrics; each is ranked, and compared with people, once."""

    def __init__(self, columns: Mapping[str, Floats], y: Floats, measure: Measure, confidence: float) -> None:
        self._undefined = measure == "krcc"
        ranked = measure == "srcc"
        self._columns = {n: correlation.midranks(x) for n, x in columns.items()} if ranked else columns
        self._people = correlation.midranks(y) if ranked else y
        self._confidence = confidence
        self._with_people: dict[str, float] = {}

    def tests(self, a: str, b: str) -> dependent.FormulaTests | None:
        """None for tau, and where a correlation is undefined."""
        if self._undefined:
            return None
        try:
            between = correlation.plcc(self._columns[a], self._columns[b])
            return dependent.formula_tests(
                self._of(a), self._of(b), between, int(self._people.size), self._confidence
            )
        except StatisticsError:
            return None

    def _of(self, name: str) -> float:
        if name not in self._with_people:
            self._with_people[name] = correlation.plcc(self._columns[name], self._people)
        return self._with_people[name]


def _letters(names: list[str], pairs: tuple[MetricPair, ...]) -> dict[str, tuple[str, ...]]:
    place = {name: i for i, name in enumerate(names)}
    different = np.zeros((len(names), len(names)), dtype=np.bool_)
    for pair in pairs:
        i, j = place[pair.a], place[pair.b]
        different[i, j] = different[j, i] = pair.different
    return dict(zip(names, letters(different), strict=True))
