"""Everything the page says about one scores table, gathered before a line of HTML is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.agreement import AgreementView, agreement_view
from lmm4lmm.report.beside import BesideView, People, beside_view
from lmm4lmm.report.boards import BoardView, board_views, order_of
from lmm4lmm.report.cards import Card
from lmm4lmm.report.disagreements import Gallery
from lmm4lmm.report.gallery import Row, extremes, strips
from lmm4lmm.report.heatmap import HeatMap, heat_map
from lmm4lmm.report.labels import UNNAMED, completed
from lmm4lmm.report.levels import HumanFacts
from lmm4lmm.report.spread import SpreadView, spread_view
from lmm4lmm.report.summary import Leaderboards, leaderboards
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.wording import CONTROLS, WORDS, DimensionWords, digits_for, number, tidy

FAILURES_LISTED = 100
DISAGREEMENTS = 4
"""Images on which metric and people are farthest apart, at most, in each direction."""


@dataclass(frozen=True)
class Plan:
    """Pictures of a section: ``each`` best and worst a dimension, ``prompts`` strips of ``across``."""

    each: int
    prompts: int
    across: int


@dataclass(frozen=True)
class StripView:
    """One prompt across generators."""

    prompt: str
    cards: tuple[Card, ...]
    more: int
    chosen: str


@dataclass(frozen=True)
class ExtremesView:
    """Best and worst of one dimension."""

    words: DimensionWords
    best: tuple[Card, ...]
    worst: tuple[Card, ...]


@dataclass(frozen=True)
class Section:
    """One input of the report; attributes are what the template shows, in its order."""

    anchor: str
    name: str
    metrics: tuple[str, ...]
    rows: int
    failed: int
    generators: int
    prompts: int
    tasks: int
    boards: Leaderboards
    leaderboards: tuple[BoardView, ...]
    beside: BesideView | None
    heat_maps: tuple[tuple[DimensionWords, HeatMap], ...]
    spread: SpreadView
    agreement: AgreementView | None
    agreement_problem: str | None
    strips: tuple[StripView, ...]
    extremes: tuple[ExtremesView, ...]
    reasons: tuple[tuple[str, int], ...]
    failures: tuple[tuple[str, str, str], ...]


def plan_for(thumbnails: int, sections: int) -> Plan:
    """Shares ``thumbnails`` out: about a third to the extremes, the rest to prompts side by side."""
    share = thumbnails // max(1, sections)
    if share < 8:
        return Plan(0, 0, 0)
    each = min(12, max(1, share // 20))
    rest = share - 2 * len(DIMENSIONS) * each
    across = 12 if share >= 240 else 8
    return Plan(each, max(1, min(8, rest // across)), across)


def section(
    frame: pl.DataFrame,
    *,
    anchor: str,
    source: Path,
    roots: Sequence[Path],
    people: People | None,
    human: pl.DataFrame | None,
    facts: HumanFacts | None,
    plan: Plan,
    pictures: Thumbnails,
    seed: int,
    resamples: int,
) -> Section:
    """Gathers one section; see ``write_report`` for the arguments."""
    frame = _legible(completed(frame))
    good = frame.filter(pl.col("error").is_null())
    boards = leaderboards(frame, seed=seed, resamples=resamples)
    order = order_of(boards)
    gallery = Gallery(roots, pictures, min(plan.each, DISAGREEMENTS))
    agreement, problem = _agreement(frame, human, facts, gallery, seed, resamples)
    cards = _Cards(good, pictures, roots)
    return Section(
        anchor=anchor,
        name=tidy(source.name),
        metrics=tuple(sorted(frame["metric"].drop_nulls().unique().to_list())),
        rows=frame.height,
        failed=boards.failed,
        generators=good["generator"].drop_nulls().n_unique(),
        prompts=good.filter(pl.col("prompt").str.strip_chars() != "")["prompt"].n_unique(),
        tasks=good["task"].drop_nulls().n_unique(),
        boards=boards,
        leaderboards=board_views(boards),
        beside=None if people is None else beside_view(boards, people),
        heat_maps=tuple(
            (WORDS[name], heat)
            for name in boards.dimensions
            if (heat := heat_map(good, name, order)) is not None
        ),
        spread=spread_view(good, order),
        agreement=agreement,
        agreement_problem=problem,
        strips=tuple(
            StripView(s.prompt, tuple(cards.card(row) for row in s.rows), s.more, s.chosen)
            for s in strips(good, order, prompts=plan.prompts, across=plan.across, seed=seed)
        ),
        extremes=tuple(_extremes(good, name, plan.each, cards) for name in boards.dimensions if plan.each),
        reasons=_reasons(frame),
        failures=_failures(frame),
    )


def _legible(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with ``tidy`` texts, and a tidy copy ``shown`` of ``image``: files are found by the original."""
    texts = pl.col("id", "prompt", "generator", "task", "metric", "error", "shown").cast(pl.String)
    return frame.with_columns(shown=pl.col("image")).with_columns(
        texts.str.replace_many(list(CONTROLS), list(CONTROLS.values()))
    )


def _agreement(
    frame: pl.DataFrame,
    human: pl.DataFrame | None,
    facts: HumanFacts | None,
    gallery: Gallery,
    seed: int,
    resamples: int,
) -> tuple[AgreementView | None, str | None]:
    if human is None:
        return None, None
    try:
        view = agreement_view(frame, human, seed=seed, resamples=resamples, gallery=gallery, facts=facts)
        return view, None
    except InputError as error:
        return None, str(error)


def _extremes(frame: pl.DataFrame, name: Dimension, each: int, cards: _Cards) -> ExtremesView:
    found = extremes(frame, name, each)
    return ExtremesView(
        WORDS[name],
        tuple(cards.card(row, name) for row in found.best),
        tuple(cards.card(row, name) for row in found.worst),
    )


class _Cards:
    """Makes cards; knows how many decimals each dimension needs."""

    def __init__(self, frame: pl.DataFrame, pictures: Thumbnails, roots: Sequence[Path]) -> None:
        self._pictures, self._roots = pictures, roots
        self._digits = {
            name: max(digits_for(frame[name].drop_nulls().to_list()), 2 if name == "answer" else 1)
            for name in DIMENSIONS
            if frame[name].null_count() < frame.height
        }

    def card(self, row: Row, by: Dimension | None = None) -> Card:
        scores = []
        for name, digits in self._digits.items():
            value = row[name]
            if isinstance(value, float):
                scores.append((WORDS[name].short, number(value, digits), name == by))
        generator, image = row["generator"], str(row["image"] or "")
        return Card(
            picture=self._pictures.get(image, self._roots),
            image=str(row["shown"] or ""),
            prompt=str(row["prompt"] or ""),
            generator=str(generator) if generator is not None else UNNAMED,
            scores=tuple(scores),
        )


def _reasons(frame: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    """Distinct reasons of failures with their counts, the most frequent first."""
    errors = frame["error"].drop_nulls().value_counts(sort=True)
    return tuple((str(reason), int(n)) for reason, n in errors.head(20).iter_rows())


def _failures(frame: pl.DataFrame) -> tuple[tuple[str, str, str], ...]:
    bad = frame.filter(pl.col("error").is_not_null()).head(FAILURES_LISTED)
    return tuple(
        (str(row["id"]), str(row["shown"] or ""), str(row["error"]))
        for row in bad.select("id", "shown", "error").iter_rows(named=True)
    )
