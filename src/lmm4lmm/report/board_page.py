"""The leaderboard page: every ranking of a table, by score and task, to sort, filter and look into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import write_atomically
from lmm4lmm.core.records import Dimension
from lmm4lmm.datasets.facts import Facts, Model, Scale
from lmm4lmm.report import plots
from lmm4lmm.report.board_data import ALL_TASKS, PAIRS, ScoreBoards, board_document, score_boards, task_order
from lmm4lmm.report.board_models import ModelCard, model_cards, renamed
from lmm4lmm.report.board_prompts import PromptPack, pack_prompts
from lmm4lmm.report.boards import BoardView, board_view, order_of
from lmm4lmm.report.heatmap import HeatMap, heat_of
from lmm4lmm.report.labels import completed
from lmm4lmm.report.page import page_environment, page_parts, script_hash
from lmm4lmm.report.summary import Leaderboards, leaderboards
from lmm4lmm.report.wording import CONTROLS, tidy

SCRIPTS = (
    "board_base.js",
    "board_table.js",
    "board_pairs.js",
    "board_tasks.js",
    "board_radar.js",
    "board_prompts.js",
    "board_start.js",
)
"""One script when joined; the first holds what the others use, the last starts them."""


@dataclass(frozen=True)
class BoardSource:
    """Where a leaderboard's scores come from, and what is known of it.

    Attributes:
        name: the file, or the title of the data set.
        facts: of the data set; None for a file.
    """

    name: str
    facts: Facts | None = field(default=None)

    @property
    def models(self) -> Mapping[str, Model]:
        """Generator -> the model, where it is known."""
        return self.facts.models if self.facts else {}

    @property
    def scales(self) -> Mapping[Dimension, Scale]:
        """Of the data set, as it was released."""
        return self.facts.scales if self.facts else {}

    @property
    def tasks(self) -> Sequence[str]:
        """In the data set's order."""
        return self.facts.tasks if self.facts else ()


@dataclass(frozen=True)
class BoardPageFacts:
    """What became of a page.

    Attributes:
        path: the page.
        size_bytes: its size.
        models: generators ranked on it.
        prompts: that can be browsed on it.
        left_out: prompts left out because the page would grow too large.
    """

    path: Path
    size_bytes: int
    models: int
    prompts: int
    left_out: int


@dataclass(frozen=True)
class _View:
    """What the template shows."""

    source: BoardSource
    boards: Leaderboards
    cards: tuple[ModelCard, ...]
    scores: tuple[ScoreBoards, ...]
    tasks: tuple[str, ...]
    first: BoardView
    ranks: tuple[tuple[ModelCard, tuple[Markup | None, ...]], ...]
    rank_axis: Markup
    heats: tuple[tuple[ScoreBoards, HeatMap], ...]
    prompts: PromptPack | None
    metrics: tuple[str, ...]

    @property
    def has_pairs(self) -> bool:
        """Whether two models can be set against each other on the page."""
        return all(0 < score.apart[1] <= PAIRS for score in self.scores)

    @property
    def same_images(self) -> bool:
        """Whether every model has as many images as any other, over all and in each task."""
        every = (board for score in self.scores for board in (score.overall, *score.tasks.values()))
        return all(len({s.n for s in board.standings}) == 1 for board in every)


def write_board_page(
    frame: pl.DataFrame,
    out: Path,
    *,
    source: BoardSource,
    title: str | None = None,
    boards: Leaderboards | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> BoardPageFacts:
    """Writes the page, whole or not at all.

    Args:
        frame: a scores table.
        out: the page to write; replaced if it exists.
        source: where the scores come from.
        title: heading; None takes the source's name.
        boards: of ``frame``, by task and with the source's scales, if they are computed already.
        seed: of the bootstrap, and of the prompts drawn by lot where there are too many.
        resamples: of the bootstrap.

    Raises:
        InputError: ``out`` is a folder, or no row has a score.
    """
    if out.is_dir():
        raise InputError(f"{out}: is a folder; give the name of the page to write, say {out / 'index.html'}")
    frame = _legible(completed(frame))
    if boards is None:
        boards = leaderboards(frame, by_task=True, seed=seed, resamples=resamples, scales=source.scales)
    if not boards.dimensions:
        raise InputError(f"{source.name}: no row has a score, so there is nothing to rank")
    view = _view(frame, source, boards, seed)
    write_atomically(out, _render(title or f"{tidy(source.name)}: leaderboard", view))
    shown, of = (view.prompts.shown, view.prompts.of) if view.prompts else (0, 0)
    return BoardPageFacts(out, out.stat().st_size, len(view.cards), shown, of - shown)


def _legible(frame: pl.DataFrame) -> pl.DataFrame:
    texts = ("prompt", "generator", "task", "metric", "question", "error")
    present = pl.col([name for name in texts if name in frame.columns]).cast(pl.String)
    return frame.with_columns(present.str.replace_many(list(CONTROLS), list(CONTROLS.values())))


def _view(frame: pl.DataFrame, source: BoardSource, boards: Leaderboards, seed: int) -> _View:
    good = frame.filter(pl.col("error").is_null())
    generators = [s.generator for s in boards.combined.board.standings] if boards.combined else []
    generators = list(dict.fromkeys([*generators, *order_of(boards)]))
    cards = model_cards(frame, generators, source.models)
    boards = renamed(boards, {card.generator: card.name for card in cards})
    scores, tasks = score_boards(boards), task_order(boards, source.tasks)
    names = [card.name for card in cards]
    axis = plots.Axis(1.0, max(2.0, len(cards)), _rank_ticks(len(cards)), 0)
    return _View(
        source=source,
        boards=boards,
        cards=cards,
        scores=scores,
        tasks=tasks,
        first=board_view(scores[0].words, scores[0].overall, 0),
        ranks=tuple((card, tuple(_rank_plot(score, card, axis) for score in scores)) for card in cards),
        rank_axis=plots.axis_labels(axis),
        heats=tuple((score, _heat(score, names, tasks)) for score in scores) if tasks else (),
        prompts=pack_prompts(good, generators, tasks, seed=seed),
        metrics=tuple(sorted(good["metric"].drop_nulls().unique().to_list())),
    )


def _rank_ticks(n: int) -> tuple[float, ...]:
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100) if n <= 6 * s), n)
    return tuple(float(t) for t in sorted({1, *range(step, n + 1, step)}))


def _rank_plot(score: ScoreBoards, card: ModelCard, axis: plots.Axis) -> Markup | None:
    found = next((s for s in score.overall.standings if s.generator == card.name), None)
    if found is None:
        return None
    low, high = found.rank_low, found.rank_high
    label = f"{card.name}: {score.words.title.lower()} rank {found.rank}, interval {low} to {high}"
    return plots.interval_plot(axis, found.rank, low, high, label=label)


def _heat(score: ScoreBoards, names: Sequence[str], tasks: Sequence[str]) -> HeatMap:
    found = {
        (s.generator, task): (s.mean, s.n)
        for task in tasks
        if task in score.tasks
        for s in score.tasks[task].standings
    }
    present = [task for task in tasks if task in score.tasks]
    return heat_of(found, names, present, least_digits=score.words.digits)


def _document(view: _View) -> dict[str, Any]:
    """All that the script reads."""
    return {
        "models": [{"name": c.name, "maker": c.maker, "weights": c.weights} for c in view.cards],
        "tasks": [ALL_TASKS, *view.tasks],
        **board_document(view.scores, view.tasks, [card.name for card in view.cards]),
        "prompts": view.prompts.document if view.prompts else None,
    }


def _render(title: str, view: _View) -> str:
    environment = page_environment()
    script = "".join(environment.get_template(name).render() for name in SCRIPTS)
    return environment.get_template("board.html").render(
        **page_parts(),
        title=tidy(title),
        view=view,
        board_style=Markup(environment.get_template("board.css").render()),
        board_script=Markup(script),
        board_script_hash=script_hash(script),
        document=htmlsafe_json_dumps(_document(view), ensure_ascii=False, separators=(",", ":")),
    )
