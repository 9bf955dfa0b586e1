"""Curves over the steps of a training run as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from lmm4lmm.report.framed import grids, plot, stretched, tick_texts, upright
from lmm4lmm.report.plots import Axis, axis_over
from lmm4lmm.stats.arrays import Floats

MOST_VERTICES = 400
"""Points of one curve; a longer one is drawn through the means of equal runs of steps."""


@dataclass(frozen=True)
class Curve:
    """Values over steps.

    Attributes:
        steps: [n] rising.
        values: [n] finite.
        dots: whether each value gets a dot: for few values, each of which was measured.
        faint: drawn thin and grey, behind the others.
    """

    steps: Floats
    values: Floats
    dots: bool = False
    faint: bool = False


def smoothed(values: Floats, window: int) -> Floats:
    """[n] the mean of each value and its neighbours, ``window`` in all; at the ends, of those that there are."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(values.size)
    first, last = np.maximum(at - window // 2, 0), np.minimum(at + window // 2 + 1, values.size)
    return np.asarray((total[last] - total[first]) / (last - first), dtype=np.float64)


def curve_plot(
    curves: Sequence[Curve],
    *,
    label: str,
    mark: float | None = None,
    level: float | None = None,
    limits: tuple[float, float] | None = None,
) -> Markup:
    """Curves over the optimiser's steps.

    Args:
        curves: one at least, none of them empty.
        label: what a screen reader says.
        mark: a step that gets an upright line.
        level: a value that gets a level line: what is known without a look.
        limits: the y axis does not reach beyond these unless a value does.
    """
    values = np.concatenate([curve.values for curve in curves])
    steps = np.concatenate([curve.steps for curve in curves])
    # A faint curve may leap; the axis shows nearly all of it and lets the rarest leaps run off.
    shown = np.concatenate([_without_leaps(curve) for curve in curves])
    y_axis = axis_over([*shown, *([] if level is None else [level])], wanted=4, limits=limits)
    x_axis = _up_to(float(steps.max()))
    parts = [grids(x_axis, y_axis)]
    if mark is not None:
        parts.append(upright(x_axis, mark, "mark"))
    if level is not None:
        at = 100 - y_axis.percent(level)
        parts.append(f'<line class="level" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>')
    for curve in sorted(curves, key=lambda one: not one.faint):
        parts.append(_drawn(x_axis, y_axis, curve))
    parts.append(tick_texts(x_axis, y_axis))
    return plot("curve", label if values.size else "no values", "".join(parts))


def _up_to(last: float) -> Axis:
    """From 0 to the last step, and no tick beyond it."""
    axis = axis_over([0.0, last], wanted=4)
    return (
        Axis(0.0, last, tuple(tick for tick in axis.ticks if tick <= last), axis.digits) if last > 0 else axis
    )


def _without_leaps(curve: Curve) -> Floats:
    if not curve.faint or curve.values.size < 20:
        return curve.values
    return np.asarray(np.quantile(curve.values, [0.01, 0.99]), dtype=np.float64)


def _drawn(x_axis: Axis, y_axis: Axis, curve: Curve) -> str:
    steps, values = _thinned(curve.steps), _thinned(curve.values)
    at = [(x_axis.percent(x), 100 - y_axis.percent(y)) for x, y in zip(steps, values, strict=True)]
    path = "L".join(f"{x:.2f} {y:.2f}" for x, y in at)
    parts = (
        []
        if len(at) < 2
        else [stretched(f'<path class="{"raw" if curve.faint else "stroke"}" d="M{path}"/>')]
    )
    if curve.dots or len(at) < 2:
        parts += [f'<circle class="dot" cx="{x:.2f}%" cy="{y:.2f}%" r="3"/>' for x, y in at]
    return "".join(parts)


def _thinned(values: Floats) -> Floats:
    if values.size <= MOST_VERTICES:
        return values
    return np.array([part.mean() for part in np.array_split(values, MOST_VERTICES)])
