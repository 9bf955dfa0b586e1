"""Small plots as inline SVG: no script, no canvas, coloured by the page's own CSS variables.

Positions are percentages and sizes are CSS pixels, so a plot stretches with its column while dots stay round
and text keeps its size; that is what a ``viewBox`` alone can't do. Curves, which need one, sit in an inner
``<svg>`` that may be stretched because their strokes don't scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape


@dataclass(frozen=True)
class Axis:
    """A linear axis.

    Attributes:
        low: value at the left (or bottom) end.
        high: value at the other end; above ``low``.
        ticks: where to draw ticks; all within the ends.
        digits: decimals that tell neighbouring ticks apart.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    digits: int

    def percent(self, value: float) -> float:
        """Where a value lies, in percent of the axis; values outside are drawn at the end."""
        return 100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def axis_over(values: Sequence[float], *, wanted: int = 5, limits: tuple[float, float] | None = None) -> Axis:
    """An axis with round ticks that spans the values.

    Args:
        values: what has to fit; not finite ones are ignored.
        wanted: about how many steps between ticks.
        limits: the axis doesn't reach beyond these unless a value does.
    """
    finite = [float(v) for v in values if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)) or high == low:
        half = 0.5 * max(abs(low) * 0.1, 0.1)
        low, high = low - half, high + half
    step = _round_step((high - low) / wanted)
    start, stop = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    if limits is not None and finite:
        if min(finite) >= limits[0]:
            start = max(start, limits[0])
        if max(finite) <= limits[1]:
            stop = min(stop, limits[1])
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(start / step - 1e-9)
    ticks = [i * step for i in range(first, first + 200) if i * step <= stop + 1e-9 * step]
    return Axis(start, stop, tuple(round(t, digits + 1) for t in ticks), digits)


def interval_plot(
    axis: Axis,
    mean: float,
    low: float | None,
    high: float | None,
    *,
    label: str,
    strong: bool = False,
    hollow: bool = False,
    reach: tuple[float, float] | None = None,
) -> Markup:
    """A dot at the mean on a bar from ``low`` to ``high``, for one row of a ranking.

    Args:
        axis: shared by all rows.
        mean: the dot.
        low: lower end of the interval; without one there is no bar.
        high: upper end.
        label: what a screen reader says.
        strong: draw in the accent colour.
        hollow: draw a ring in place of the dot.
        reach: ends of a range to shade behind it, in any order.
    """
    behind = ""
    if reach is not None:
        a, b = sorted(axis.percent(end) for end in reach)
        behind = f'<rect class="reach" x="{a:.2f}%" width="{b - a:.2f}%" y="0" height="100%"/>'
    kind = "interval" + (" strong" if strong else "") + (" hollow" if hollow else "")
    return _svg(kind, label, behind + _grid(axis) + _bar_and_dot(axis, mean, low, high))


def deviation_plot(
    axis: Axis,
    mean: float,
    low: float | None,
    high: float | None,
    *,
    label: str,
    margin: float = 0.0,
    strong: bool = True,
) -> Markup:
    """A dot with its interval beside an upright line at zero, and a band as wide as the margin on either side of it.

    Args:
        axis: shared by all rows; must hold 0.
        mean: the dot.
        low: lower end of the interval; without one there is no bar.
        high: upper end.
        label: what a screen reader says.
        margin: what does not matter; 0 draws no band.
        strong: draw in the accent colour.
    """
    parts = []
    if margin:
        left, right = axis.percent(-margin), axis.percent(margin)
        band = f'x="{left:.2f}%" width="{right - left:.2f}%" y="0" height="100%"'
        parts.append(f'<rect class="band" {band}/>')
    zero = axis.percent(0.0)
    parts += [
        _grid(axis),
        f'<line class="zero" x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="100%"/>',
        _bar_and_dot(axis, mean, low, high),
    ]
    return _svg("interval strong" if strong else "interval", label, "".join(parts))


def _bar_and_dot(axis: Axis, mean: float, low: float | None, high: float | None) -> str:
    bar = ""
    if low is not None and high is not None:
        a, b = axis.percent(low), axis.percent(high)
        bar = f'<line class="bar" x1="{a:.2f}%" x2="{b:.2f}%" y1="50%" y2="50%"/>'
    return bar + f'<circle class="dot" cx="{axis.percent(mean):.2f}%" cy="50%" r="4.5"/>'


def axis_labels(axis: Axis) -> Markup:
    """The tick labels of an axis, drawn once above the rows that share it."""
    texts = []
    for i, tick in enumerate(axis.ticks):
        x = axis.percent(tick)
        anchor = "start" if x < 3 else "end" if x > 97 else "middle"
        kind = ' class="alt"' if i % 2 else ""  # the style sheet hides these where space is scarce
        texts.append(
            f'<text{kind} x="{x:.2f}%" y="12" text-anchor="{anchor}">{_number(tick, axis.digits)}</text>'
        )
    return Markup(f'<svg class="plot axis" aria-hidden="true">{"".join(texts)}</svg>')


def histogram(
    axis: Axis, values: npt.NDArray[np.float64], *, label: str, peak: float, bins: int = 40
) -> Markup:
    """How the scores of one generator are spread: shares in equal bins, with a mark at the median.

    Args:
        axis: shared by all rows.
        values: the scores; finite.
        label: what a screen reader says.
        peak: the share of a bin that fills the height; the same for all rows that are compared.
        bins: how many bins over the axis.
    """
    shares = bin_shares(axis, values, bins)
    path = ["M0 100"]
    for i, share in enumerate(shares):
        y = 100 - 96 * min(1.0, float(share) / peak)
        path.append(f"V{y:.1f}H{100 * (i + 1) / bins:g}")
    path.append("V100Z")
    curve = (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">'
        f'<path class="area" d="{"".join(path)}"/></svg>'
    )
    middle = axis.percent(float(np.median(values)))
    mark = f'<line class="median" x1="{middle:.2f}%" x2="{middle:.2f}%" y1="0" y2="100%"/>'
    return _svg("histogram", label, _grid(axis) + curve + mark)


def bin_shares(axis: Axis, values: npt.NDArray[np.float64], bins: int = 40) -> npt.NDArray[np.float64]:
    """The share of values in each of ``bins`` equal parts of the axis; sums to 1."""
    counts, _ = np.histogram(np.clip(values, axis.low, axis.high), bins=bins, range=(axis.low, axis.high))
    return np.asarray(counts / max(1, len(values)), dtype=np.float64)


def _grid(axis: Axis) -> str:
    lines = []
    for tick in axis.ticks:
        x = axis.percent(tick)
        lines.append(f'<line class="grid" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>')
    return "".join(lines)


def _svg(kind: str, label: str, body: str) -> Markup:
    name = escape(label)
    return Markup(
        f'<svg class="plot {kind}" role="img" aria-label="{name}"><title>{name}</title>{body}</svg>'
    )


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _round_step(raw: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten that is not below ``raw``."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
