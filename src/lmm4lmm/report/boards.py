"""Leaderboards, ready for the page."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.report import plots
from lmm4lmm.report.labels import compact_letters
from lmm4lmm.report.scales import on_scale
from lmm4lmm.report.summary import CombinedBoards, Leaderboards
from lmm4lmm.report.wording import (
    COMBINED,
    WORDS,
    DimensionWords,
    digits_for,
    listed,
    number,
    sentence,
    verdict,
)
from lmm4lmm.stats.leaderboard import Leaderboard, Standing


@dataclass(frozen=True)
class BoardRow:
    """One generator in a leaderboard, as text and plot; ``leads`` if it can't be told apart from the first."""

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

    words: DimensionWords
    verdict: Markup
    axis: Markup
    rows: tuple[BoardRow, ...]
    unscored: int
    notes: tuple[str, ...]


def board_views(boards: Leaderboards) -> tuple[BoardView, ...]:
    """The leaderboard of every dimension that has scores, then that of all of them together where there is one."""
    found = [
        board_view(on_scale(WORDS[name], boards.scales[name]), board, boards.unscored[name])
        for name, board in boards.dimensions.items()
    ]
    if boards.combined is not None:
        view = board_view(COMBINED, boards.combined.board, 0)
        found.append(replace(view, notes=(*view.notes, *combined_notes(boards.combined))))
    return tuple(found)


def order_of(boards: Leaderboards) -> tuple[str, ...]:
    """All generators, in the order of the first leaderboard, then those only in later ones."""
    names = [s.generator for board in boards.dimensions.values() for s in board.standings]
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class _Shared:
    """What the rows of one leaderboard have in common."""

    words: DimensionWords
    axis: plots.Axis
    digits: int
    letters: tuple[str, ...]
    first: Standing


def board_view(words: DimensionWords, board: Leaderboard, unscored: int) -> BoardView:
    """One leaderboard; ``unscored`` images have no score in it."""
    ends = [v for s in board.standings for v in (s.low, s.mean, s.high) if v is not None]
    axis = plots.axis_over(ends, limits=words.limits)
    letters = {letter for s in board.standings for letter in s.groups}
    ordered = tuple(sorted(letters, key=lambda letter: (len(letter), letter)))
    shared = _Shared(words, axis, max(words.digits, digits_for(ends)), ordered, board.standings[0])
    return BoardView(
        words=words,
        verdict=verdict(board, name=lambda generator: Markup("<bdi>{}</bdi>").format(generator)),
        axis=plots.axis_labels(axis),
        rows=tuple(_board_row(standing, shared) for standing in board.standings),
        unscored=unscored,
        notes=board_notes(board),
    )


def _board_row(s: Standing, shared: _Shared) -> BoardRow:
    mean, low, high = (number(v, shared.digits) for v in (s.mean, s.low, s.high))
    span = "no interval" if s.low is None else f"interval {low} to {high}"
    label = f"{s.generator}: mean {shared.words.title.lower()} {mean}, {span}"
    leads = bool(set(s.groups) & set(shared.first.groups))
    return BoardRow(
        rank=str(s.rank),
        generator=s.generator,
        plot=plots.interval_plot(shared.axis, s.mean, s.low, s.high, label=label, strong=leads),
        mean=mean,
        interval="–" if s.low is None else f"{low} – {high}",
        rank_interval=str(s.rank_low) if s.rank_low == s.rank_high else f"{s.rank_low}–{s.rank_high}",
        groups=compact_letters(s.groups, shared.letters),
        n=f"{s.n:,}",
        leads=leads,
    )


def combined_notes(found: CombinedBoards) -> tuple[str, ...]:
    """How the dimensions were weighed, and what was left out."""
    weighed = []
    for name, yardstick in found.yardsticks.items():
        digits = digits_for([yardstick.sd])
        middle, spread = number(yardstick.mean, digits), number(yardstick.sd, digits)
        weighed.append(f"{name} (mean {middle}, standard deviation {spread})")
    notes = [f"The yardstick is the spread of the generators' means in {listed(weighed)}."]
    if found.incomplete:
        notes.append(
            f"{counted(found.incomplete, 'image')} with a score, but not in every dimension, left out."
        )
    return tuple(notes)


def board_notes(board: Leaderboard) -> tuple[str, ...]:
    """The leaderboard's own notes, and each reason for a missing or rough interval with whom it concerns."""
    reasons: dict[str, list[str]] = {}
    for standing in board.standings:
        if standing.reason:
            reasons.setdefault(standing.reason, []).append(standing.generator)
    concerned = (f"{reason} ({listed(names)})" for reason, names in reasons.items())
    return tuple(sentence(note) for note in (*board.notes, *concerned))
