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
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, need, pairs

Size: TypeAlias = Literal[4, 5]

STEEPNESS = (0.01, 2000.0)
"""Bounds of 1 / scale, in standard deviations of x: nearly a straight line, nearly a step."""
FAR = 15.0
"""How many scales beyond the data the centre may lie; there the curve is an exponential to 6 digits."""
SETTLED = 3e-4
"""The search has converged when as many steps again raise the PLCC by no more than this."""
START_STEEPNESS = (0.05, 0.3, 0.8, 1.7, 4.0, 12.0, 100.0)
STARTS = 5
STEPS = 150
"""Of a search, before it is taken to have settled or failed."""
FIRST_STEPS = 20
WORTHWHILE = 2
"""Starts that are followed to the end, after so many first steps of each."""
START_POINTS = 1000
"""Starts are compared on the means of this many slices of x."""


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
        rise = _sigmoid((at - self.centre) / self.scale)
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
    curve = _Curve(z, found.y, size)
    found_at, converged = _search(curve)
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
    rise = _sigmoid(z)
    columns = [np.ones_like(z), rise, rise * (1 - rise), rise * (1 - rise) * z]
    if fit.slope:
        columns.append(x)
    return np.column_stack(columns)


@dataclass(frozen=True)
class _Solved:
    """The curve at given steepness and offset, with its linear parameters solved for."""

    residual: Floats
    basis: list[Floats]
    height: float
    slope: float
    mean: float

    @property
    def sse(self) -> float:
        return float(np.square(self.residual).sum())


class _Curve:
    """The least-squares problem in ``(log steepness, offset)`` over standardised x."""

    def __init__(self, z: Floats, y: Floats, size: Size) -> None:
        self.z, self.y, self.size = z, y - y.mean(), size
        reach = FAR + STEEPNESS[1] * float(np.abs(z).max())
        self.lower = np.array([np.log(STEEPNESS[0]), -reach])
        self.upper = np.array([np.log(STEEPNESS[1]), reach])

    def solve(self, at: Floats) -> _Solved:
        rise, mean = self._rise(at)
        length = float(np.linalg.norm(rise))
        if length < 1e-290:
            return _Solved(self.y, [], 0.0, 0.0, mean)
        basis = [rise / length]
        along = float(basis[0] @ self.y)
        residual, slope, height = self.y - along * basis[0], 0.0, along / length
        if self.size == 5:
            shared = float(basis[0] @ self.z)
            line = self.z - shared * basis[0]
            norm = float(np.linalg.norm(line))
            if norm > 1e-9 * np.sqrt(self.z.size):
                basis.append(line / norm)
                more = float(basis[1] @ residual)
                residual, slope = residual - more * basis[1], more / norm
                height = (along - slope * shared) / length
        return _Solved(residual, basis, height, slope, mean)

    def _rise(self, at: Floats) -> tuple[Floats, float]:
        """The sigmoid, centred, and its mean."""
        u = np.exp(at[0]) * self.z - at[1]
        # near its top the sigmoid is 1 - tiny; -sigmoid(-u) = sigmoid(u) - 1 keeps the digits of "tiny"
        top = at[1] < 0
        rise = -_sigmoid(-u) if top else _sigmoid(u)
        mean = float(rise.mean())
        return rise - mean, mean + (1.0 if top else 0.0)

    def sse(self, at: Floats) -> float:
        return self.solve(at).sse

    def plcc(self, cost: float) -> float:
        """The correlation at half the sum of squares that the search calls its cost."""
        return float(np.sqrt(max(1.0 - 2.0 * cost / float(np.square(self.y).sum()), 0.0)))

    def residuals(self, at: Floats) -> Floats:
        return self.solve(at).residual

    def jacobian(self, at: Floats) -> Floats:
        """[n, 2] Kaufman's: the motion of the residual that the linear parameters can't undo."""
        solved = self.solve(at)
        steepness = np.exp(at[0])
        bend = _sigmoid(steepness * self.z - at[1])
        bend = bend * (1.0 - bend)
        move = solved.height * np.column_stack([bend * steepness * self.z, -bend])
        move -= move.mean(axis=0)
        for direction in solved.basis:
            move -= np.outer(direction, direction @ move)
        return np.asarray(-move, dtype=np.float64)

    def within_reach(self, at: Floats) -> Floats:
        """The same curve, its centre at most ``FAR`` scales beyond the data (further, digits are lost)."""
        edges = np.exp(at[0]) * np.array([self.z.min(), self.z.max()])
        return np.array([at[0], np.clip(at[1], edges[0] - FAR, edges[1] + FAR)])

    def at_bound(self, at: Floats) -> bool:
        """Whether the curve is a limit of logistics: a line, a step, or an exponential."""
        edges = np.exp(at[0]) * np.array([self.z.min(), self.z.max()])
        beyond = max(edges[0] - at[1], at[1] - edges[1])
        return bool(at[0] < self.lower[0] + 0.05 or at[0] > np.log(100.0) or beyond > 5.0)


def _search(curve: _Curve) -> tuple[Floats, bool]:
    """The best of several starts, and whether its search ended at a minimum."""
    rough = _sliced(curve)
    starts = sorted((_start(rough, steepness) for steepness in START_STEEPNESS), key=rough.sse)[:STARTS]
    # most starts lead to one minimum: a few steps of each show which are worth going on with
    begun = sorted((_descend(rough, start, FIRST_STEPS) for start in starts), key=lambda end: end.cost)
    ends = [end if end.status > 0 else _descend(rough, end.x) for end in begun[:WORTHWHILE]]
    best = min(ends, key=lambda end: end.cost)
    if curve is not rough:
        best = _descend(curve, best.x)
    if best.status <= 0:
        # near a step the parameters drift on for ever while the curve no longer changes
        further = _descend(curve, best.x)
        settled = curve.plcc(further.cost) - curve.plcc(best.cost) <= SETTLED
        return np.asarray(further.x, dtype=np.float64), settled
    return np.asarray(best.x, dtype=np.float64), True


def _start(curve: _Curve, steepness: float) -> Floats:
    """The best centre for a given steepness: the steeper the curve, the finer the grid has to be."""
    inside = np.quantile(
        curve.z, np.linspace(0.01, 0.99, 9 if steepness < 2.0 else 33 if steepness < 20.0 else 199)
    )
    tried = [np.array([np.log(steepness), steepness * centre]) for centre in (*inside, -6.0, 6.0)]
    return min(tried, key=curve.sse)


def _descend(curve: _Curve, start: Floats, steps: int = STEPS) -> Any:
    from scipy.optimize import least_squares  # takes 0.5 s to import

    return least_squares(
        curve.residuals,
        np.clip(start, curve.lower + 1e-6, curve.upper - 1e-6),
        curve.jacobian,
        bounds=(curve.lower, curve.upper),
        x_scale="jac",
        ftol=1e-9,
        xtol=1e-9,
        gtol=1e-12,
        max_nfev=steps,
    )


def _sliced(curve: _Curve) -> _Curve:
    """The same problem on the means of slices of x; the search for a start needs no more."""
    n = curve.z.size
    if n <= 2 * START_POINTS:
        return curve
    order = np.argsort(curve.z, kind="stable")
    edges = np.linspace(0, n, START_POINTS + 1).astype(np.intp)[:-1]
    size = np.diff(np.append(edges, n))
    z, y = (np.add.reduceat(values[order], edges) / size for values in (curve.z, curve.y))
    return _Curve(z, y, curve.size)


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


def _sigmoid(u: Floats) -> Floats:
    # exp(-700) is the smallest step before the exponential leaves the range of a float
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(u, -700.0, 700.0))), dtype=np.float64)
