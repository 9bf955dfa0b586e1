"""The search behind ``logistic``: two parameters from several starts, the linear ones solved for at every step.

Descent is Levenberg and Marquardt's (MINPACK's scaling by the largest slopes seen) within bounds, on 2 x 2 normal
equations. A general optimiser does the same in four times the time, most of it spent around the problem.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats, dot

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
"""Descents begin on the means of this many slices of x, where there are twice as many rows."""
GRID_POINTS = 250
"""Starts are then compared on this many."""
SMALL_GAIN = 1e-9
"""A descent ends when a step that went as foreseen lowers the sum of squares by no more than this share ..."""
SMALL_STEP = 1e-9
"""... or when the step itself is no longer than this, in units of its parameters."""
NOTHING = 1e-22
"""Squared: a share of a motion that is rounding."""


@dataclass(frozen=True)
class Solved:
    """The curve at given steepness and offset, with its linear parameters solved for."""

    residual: Floats
    basis: list[Floats]
    bend: Floats
    height: float
    slope: float
    mean: float

    @property
    def sse(self) -> float:
        return dot(self.residual, self.residual)


@dataclass(frozen=True)
class End:
    """Where a descent came to, its sum of squares, and whether it had no way further down."""

    at: Floats
    sse: float
    settled: bool


class Curve:
    """The least-squares problem in ``(log steepness, offset)`` over standardised x."""

    def __init__(self, z: Floats, y: Floats, size: Size) -> None:
        self.z, self.y, self.size = z, y - y.mean(), size
        reach = FAR + STEEPNESS[1] * float(np.abs(z).max())
        self.lower = np.array([np.log(STEEPNESS[0]), -reach])
        self.upper = np.array([np.log(STEEPNESS[1]), reach])
        self.total = float(np.square(self.y).sum())

    def solve(self, at: Floats) -> Solved:
        u = np.exp(at[0]) * self.z - at[1]
        # near its top the sigmoid is 1 - tiny; -sigmoid(-u) = sigmoid(u) - 1 keeps the digits of "tiny"
        top = at[1] < 0
        rise = -sigmoid(-u) if top else sigmoid(u)
        bend = -rise * (1.0 + rise) if top else rise * (1.0 - rise)
        mean = float(rise.mean())
        rise = rise - mean
        length = math.sqrt(dot(rise, rise))
        if length < 1e-290:
            return Solved(self.y, [], bend, 0.0, 0.0, mean + top)
        basis = [rise / length]
        along = dot(basis[0], self.y)
        residual, slope, height = self.y - along * basis[0], 0.0, along / length
        if self.size == 5:
            shared = dot(basis[0], self.z)
            line = self.z - shared * basis[0]
            norm = math.sqrt(dot(line, line))
            if norm > 1e-9 * math.sqrt(self.z.size):
                basis.append(line / norm)
                more = dot(basis[1], residual)
                residual, slope = residual - more * basis[1], more / norm
                height = (along - slope * shared) / length
        return Solved(residual, basis, bend, height, slope, mean + top)

    def sse(self, at: Floats) -> float:
        return self.solve(at).sse

    def plcc(self, sse: float) -> float:
        """The correlation at a sum of squares."""
        return math.sqrt(max(1.0 - sse / self.total, 0.0))

    def jacobian(self, at: Floats, solved: Solved) -> tuple[Floats, Floats]:
        """[n] for each parameter, Kaufman's: the motion of the residual that the linear parameters can't undo."""
        steepness = float(np.exp(at[0]))
        moves = (solved.bend * self.z, solved.bend.copy())
        for move, factor in zip(moves, (-solved.height * steepness, solved.height), strict=True):
            whole = dot(move, move)
            move -= move.mean()
            for direction in solved.basis:
                move -= dot(direction, move) * direction
            # in the limit of an exponential the height undoes what the centre does, and only rounding is left
            move *= factor if dot(move, move) > NOTHING * whole else 0.0
        return moves

    def within_reach(self, at: Floats) -> Floats:
        """The same curve, its centre at most ``FAR`` scales beyond the data (further, digits are lost)."""
        edges = np.exp(at[0]) * np.array([self.z.min(), self.z.max()])
        return np.array([at[0], np.clip(at[1], edges[0] - FAR, edges[1] + FAR)])

    def at_bound(self, at: Floats) -> bool:
        """Whether the curve is a limit of logistics: a line, a step, or an exponential."""
        edges = np.exp(at[0]) * np.array([self.z.min(), self.z.max()])
        beyond = max(edges[0] - at[1], at[1] - edges[1])
        return bool(at[0] < self.lower[0] + 0.05 or at[0] > np.log(100.0) or beyond > 5.0)


def search(curve: Curve) -> tuple[Floats, bool]:
    """The best of several starts, and whether its search ended at a minimum."""
    rough = sliced(curve, START_POINTS)
    grid = sliced(curve, GRID_POINTS) if rough is not curve else curve
    starts = sorted((_start(grid, steepness) for steepness in START_STEEPNESS), key=rough.sse)[:STARTS]
    # most starts lead to one minimum: a few steps of each show which are worth going on with
    begun = sorted((descend(rough, start, FIRST_STEPS) for start in starts), key=lambda end: end.sse)
    ends = [end if end.settled else descend(rough, end.at) for end in begun[:WORTHWHILE]]
    best = min(ends, key=lambda end: end.sse)
    if curve is not rough:
        best = descend(curve, best.at)
    if not best.settled:
        # near a step the parameters drift on for ever while the curve no longer changes
        further = descend(curve, best.at)
        return further.at, curve.plcc(further.sse) - curve.plcc(best.sse) <= SETTLED
    return best.at, True


def descend(curve: Curve, start: Floats, steps: int = STEPS) -> End:
    """Down from a start, for at most so many evaluations of the curve."""
    at = np.clip(start, curve.lower + 1e-6, curve.upper - 1e-6)
    solved = curve.solve(at)
    sse, damping, worst = solved.sse, 1e-3, np.zeros(2)
    gradient, normal = _normal(curve, at, solved)
    for _ in range(steps):
        worst = np.maximum(worst, np.diag(normal))
        stuck = ((at <= curve.lower) & (gradient > 0)) | ((at >= curve.upper) & (gradient < 0))
        step = _step(normal, gradient, damping * worst, stuck)
        tried = np.clip(at + step, curve.lower, curve.upper)
        step = tried - at
        if float(np.abs(step).max()) <= SMALL_STEP * (SMALL_STEP + float(np.abs(at).max())):
            return End(at, sse, True)
        there = curve.solve(tried)
        gain = sse - there.sse
        foreseen = -float(2.0 * gradient @ step + step @ normal @ step)
        if gain <= 0.0:
            damping *= 5.0
            continue
        small = gain <= SMALL_GAIN * sse and gain > 0.25 * foreseen
        at, solved, sse = tried, there, there.sse
        if small:
            return End(at, sse, True)
        damping = (
            damping / 5.0 if gain > 0.5 * foreseen else damping * (1.0 if gain > 0.1 * foreseen else 3.0)
        )
        gradient, normal = _normal(curve, at, solved)
    return End(at, sse, False)


def sliced(curve: Curve, points: int) -> Curve:
    """The same problem on the means of slices of x; the search for a start needs no more."""
    n = curve.z.size
    if n <= 2 * START_POINTS:
        return curve
    order = np.argsort(curve.z, kind="stable")
    edges = np.linspace(0, n, points + 1).astype(np.intp)[:-1]
    size = np.diff(np.append(edges, n))
    z, y = (np.add.reduceat(values[order], edges) / size for values in (curve.z, curve.y))
    return Curve(z, y, curve.size)


def sigmoid(u: Floats) -> Floats:
    """1 / (1 + exp(-u))."""
    # exp(-700) is the smallest step before the exponential leaves the range of a float
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(u, -700.0, 700.0))), dtype=np.float64)


def _start(curve: Curve, steepness: float) -> Floats:
    """The best centre for a given steepness: the steeper the curve, the finer the grid has to be."""
    inside = np.quantile(
        curve.z, np.linspace(0.01, 0.99, 9 if steepness < 2.0 else 33 if steepness < 20.0 else 199)
    )
    offsets = np.append(steepness * inside, (-6.0 * steepness, 6.0 * steepness))
    u = steepness * curve.z - offsets[:, None]
    top = offsets[:, None] < 0
    rise = sigmoid(np.where(top, -u, u))
    rise[top[:, 0]] *= -1.0
    rise -= rise.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("mn,mn->m", rise, rise))
    length = np.where(length < 1e-290, np.inf, length)
    along = rise @ curve.y / length
    explained = np.square(along)
    if curve.size == 5:
        shared = rise @ curve.z / length
        left = float(curve.z @ curve.z) - np.square(shared)
        more = float(curve.z @ curve.y) - shared * along
        explained += np.where(left > 1e-18 * curve.z.size, np.square(more) / np.maximum(left, 1e-300), 0.0)
    return np.array([np.log(steepness), offsets[int(np.argmax(explained))]])


def _normal(curve: Curve, at: Floats, solved: Solved) -> tuple[Floats, Floats]:
    """Half the gradient of the sum of squares, and half its Hessian without second derivatives."""
    a, b = curve.jacobian(at, solved)
    shared = dot(a, b)
    gradient = np.array([dot(a, solved.residual), dot(b, solved.residual)])
    return gradient, np.array([[dot(a, a), shared], [shared, dot(b, b)]])


def _step(normal: Floats, gradient: Floats, damping: Floats, stuck: NDArray[np.bool_]) -> Floats:
    """The damped step; a parameter that is stuck at its bound, or moves nothing, stays."""
    p, q, s = normal[0, 0] + damping[0], normal[1, 1] + damping[1], normal[0, 1]
    stuck = stuck | (np.diag(normal) == 0.0)
    determinant = p * q - s * s
    if stuck.any() or determinant <= 1e-14 * p * q:
        return np.where(stuck, 0.0, -gradient / np.maximum(np.array([p, q]), 1e-300))
    return np.array(
        [
            (s * gradient[1] - q * gradient[0]) / determinant,
            (s * gradient[0] - p * gradient[1]) / determinant,
        ]
    )
