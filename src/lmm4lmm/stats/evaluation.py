"""Agreement of a metric with people, each number with its interval over prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import replicates
from lmm4lmm.stats.arrays import Floats, Groups, Labels, groups, need, pairs
from lmm4lmm.stats.correlation import LEAST_PAIRS
from lmm4lmm.stats.crossed import Crossed
from lmm4lmm.stats.logistic import LogisticFit, fit_logistic
from lmm4lmm.stats.logistic_search import Size
from lmm4lmm.stats.resampling import (
    Chance,
    Interval,
    Statistic,
    bca_interval,
    bootstrap,
    check_resampling,
    generator,
    jackknife,
    percentile_interval,
)

Method: TypeAlias = Literal["percentile", "bca"]
"""How an interval is made from replicates; see ``resampling``."""


@dataclass(frozen=True)
class Agreement:
    """How a metric's scores of images agree with people's.

    Attributes:
        n: items that both scored.
        n_dropped: items that miss either score.
        n_prompts: prompts among the n items; they are what is resampled.
        confidence: of the intervals.
        resamples: bootstrap resamples.
        srcc: Spearman's rank correlation, -1 to 1.
        krcc: Kendall's tau-b, -1 to 1.
        plcc: Pearson's correlation of the raw scores, -1 to 1.
        plcc_fitted: Pearson's correlation after a logistic fit, 0 to 1 (it hides a wrong direction).
        fit: the fitted curve; None where it could not be fitted.
    """

    n: int
    n_dropped: int
    n_prompts: int
    confidence: float
    resamples: int
    srcc: Interval
    krcc: Interval
    plcc: Interval
    plcc_fitted: Interval
    fit: LogisticFit | None


def evaluate(
    predicted: ArrayLike,
    human: ArrayLike,
    *,
    prompts: Labels | None,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
    size: Size = 4,
    method: Method = "percentile",
    generators: Labels | None = None,
    srcc: Interval | None = None,
) -> Agreement:
    """Agreement over images, with intervals from a bootstrap that draws whole prompts, or prompts x generators.

    What the data can't support (fewer than three items, a constant column, one prompt only) comes back as
    ``None`` with the reason, so that one bad group does not end a report.

    Args:
        predicted: [n] scores of a metric, any unit; NaN where it gave none.
        human: [n] scores by people, any unit; NaN where there is none.
        prompts: [n] the prompt of each item (text or id); None resamples single items.
        rng: the only source of chance.
        resamples: bootstrap resamples, at least 10.
        confidence: of the intervals, 0 to 1, ends excluded.
        size: parameters of the logistic curve, 4 or 5.
        method: of the intervals: "percentile" (expanded), or "bca", which takes a value a prompt more.
        generators: [n] who made each image: they are drawn as well, crossed with the prompts (``crossed``), so
            that intervals hold for other generators, too. None takes the generators as given.
        srcc: taken as it is where it was measured elsewhere (``grouped``, for many groups at once).

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a label is None, or "bca" with
            ``generators``.
    """
    check_resampling(resamples, confidence)
    found = pairs(predicted, human)
    x, y = found.x, found.y
    of_prompts = groups(prompts, found.kept.size, "prompts").of(found.kept)
    crossed = None
    if generators is not None:
        crossed = Crossed(of_prompts, groups(generators, found.kept.size, "generators").of(found.kept))
    drawn = of_prompts if crossed is None else crossed.cells
    fit, failure = _fit(x, y, size)

    def fitted() -> Statistic:
        if fit is None or not fit.converged:
            raise StatisticsError(f"the logistic fit failed: {failure}")
        return replicates.fitted_pearson(fit, x, y, drawn)

    statistics: dict[str, Callable[[], Statistic]] = {
        "srcc": lambda: replicates.spearman(x, y, drawn),
        "krcc": lambda: replicates.kendall(x, y, drawn),
        "plcc": lambda: replicates.pearson(x, y, drawn),
        "plcc_fitted": fitted,
    }
    known = {}
    if srcc is not None:
        known["srcc"] = srcc
        del statistics["srcc"]
    measured = known | intervals(
        statistics,
        drawn,
        undefined=_undefined(x, y),
        rng=rng,
        resamples=resamples,
        confidence=confidence,
        method=method,
        crossed=crossed,
    )
    return Agreement(
        n=x.size,
        n_dropped=found.n_dropped,
        n_prompts=len(of_prompts),
        confidence=confidence,
        resamples=resamples,
        fit=fit,
        **measured,
    )


def intervals(
    statistics: Mapping[str, Callable[[], Statistic]],
    prompts: Groups,
    *,
    undefined: str | None,
    rng: Chance,
    resamples: int,
    confidence: float,
    method: Method = "percentile",
    crossed: Crossed | None = None,
    unit: str = "prompt",
) -> dict[str, Interval]:
    """Each statistic on the data (weights of one) with its interval; where it is undefined, the reason.

    Args:
        statistics: what prepares each; it may raise ``StatisticsError``.
        prompts: what is resampled; with ``crossed`` its cells.
        undefined: why none of them is defined; None when they may be.
        rng: the only source of chance.
        resamples: bootstrap resamples.
        confidence: of the intervals.
        method: of the intervals.
        crossed: draws prompts and generators in place of ``prompts``.
        unit: what one of ``prompts`` is called in reasons.

    Raises:
        StatisticsError: "bca" with ``crossed``: there is no jackknife over both.
    """
    if method == "bca" and crossed is not None:
        raise StatisticsError(
            "BCa intervals can't be had where generators are resampled, too: use percentile"
        )
    result: dict[str, Interval] = {}
    ready: dict[str, Statistic] = {}
    for name, prepare in statistics.items():
        try:
            if undefined:
                raise StatisticsError(undefined)
            ready[name] = prepare()
        except StatisticsError as error:
            result[name] = Interval(None, None, None, str(error))
    n_clusters = len(prompts) if crossed is None else crossed.n_effective
    drawn: dict[str, Floats] = {}
    if ready and n_clusters > 1:
        if crossed is None:
            drawn = bootstrap(ready, n_clusters, rng=rng, resamples=resamples)
        else:
            drawn = crossed.bootstrap(ready, rng=generator(rng), resamples=resamples)
    for name, statistic in ready.items():
        value = float(statistic(np.ones((1, len(prompts))))[0])
        replicas = drawn.get(name, np.empty(0))
        if np.isnan(value):
            result[name] = Interval(None, None, None, "undefined on these data")
        elif method == "bca" and drawn:
            result[name] = bca_interval(
                value, replicas, jackknife(statistic, n_clusters), n_clusters, confidence
            )
        else:
            drawn_unit = unit if crossed is None else crossed.unit
            result[name] = percentile_interval(value, replicas, n_clusters, confidence, unit=drawn_unit)
    return result


def _undefined(x: Floats, y: Floats) -> str | None:
    try:
        need(x, y, LEAST_PAIRS)
    except StatisticsError as error:
        return str(error)
    return None


def _fit(x: Floats, y: Floats, size: Size) -> tuple[LogisticFit | None, str | None]:
    try:
        fit = fit_logistic(x, y, size=size)
    except StatisticsError as error:
        return None, str(error)
    return fit, fit.reason
