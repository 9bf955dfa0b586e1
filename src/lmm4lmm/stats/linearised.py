"""Intervals by linearisation (delta method), clustered by prompt: cheap, and without chance.

A mean, and the height of a fitted curve, move nearly linearly with the data, so the sum over each prompt of what its
images contribute gives the variance ("sandwich"). The bootstrap of ``replicates`` gives the same to a few percent;
a figure with a band of a hundred points, or a table of a hundred rows, has no use for its cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Labels, groups, pairs
from lmm4lmm.stats.logistic import LogisticFit, tangent
from lmm4lmm.stats.resampling import FEW_PROMPTS, Interval

NEGLIGIBLE = 1e-9
"""Directions of the parameters below this share of the strongest move no fitted value: they are left out."""


@dataclass(frozen=True)
class Band:
    """The pointwise confidence band of a fitted curve.

    Attributes:
        at: [k] where, in units of the metric.
        value: [k] the curve, in people's units.
        low: [k] lower ends.
        high: [k] upper ends.
    """

    at: Floats
    value: Floats
    low: Floats
    high: Floats


def clustered_mean(values: ArrayLike, prompts: Labels, *, confidence: float = 0.95) -> Interval:
    """The mean of items with a t interval whose standard error counts prompts, not items.

    Args:
        values: [n] finite numbers, any unit.
        prompts: [n] the prompt of each.
        confidence: of the interval.

    Returns:
        Value and ends; without ends, and with the reason, where there is one prompt only, and without a value
        where there is no item.

    Source:
        Liang and Zeger, Biometrika 73 (1986), with the factor c / (c - 1) for c clusters.
    """
    found = np.asarray(values, dtype=np.float64)
    if not found.size:
        return Interval(None, None, None, "no item")
    codes = groups(prompts, found.size, "prompts").codes
    mean = float(found.mean())
    clusters = int(codes.max()) + 1
    if clusters < 2:
        return Interval(mean, None, None, "one prompt only: no interval can be given")
    pull = np.bincount(codes, found - mean)
    error = float(np.sqrt(clusters / (clusters - 1) * np.square(pull).sum())) / found.size
    half = _quantile(clusters, confidence) * error
    few = f"only {clusters} prompts: the interval is rough" if clusters < FEW_PROMPTS else None
    return Interval(mean, mean - half, mean + half, few)


def fit_band(
    fit: LogisticFit,
    predicted: ArrayLike,
    human: ArrayLike,
    *,
    prompts: Labels,
    at: ArrayLike,
    confidence: float = 0.95,
) -> Band:
    """The pointwise band of a logistic curve: where it might lie with other prompts. Not where images lie.

    Args:
        fit: a curve fitted to these pairs that has converged.
        predicted: [n] scores of the metric; pairs with a missing value are dropped.
        human: [n] scores by people.
        prompts: [n] the prompt of each item.
        at: [k] where to give the band; within the range of ``predicted`` it means something.
        confidence: at each point; all points together are covered less often.

    Raises:
        StatisticsError: the fit has not converged, or there is one prompt only.

    Source:
        Delta method with a covariance clustered as in ``clustered_mean``, and n - 1 over n - parameters.
    """
    if not fit.converged:
        raise StatisticsError(f"the logistic fit failed: {fit.reason}")
    found = pairs(predicted, human)
    drawn = groups(prompts, found.kept.size, "prompts").of(found.kept)
    clusters = len(drawn)
    if clusters < 2:
        raise StatisticsError("one prompt only: no band can be given")
    slopes = tangent(fit, found.x)
    scale = np.linalg.norm(slopes, axis=0)
    scale[scale == 0] = 1.0
    left, strength, right = np.linalg.svd(slopes / scale, full_matrices=False)
    kept = strength > NEGLIGIBLE * strength[0]
    residual = found.y - fit(found.x)
    pull = np.column_stack(
        [np.bincount(drawn.codes, column * residual, clusters) for column in left[:, kept].T]
    )
    size = slopes.shape[1]
    correction = clusters / (clusters - 1) * (found.x.size - 1) / max(1, found.x.size - size)
    places = np.asarray(at, dtype=np.float64)
    along = (tangent(fit, places) / scale) @ right[kept].T / strength[kept]
    error = np.sqrt(correction * np.square(along @ pull.T).sum(axis=1))
    value, half = fit(places), _quantile(clusters, confidence) * error
    return Band(places, value, value - half, value + half)


def _quantile(clusters: int, confidence: float) -> float:
    from scipy.special import stdtrit  # takes 0.3 s to import

    return float(stdtrit(clusters - 1, (1 + confidence) / 2))
