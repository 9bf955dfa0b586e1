"""A metric's means beside people's of other generators for the same prompts: on one scale only where it is one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl
from markupsafe import Markup

from lmm4lmm.core.records import Dimension
from lmm4lmm.report import plots
from lmm4lmm.report.board_models import model_cards
from lmm4lmm.report.summary import Leaderboards, leaderboards
from lmm4lmm.report.wording import WORDS, DimensionWords, digits_for, number

Judge = Literal["metric", "people"]


@dataclass(frozen=True)
class People:
    """What people said of other generators' images of the prompts that a metric's table has.

    Attributes:
        boards: their leaderboards; None where there are no such scores, ``caveats`` then say why.
        names: generator -> the name under which it was published.
        prompts: prompts that they are over.
        caveats: why their means must not be read on the metric's scale; empty where they may.
    """

    boards: Leaderboards | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    prompts: int = 0
    caveats: tuple[str, ...] = ()

    @property
    def comparable(self) -> bool:
        """Whether there are such means, on the metric's scale."""
        return self.boards is not None and not self.caveats

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Generator -> dimension -> mean and interval; empty where there are none."""
        found: dict[str, dict[str, Any]] = {}
        for dimension, board in self.boards.dimensions.items() if self.boards else ():
            for one in board.standings:
                mean = {"mean": one.mean, "low": one.low, "high": one.high, "n": one.n}
                found.setdefault(one.generator, {})[dimension] = mean
        return found


@dataclass(frozen=True)
class Placed:
    """One generator: its mean score with the 95 % interval by prompt, over ``n`` images, and who judged them."""

    generator: str
    mean: float
    low: float | None
    high: float | None
    n: int
    judge: Judge


def people_beside(human: pl.DataFrame, prompts: Collection[str], caveats: Collection[str] = ()) -> People:
    """People's leaderboards over these prompts.

    Args:
        human: a table of people's scores.
        prompts: the texts of the prompts that the metric's table has.
        caveats: known reasons why the metric's scale is not people's; those that the prompts give are added.
    """
    if not prompts:
        return People(caveats=(*caveats, "no image here has a score"))
    same = human.filter(pl.col("prompt").is_in(list(prompts)))
    known = same["prompt"].n_unique()
    found = list(caveats)
    if known < len(prompts):
        found.append(
            f"people scored images of only {known:,} of the {len(prompts):,} prompts here: the means are of "
            "different pictures"
        )
    if same.is_empty():
        return People(caveats=tuple(found))
    boards = leaderboards(same)
    generators = {one.generator: None for board in boards.dimensions.values() for one in board.standings}
    cards = model_cards(same, list(generators), {})
    return People(boards, {card.generator: card.name for card in cards}, known, tuple(found))


def placed(boards: Leaderboards, people: People) -> dict[Dimension, tuple[Placed, ...]]:
    """Generators by mean, best first, in every dimension that the metric and people scored.

    People's generators have their published names; the metric's are among them only where the scales are one.
    """
    if people.boards is None:
        return {}
    found = {}
    for dimension, board in boards.dimensions.items():
        if dimension not in people.boards.dimensions:
            continue
        both = [
            Placed(people.names[s.generator], s.mean, s.low, s.high, s.n, "people")
            for s in people.boards.dimensions[dimension].standings
        ]
        if people.comparable:
            both += [Placed(s.generator, s.mean, s.low, s.high, s.n, "metric") for s in board.standings]
        found[dimension] = tuple(sorted(both, key=lambda one: (-one.mean, one.generator)))
    return found


@dataclass(frozen=True)
class BesideRow:
    """A ``Placed``, as text and plot."""

    generator: str
    plot: Markup
    mean: str
    interval: str
    n: str
    judge: Judge


@dataclass(frozen=True)
class BesideBoard:
    """One dimension: its words, tick labels, and rows from best to worst."""

    words: DimensionWords
    axis: Markup
    rows: tuple[BesideRow, ...]


@dataclass(frozen=True)
class BesideView:
    """What the page shows; ``boards`` are empty where there is nothing but caveats."""

    together: bool
    prompts: int
    caveats: tuple[str, ...]
    boards: tuple[BesideBoard, ...]


def beside_view(boards: Leaderboards, people: People) -> BesideView:
    """Ready for the page."""
    return BesideView(
        together=people.comparable,
        prompts=people.prompts,
        caveats=people.caveats,
        boards=tuple(_board(WORDS[dimension], rows) for dimension, rows in placed(boards, people).items()),
    )


def _board(words: DimensionWords, rows: tuple[Placed, ...]) -> BesideBoard:
    ends = [value for row in rows for value in (row.low, row.mean, row.high) if value is not None]
    axis = plots.axis_over(ends, limits=words.limits)
    digits = max(words.digits, digits_for(ends))
    return BesideBoard(words, plots.axis_labels(axis), tuple(_row(row, axis, digits) for row in rows))


def _row(row: Placed, axis: plots.Axis, digits: int) -> BesideRow:
    mean, low, high = (number(value, digits) for value in (row.mean, row.low, row.high))
    span = "no interval" if row.low is None else f"interval {low} to {high}"
    label = f"{row.generator}, judged by {row.judge}: mean {mean}, {span}"
    return BesideRow(
        generator=row.generator,
        plot=plots.interval_plot(
            axis, row.mean, row.low, row.high, label=label, strong=row.judge == "metric"
        ),
        mean=mean,
        interval="–" if row.low is None else f"{low} – {high}",
        n=f"{row.n:,}",
        judge=row.judge,
    )
