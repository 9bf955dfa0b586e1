"""How the scores of single images are spread within each generator, ready for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report import plots
from lmm4lmm.report.labels import UNNAMED
from lmm4lmm.report.wording import WORDS, DimensionWords, digits_for, number
from lmm4lmm.stats.arrays import Floats


@dataclass(frozen=True)
class SpreadView:
    """Histograms of every generator, a column a dimension.

    Attributes:
        columns: words of each dimension with its axis.
        rows: generator with one histogram (or None) a column.
    """

    columns: tuple[tuple[DimensionWords, Markup], ...]
    rows: tuple[tuple[str, tuple[Markup | None, ...]], ...]


def spread_view(frame: pl.DataFrame, generators: Sequence[str]) -> SpreadView:
    """The histograms; axis and height are shared down a column.

    Args:
        frame: rows without errors.
        generators: in the order to show them.
    """
    named = frame.with_columns(pl.col("generator").fill_null(UNNAMED))
    parts = {str(key[0]): part for key, part in named.partition_by("generator", as_dict=True).items()}
    columns: list[tuple[DimensionWords, Markup]] = []
    cells: dict[str, list[Markup | None]] = {name: [] for name in generators}
    for dimension in DIMENSIONS:
        values = {name: _values(parts[name], dimension) for name in generators}
        if not any(scores.size for scores in values.values()):
            continue
        axis, plotted = _column(WORDS[dimension], values)
        columns.append((WORDS[dimension], plots.axis_labels(axis)))
        for name, plot in plotted.items():
            cells[name].append(plot)
    return SpreadView(tuple(columns), tuple((name, tuple(row)) for name, row in cells.items()))


def _column(words: DimensionWords, values: dict[str, Floats]) -> tuple[plots.Axis, dict[str, Markup | None]]:
    everything = np.concatenate(list(values.values()))
    axis = plots.axis_over([everything.min(), everything.max()], wanted=3, limits=words.limits)
    peak = max(float(plots.bin_shares(axis, scores).max()) for scores in values.values() if scores.size)
    digits = digits_for([everything.min(), everything.max()])

    def plot(name: str, scores: Floats) -> Markup | None:
        if not scores.size:
            return None
        low, middle, high = (number(float(v), digits) for v in np.quantile(scores, [0.1, 0.5, 0.9]))
        label = (
            f"{name}, {words.title.lower()} of {counted(scores.size, 'image')}: "
            f"median {middle}, four in five between {low} and {high}"
        )
        return plots.histogram(axis, scores, label=label, peak=peak)

    return axis, {name: plot(name, scores) for name, scores in values.items()}


def _values(part: pl.DataFrame, dimension: Dimension) -> Floats:
    return part[dimension].drop_nulls().to_numpy().astype(np.float64)
