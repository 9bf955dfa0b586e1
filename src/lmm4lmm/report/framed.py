"""Plots of a metric against people as inline SVG, with the numbers of the axes outside the frame.

Predicted against human scores, with a fitted curve and its band; reliability of answers; leanings of groups. The
parts that frame them serve the curves of a training run, too.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup, escape

from lmm4lmm.report.plots import Axis, axis_over
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.calibration import Reliability
from lmm4lmm.stats.linearised import Band


def agreement_plot(axis: Axis, predicted: Floats, human: Floats, *, label: str) -> Markup:
    """Predicted scores across, people's upwards, on one and the same axis, with the line where they are equal."""
    points = stretched(f'<path class="points" d="{_dots(axis, axis, predicted, human)}"/>')
    return plot("curve square", label, grids(axis, axis) + diagonal() + points + tick_texts(axis, axis))


def fit_plot(x_axis: Axis, y_axis: Axis, x: Floats, y: Floats, *, label: str, band: Band | None) -> Markup:
    """Scores of a metric across, people's upwards, with the fitted curve and its band over the points.

    Args:
        x_axis: of the metric.
        y_axis: of people.
        x: [n] finite.
        y: [n] finite.
        label: what a screen reader says.
        band: the curve with its band; ends that are NaN draw the curve alone. None draws points alone.
    """
    body = grids(x_axis, y_axis) + stretched(f'<path class="points" d="{_dots(x_axis, y_axis, x, y)}"/>')
    if band is not None:
        curve = _path(x_axis, y_axis, band.at, band.value)
        area = ""
        if np.isfinite(band.low).all():
            back = _path(x_axis, y_axis, band.at[::-1], band.low[::-1])
            area = f'<path class="band" d="M{_path(x_axis, y_axis, band.at, band.high)}L{back}Z"/>'
        body += stretched(f'{area}<path class="fit" d="M{curve}"/>')
    return plot("curve square", label, body + tick_texts(x_axis, y_axis))


def reliability_plot(found: Reliability, *, label: str) -> Markup:
    """Said probability across, people's share of yes upwards; larger dots stand for more answers."""
    axis = axis_over([0.0, 1.0], wanted=5)
    most = max(one.n for one in found.bins)
    parts = [grids(axis, axis), diagonal()]
    for one in found.bins:
        if one.mean_p is None or one.share_yes is None or one.share_low is None or one.share_high is None:
            continue
        x, y = axis.percent(one.mean_p), 100 - axis.percent(one.share_yes)
        low, high = 100 - axis.percent(one.share_low), 100 - axis.percent(one.share_high)
        parts.append(f'<line class="whisker" x1="{x:.2f}%" x2="{x:.2f}%" y1="{low:.2f}%" y2="{high:.2f}%"/>')
        size = 2.5 + 4.5 * (one.n / most) ** 0.5
        parts.append(f'<circle class="dot" cx="{x:.2f}%" cy="{y:.2f}%" r="{size:.1f}"/>')
    return plot("curve square", label, "".join(parts) + tick_texts(axis, axis))


def _dots(x_axis: Axis, y_axis: Axis, x: Floats, y: Floats) -> str:
    return "".join(
        f"M{x_axis.percent(a):.1f} {100 - y_axis.percent(b):.1f}h0" for a, b in zip(x, y, strict=True)
    )


def _path(x_axis: Axis, y_axis: Axis, x: Floats, y: Floats) -> str:
    at = zip(x, y, strict=True)
    return "L".join(f"{x_axis.percent(a):.2f} {100 - y_axis.percent(b):.2f}" for a, b in at)


def stretched(body: str) -> str:
    """Shapes in percent of the frame, stretched with it; strokes keep their width."""
    size = 'preserveAspectRatio="none" width="100%" height="100%" overflow="hidden"'
    return f'<svg viewBox="0 0 100 100" {size}>{body}</svg>'


def diagonal() -> str:
    """The line of equal values."""
    return '<line class="level" x1="0" x2="100%" y1="100%" y2="0"/>'


def upright(axis: Axis, value: float, kind: str) -> str:
    """An upright line at a value."""
    at = axis.percent(value)
    return f'<line class="{kind}" x1="{at:.2f}%" x2="{at:.2f}%" y1="0" y2="100%"/>'


def grids(x_axis: Axis, y_axis: Axis) -> str:
    """Lines at the ticks of both axes."""
    lines = [upright(x_axis, tick, "grid") for tick in x_axis.ticks]
    for tick in y_axis.ticks:
        at = 100 - y_axis.percent(tick)
        lines.append(f'<line class="grid" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>')
    return "".join(lines)


def tick_texts(x_axis: Axis, y_axis: Axis) -> str:
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


def plot(kind: str, label: str, body: str) -> Markup:
    """The element around a plot, with the name that a screen reader says."""
    name = escape(label)
    return Markup(
        f'<svg class="plot {kind}" role="img" aria-label="{name}"><title>{name}</title>{body}</svg>'
    )
