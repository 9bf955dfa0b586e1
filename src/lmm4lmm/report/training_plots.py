"""Plots of a training run as inline SVG: curves over steps, predicted against human scores, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

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
    x_axis = axis_over([0.0, float(steps.max())], wanted=4)
    x_axis = Axis(0.0, float(steps.max()), x_axis.ticks, x_axis.digits) if steps.max() > 0 else x_axis
    parts = [_grids(x_axis, y_axis)]
    if mark is not None:
        parts.append(_line(x_axis, mark, "mark"))
    if level is not None:
        at = 100 - y_axis.percent(level)
        parts.append(f'<line class="level" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>')
    for curve in sorted(curves, key=lambda one: not one.faint):
        parts.append(_drawn(x_axis, y_axis, curve))
    parts.append(_texts(x_axis, y_axis))
    return _svg("curve", label if values.size else "no values", "".join(parts))


def agreement_plot(axis: Axis, predicted: Floats, human: Floats, *, label: str) -> Markup:
    """Predicted scores across, people's upwards, on one and the same axis, with the line where they are equal."""
    dots = "".join(
        f"M{axis.percent(x):.1f} {100 - axis.percent(y):.1f}h0" for x, y in zip(predicted, human, strict=True)
    )
    points = _inner(f'<path class="points" d="{dots}"/>')
    return _svg("curve square", label, _grids(axis, axis) + _diagonal() + points + _texts(axis, axis))


@dataclass(frozen=True)
class Bin:
    """Answers of like probability.

    Attributes:
        said: their mean probability of yes.
        was: the share of yes among people.
        low, high: 95 % interval of that share (Wilson).
        n: how many.
    """

    said: float
    was: float
    low: float
    high: float
    n: int


def reliability_bins(p_yes: Floats, human: Floats, bins: int = 10) -> tuple[Bin, ...]:
    """Answers in equal bins of their probability; empty bins are left out.

    Args:
        p_yes: [n] 0 to 1.
        human: [n] the share of people who said yes, 0 to 1.
        bins: how many over 0 to 1.

    Source:
        Wilson, J. Am. Stat. Assoc. 22 (1927), for the interval.
    """
    place = np.minimum((p_yes * bins).astype(int), bins - 1)
    found = []
    for k in range(bins):
        of = place == k
        n = int(of.sum())
        if n:
            low, high = _wilson(float(human[of].mean()), n)
            found.append(Bin(float(p_yes[of].mean()), float(human[of].mean()), low, high, n))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance between what was said and what was, weighted by answers (ECE); 0 is best."""
    total = sum(one.n for one in bins)
    return sum(one.n * abs(one.said - one.was) for one in bins) / total


def reliability_plot(bins: Sequence[Bin], *, label: str) -> Markup:
    """Said probability across, people's share of yes upwards; larger dots stand for more answers."""
    axis = axis_over([0.0, 1.0], wanted=5)
    most = max(one.n for one in bins)
    parts = [_grids(axis, axis), _diagonal()]
    for one in bins:
        x, y = axis.percent(one.said), 100 - axis.percent(one.was)
        low, high = 100 - axis.percent(one.low), 100 - axis.percent(one.high)
        parts.append(f'<line class="whisker" x1="{x:.2f}%" x2="{x:.2f}%" y1="{low:.2f}%" y2="{high:.2f}%"/>')
        size = 2.5 + 4.5 * (one.n / most) ** 0.5
        parts.append(f'<circle class="dot" cx="{x:.2f}%" cy="{y:.2f}%" r="{size:.1f}"/>')
    return _svg("curve square", label, "".join(parts) + _texts(axis, axis))


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _without_leaps(curve: Curve) -> Floats:
    if not curve.faint or curve.values.size < 20:
        return curve.values
    return np.asarray(np.quantile(curve.values, [0.01, 0.99]), dtype=np.float64)


def _drawn(x_axis: Axis, y_axis: Axis, curve: Curve) -> str:
    steps, values = _thinned(curve.steps), _thinned(curve.values)
    at = [(x_axis.percent(x), 100 - y_axis.percent(y)) for x, y in zip(steps, values, strict=True)]
    path = "L".join(f"{x:.2f} {y:.2f}" for x, y in at)
    parts = (
        [] if len(at) < 2 else [_inner(f'<path class="{"raw" if curve.faint else "stroke"}" d="M{path}"/>')]
    )
    if curve.dots or len(at) < 2:
        parts += [f'<circle class="dot" cx="{x:.2f}%" cy="{y:.2f}%" r="3"/>' for x, y in at]
    return "".join(parts)


def _thinned(values: Floats) -> Floats:
    if values.size <= MOST_VERTICES:
        return values
    return np.array([part.mean() for part in np.array_split(values, MOST_VERTICES)])


def _inner(body: str) -> str:
    size = 'preserveAspectRatio="none" width="100%" height="100%" overflow="hidden"'
    return f'<svg viewBox="0 0 100 100" {size}>{body}</svg>'


def _diagonal() -> str:
    return '<line class="level" x1="0" x2="100%" y1="100%" y2="0"/>'


def _line(axis: Axis, value: float, kind: str) -> str:
    at = axis.percent(value)
    return f'<line class="{kind}" x1="{at:.2f}%" x2="{at:.2f}%" y1="0" y2="100%"/>'


def _grids(x_axis: Axis, y_axis: Axis) -> str:
    lines = [_line(x_axis, tick, "grid") for tick in x_axis.ticks]
    for tick in y_axis.ticks:
        at = 100 - y_axis.percent(tick)
        lines.append(f'<line class="grid" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>')
    return "".join(lines)


def _texts(x_axis: Axis, y_axis: Axis) -> str:
    """Numbers of the ticks: below the frame and to its left, where the style sheet leaves room."""
    parts = []
    for tick in x_axis.ticks:
        text = f"{tick:,.{x_axis.digits}f}".replace("-", "−")
        parts.append(
            f'<text x="{x_axis.percent(tick):.2f}%" y="100%" dy="15" text-anchor="middle">{text}</text>'
        )
    for tick in y_axis.ticks:
        text = f"{tick:,.{y_axis.digits}f}".replace("-", "−")
        at = 100 - y_axis.percent(tick)
        parts.append(f'<text x="0" dx="-6" y="{at:.2f}%" dy="4" text-anchor="end">{text}</text>')
    return "".join(parts)


def _svg(kind: str, label: str, body: str) -> Markup:
    name = escape(label)
    return Markup(
        f'<svg class="plot {kind}" role="img" aria-label="{name}"><title>{name}</title>{body}</svg>'
    )
