"""Leaderboards and score distributions, ready for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from markupsafe import Markup

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report import plots
from lmm4lmm.report.labels import UNNAMED, join_letters
from lmm4lmm.report.summary import Leaderboards
from lmm4lmm.report.wording import WORDS, DimensionWords, count, digits_for, listed, number, verdict
from lmm4lmm.stats.leaderboard import Leaderboard, Standing


@dataclass(frozen=True)
class BoardRow:
    """One generator in a leaderboard, as text and plot."""

    rank: str
    generator: str
    plot: Markup
    mean: str
    interval: str
    rank_interval: str
    groups: str
    n: str
    leads: bool


@dataclass(frozen=True)
class BoardView:
    """One leaderboard.

    Attributes:
        words: how its dimension is called.
        verdict: its answer in one sentence, names set off.
        axis: tick labels above the plots.
        rows: best first.
        unscored: images without a score in this dimension.
        notes: what the reader must know about unequal prompts, missing intervals and the like.
    """

    dimension: Dimension
    words: DimensionWords
    verdict: Markup
    axis: Markup
    rows: tuple[BoardRow, ...]
    unscored: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SpreadView:
    """Histograms of every generator, a column a dimension.

    Attributes:
        columns: words of each dimension with its axis.
        rows: generator with one histogram (or None) a column.
    """

    columns: tuple[tuple[DimensionWords, Markup], ...]
    rows: tuple[tuple[str, tuple[Markup | None, ...]], ...]


def board_views(boards: Leaderboards) -> tuple[BoardView, ...]:
    """The leaderboard of every dimension that has scores."""
    return tuple(_board_view(name, board, boards.unscored[name]) for name, board in boards.dimensions.items())


def order_of(boards: Leaderboards) -> tuple[str, ...]:
    """All generators, in the order of the first leaderboard, then those only in later ones."""
    names = [s.generator for board in boards.dimensions.values() for s in board.standings]
    return tuple(dict.fromkeys(names))


def spread_view(frame: pl.DataFrame, generators: Sequence[str]) -> SpreadView:
    """How each generator's scores are spread; the axis and the height are shared down a column.

    Args:
        frame: rows without errors.
        generators: in the order to show them.
    """
    named = frame.with_columns(pl.col("generator").fill_null(UNNAMED))
    parts = {str(key[0]): part for key, part in named.partition_by("generator", as_dict=True).items()}
    columns: list[tuple[DimensionWords, Markup]] = []
    cells: dict[str, list[Markup | None]] = {name: [] for name in generators}
    for dimension in DIMENSIONS:
        values = {name: _values(parts.get(name), dimension) for name in generators}
        everything = np.concatenate(list(values.values())) if values else np.empty(0)
        if not everything.size:
            continue
        words = WORDS[dimension]
        axis = plots.axis_over([everything.min(), everything.max()], wanted=3, limits=words.limits)
        columns.append((words, plots.axis_labels(axis)))
        peak = max(float(plots.bin_shares(axis, v).max()) for v in values.values() if v.size)
        digits = digits_for(everything.tolist())
        for name, scores in values.items():
            cells[name].append(_histogram(axis, scores, words, name, peak, digits))
    return SpreadView(tuple(columns), tuple((name, tuple(row)) for name, row in cells.items()))


def _board_view(dimension: Dimension, board: Leaderboard, unscored: int) -> BoardView:
    words = WORDS[dimension]
    ends = [v for s in board.standings for v in (s.low, s.mean, s.high) if v is not None]
    axis = plots.axis_over(ends, limits=words.limits)
    digits = digits_for(ends)
    first = board.standings[0]
    rows = tuple(
        _board_row(s, axis, digits, words, bool(set(s.groups) & set(first.groups))) for s in board.standings
    )
    return BoardView(
        dimension, words, verdict(board, name=_name), plots.axis_labels(axis), rows, unscored, _notes(board)
    )


def _name(generator: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(generator)


def _notes(board: Leaderboard) -> tuple[str, ...]:
    """The leaderboard's own notes, and each reason for a missing or rough interval with whom it concerns."""
    reasons: dict[str, list[str]] = {}
    for standing in board.standings:
        if standing.reason:
            reasons.setdefault(standing.reason, []).append(standing.generator)
    return (*board.notes, *(f"{listed(names)}: {reason}" for reason, names in reasons.items()))


def _board_row(
    standing: Standing, axis: plots.Axis, digits: int, words: DimensionWords, leads: bool
) -> BoardRow:
    s = standing
    mean, low, high = (number(v, digits) for v in (s.mean, s.low, s.high))
    span = "no interval" if s.low is None else f"interval {low} to {high}"
    label = f"{s.generator}: mean {words.title.lower()} {mean}, {span}"
    ranks = f"{s.rank_low}" if s.rank_low == s.rank_high else f"{s.rank_low}–{s.rank_high}"
    return BoardRow(
        rank=f"{s.rank:g}",
        generator=s.generator,
        plot=plots.interval_plot(axis, s.mean, s.low, s.high, label=label, strong=leads),
        mean=mean,
        interval="–" if s.low is None else f"{low} – {high}",
        rank_interval=ranks,
        groups=join_letters(s.groups),
        n=f"{s.n:,}",
        leads=leads,
    )


def _values(part: pl.DataFrame | None, dimension: Dimension) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if part is None:
        return np.empty(0)
    return part[dimension].drop_nulls().to_numpy().astype(np.float64)


def _histogram(
    axis: plots.Axis,
    scores: np.ndarray[tuple[int], np.dtype[np.float64]],
    words: DimensionWords,
    name: str,
    peak: float,
    digits: int,
) -> Markup | None:
    if not scores.size:
        return None
    low, middle, high = (number(float(v), digits) for v in np.quantile(scores, [0.1, 0.5, 0.9]))
    label = (
        f"{name}, {words.title.lower()} of {count(scores.size, 'image')}: "
        f"median {middle}, four in five between {low} and {high}"
    )
    return plots.histogram(axis, scores, label=label, peak=peak)
