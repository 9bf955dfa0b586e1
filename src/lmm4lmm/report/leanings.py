"""How far a metric places the images of each generator or task above or below people, ready for a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lmm4lmm.core.counting import counted
from lmm4lmm.report import plots
from lmm4lmm.report.wording import DimensionWords, digits_for, number, tidy
from lmm4lmm.stats.arrays import Floats, Labels, groups
from lmm4lmm.stats.linearised import clustered_mean

RUN_OFF = 2.5
"""Intervals longer than so many of the largest mean run off the plot: two prompts must not shrink all others."""


@dataclass(frozen=True)
class Leaning:
    """One group's leaning, in people's units.

    Attributes:
        mean: of metric minus people; ``low`` and ``high`` are its 95 % interval over prompts.
        typical: root of the mean squared difference: how far a single image is off.
        within: the figure of agreement among this group's images alone: nothing that its name gives away.
    """

    name: str
    n: int
    mean: float
    low: float | None
    high: float | None
    typical: float
    within: float | None


@dataclass(frozen=True)
class LeaningView:
    """All groups: the words of the dimension, an axis, and (leaning, plot, mean, typical, within) each."""

    words: DimensionWords
    axis: Markup
    rows: tuple[tuple[Leaning, Markup, str, str, str], ...]


def leanings(
    names: Sequence[str],
    off: Floats,
    prompts: Labels,
    within: Callable[[NDArray[np.bool_]], float | None],
) -> tuple[Leaning, ...]:
    """Every group's leaning, the most overrated first.

    Args:
        names: [n] the group of each image.
        off: [n] metric minus people, in people's units.
        prompts: [n] the prompt of each image, the unit of the intervals.
        within: the figure of the rows that a mask [n] chooses; None where it is undefined.
    """
    labels, clusters, found = groups(names, off.size, "names"), groups(prompts, off.size, "prompts").codes, []
    for name, code in sorted((str(name), code) for code, name in enumerate(labels.names)):
        of = np.asarray(labels.codes == code, dtype=np.bool_)
        mean = clustered_mean(off[of], clusters[of])
        if mean.value is None:
            continue
        typical = float(np.sqrt(np.square(off[of]).mean()))
        found.append(Leaning(name, int(of.sum()), mean.value, mean.low, mean.high, typical, within(of)))
    return tuple(sorted(found, key=lambda one: -one.mean))


def leaning_view(words: DimensionWords, rows: Sequence[Leaning]) -> LeaningView | None:
    """The groups on one axis; None where there is none."""
    if not rows:
        return None
    most = RUN_OFF * max(abs(row.mean) for row in rows)
    every = [end for row in rows for end in (row.low, row.mean, row.high) if end is not None]
    ends = [min(max(end, -most), most) for end in every] if most else every
    axis = plots.axis_over([0.0, *ends], wanted=4)
    points = words.limits is None or words.limits[1] > 1
    digits = min(3, max(1 if points else 2, digits_for([0.0, *ends])))
    shown = []
    for given in rows:
        row = replace(given, name=tidy(given.name))
        text = f"{round(row.mean, digits) + 0.0:+.{digits}f}".replace("-", "−")
        label = f"{row.name}: {text} on average over {counted(row.n, 'image')}"
        plot = plots.deviation_plot(axis, row.mean, row.low, row.high, label=label)
        shown.append((row, plot, text, number(row.typical, digits), number(row.within, 3)))
    return LeaningView(words, plots.axis_labels(axis), tuple(shown))
