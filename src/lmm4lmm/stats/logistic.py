"""PLCC after a logistic fit: how close scores are to people's once a smooth curve has mapped the scale.

The curve is ``bottom + height / (1 + exp(-(x - centre) / scale))``, with ``scale`` > 0 and a ``height`` of
either sign, so it is monotone (four parameters; ITU-T Tutorial on objective perceptual assessment, VQEG).
The five-parameter curve adds ``slope * x`` (Sheikh, Sabir and Bovik, IEEE TIP 2006); it fits a little closer
and need not be monotone, which the result says.

Bottom, height and slope enter linearly, so they are solved for exactly at every step (variable projection,
Golub and Pereyra 1973, with Kaufman's Jacobian) and only centre and scale are searched: from a grid, over
standardised x, with the best of several starts kept. Curves that people fit with a general optimiser from
one start fail in three of the eight golden cases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, need, pairs
from lmm4lmm.stats.logistic_search import Curve, Size, search, sigmoid


@dataclass(frozen=True)
class LogisticFit:
    """A fitted curve.

    Attributes:
        plcc: Pearson's correlation of fitted and human scores, 0 to 1: the curve may fall, so the direction
            of the metric is not in it (read it from SRCC).
        rmse: root of the mean squared residual, in units of the human score; no degrees of freedom taken off.
        sse: sum of squared residuals.
        bottom: the curve's left end where ``height`` > 0.
        height: top minus bottom; negative for a falling curve.
        centre: where the curve is steepest, in units of x.
        scale: 1 / steepness, in units of x, > 0.
        slope: of the added line, human units per unit of x; 0 with four parameters.
        converged: whether the search ended at a minimum, or its PLCC had settled.
        monotone: whether the curve is monotone over the range of x.
        reason: what is wrong or worth knowing; None for an ordinary fit.
    """

    plcc: float
    rmse: float
    sse: float
    bottom: float
    height: float
    centre: float
    scale: float
    slope: float
    converged: bool
    monotone: bool
    reason: str | None = None

    def __call__(self, x: ArrayLike) -> Floats:
        """The curve at ``x``, in units of the human score."""
        at = np.asarray(x, dtype=np.float64)
        rise = sigmoid((at - self.centre) / self.scale)
        return np.asarray(self.bottom + self.height * rise + self.slope * at, dtype=np.float64)


def plcc_fitted(predicted: ArrayLike, human: ArrayLike, *, size: Size = 4) -> float:
    """PLCC after a logistic fit.

    Args:
        predicted: [n] scores of a metric, any unit.
        human: [n] scores by people, any unit.
        size: parameters of the curve.

    Returns:
        0 to 1.

    Raises:
        StatisticsError: too few pairs, a constant column, or a search that did not converge.
    """
    fit = fit_logistic(predicted, human, size=size)
    if not fit.converged:
        raise StatisticsError(f"the logistic fit failed: {fit.reason}")
    return fit.plcc


def fit_logistic(predicted: ArrayLike, human: ArrayLike, *, size: Size = 4) -> LogisticFit:
    """Least-squares fit of the logistic curve to human scores.

    Args:
        predicted: [n] scores of a metric, any unit; pairs with a missing value are dropped.
        human: [n] scores by people, any unit.
        size: 4, or 5 with a line added.

    Raises:
        StatisticsError: no more pairs than parameters, or a constant column.
    """
    found = pairs(predicted, human)
    need(found.x, found.y, size + 1)
    mean, spread = found.x.mean(), found.x.std()
    z = (found.x - mean) / spread
    curve = Curve(z, found.y, size)
    found_at, converged = search(curve)
    best = curve.within_reach(found_at)
    at = curve.solve(best)
    total = float(np.square(curve.y).sum())
    sse = min(at.sse, total)
    steepness = float(np.exp(best[0]))
    fit = LogisticFit(
        plcc=float(np.sqrt(1.0 - sse / total)),
        rmse=float(np.sqrt(sse / z.size)),
        sse=sse,
        bottom=float(found.y.mean() - at.height * at.mean - at.slope * mean / spread),
        height=at.height,
        centre=float(mean + spread * best[1] / steepness),
        scale=float(spread / steepness),
        slope=float(at.slope / spread),
        converged=converged,
        monotone=True,
    )
    return _remark(fit, np.unique(found.x), at_bound=curve.at_bound(best))


def tangent(fit: LogisticFit, x: Floats) -> Floats:
    """[n, size] how the fitted values move with each parameter: what a refit nearby may reach.

    The bootstrap uses it for one Gauss-Newton step from the fit (see ``replicates``).
    """
    z = (x - fit.centre) / fit.scale
    rise = sigmoid(z)
    columns = [np.ones_like(z), rise, rise * (1 - rise), rise * (1 - rise) * z]
    if fit.slope:
        columns.append(x)
    return np.column_stack(columns)


def _remark(fit: LogisticFit, distinct: Floats, *, at_bound: bool) -> LogisticFit:
    """Adds what the numbers alone don't say."""
    steps = np.diff(fit(distinct))
    room = 1e-9 * max(float(np.abs(steps).max()), 1e-300)
    monotone = bool((steps >= -room).all() or (steps <= room).all())
    remarks = []
    if not fit.converged:
        remarks.append("the search stopped before it reached a minimum")
    if at_bound:
        remarks.append(
            "the best curve is a limit of logistics (a line, a step or an exponential): "
            "its parameters mean nothing, its PLCC stands"
        )
    if not monotone:
        remarks.append("the curve is not monotone over the data")
    return replace(fit, monotone=monotone, reason="; ".join(remarks) or None)
