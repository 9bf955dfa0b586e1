"""Agreement of a metric with people, each number with its interval over prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import correlation, replicates
from lmm4lmm.stats.arrays import Floats, Groups, Labels, groups, pairs
from lmm4lmm.stats.logistic import LogisticFit, Size, fit_logistic
from lmm4lmm.stats.resampling import Interval, Statistic, bootstrap, check_resampling, percentile_interval


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
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
    size: Size = 4,
) -> Agreement:
    """Agreement over images, with intervals from a bootstrap that draws whole prompts.

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

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a prompt is None.
    """
    check_resampling(resamples, confidence)
    found = pairs(predicted, human)
    x, y = found.x, found.y
    drawn = groups(prompts, found.kept.size, "prompts").of(found.kept)
    fit, failure = _fit(x, y, size)
    estimates: dict[str, Callable[[], float]] = {
        "srcc": lambda: correlation.srcc(x, y),
        "krcc": lambda: correlation.krcc(x, y),
        "plcc": lambda: correlation.plcc(x, y),
        "plcc_fitted": lambda: _plcc_of(fit, failure),
    }
    statistics: dict[str, Callable[[], Statistic]] = {
        "srcc": lambda: replicates.spearman(x, y, drawn),
        "krcc": lambda: replicates.kendall(x, y, drawn),
        "plcc": lambda: replicates.pearson(x, y, drawn),
        "plcc_fitted": lambda: _fitted(fit, x, y, drawn),
    }
    measured = intervals(estimates, statistics, drawn, rng=rng, resamples=resamples, confidence=confidence)
    return Agreement(
        n=x.size,
        n_dropped=found.n_dropped,
        n_prompts=len(drawn),
        confidence=confidence,
        resamples=resamples,
        fit=fit,
        **measured,
    )


def intervals(
    estimates: dict[str, Callable[[], float]],
    statistics: dict[str, Callable[[], Statistic]],
    prompts: Groups,
    *,
    rng: np.random.Generator,
    resamples: int,
    confidence: float,
) -> dict[str, Interval]:
    """An interval for each estimate; where one is undefined, the reason in its place."""
    result: dict[str, Interval] = {}
    values: dict[str, float] = {}
    for name, estimate in estimates.items():
        try:
            values[name] = estimate()
        except StatisticsError as error:
            result[name] = Interval(None, None, None, str(error))
    n_clusters = len(prompts)
    ready = {name: statistics[name]() for name in values} if n_clusters > 1 else {}
    drawn = bootstrap(ready, n_clusters, rng=rng, resamples=resamples) if ready else {}
    for name, value in values.items():
        result[name] = percentile_interval(value, drawn.get(name, np.empty(0)), n_clusters, confidence)
    return result


def _fit(x: Floats, y: Floats, size: Size) -> tuple[LogisticFit | None, str]:
    try:
        return fit_logistic(x, y, size=size), ""
    except StatisticsError as error:
        return None, str(error)


def _plcc_of(fit: LogisticFit | None, failure: str) -> float:
    if fit is None:
        raise StatisticsError(failure)
    if not fit.converged:
        raise StatisticsError(f"the logistic fit failed: {fit.reason}")
    return fit.plcc


def _fitted(fit: LogisticFit | None, x: Floats, y: Floats, prompts: Groups) -> Statistic:
    if fit is None:
        raise StatisticsError("there is no fitted curve")
    return replicates.fitted_pearson(fit, x, y, prompts)
