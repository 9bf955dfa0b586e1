"""From score tables to statistics: the one place where columns become the arrays that ``stats`` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.datasets.facts import Scale
from lmm4lmm.report.evaluation import Evaluation, evaluation
from lmm4lmm.report.labels import NO_TASK, UNNAMED, completed, join_letters, prompt_clusters
from lmm4lmm.report.scales import KnownScale, known_scales
from lmm4lmm.stats.combined import RULE, Yardstick, combined
from lmm4lmm.stats.leaderboard import Leaderboard, leaderboard

__all__ = ["CombinedBoards", "Evaluation", "Leaderboards", "evaluation", "leaderboards"]


@dataclass(frozen=True)
class CombinedBoards:
    """Generators ranked on all dimensions together (``stats.combined`` has the rule).

    Attributes:
        board: over all images that have every dimension, in standard deviations of generators.
        tasks: task -> the same over the images of that task, by the same yardsticks; empty unless asked for.
        yardsticks: dimension -> how it was weighed.
        incomplete: rows that have a score but lack a dimension, left out here.
    """

    board: Leaderboard
    tasks: Mapping[str, Leaderboard]
    yardsticks: Mapping[str, Yardstick]
    incomplete: int

    def to_json(self) -> dict[str, Any]:
        """The rule and its numbers, then rows like those of a dimension."""
        document: dict[str, Any] = {
            "rule": RULE,
            "yardsticks": {name: {"mean": y.mean, "sd": y.sd} for name, y in self.yardsticks.items()},
            "incomplete": self.incomplete,
            "standings": _board_rows(self.board),
        }
        if self.tasks:
            document["tasks"] = {task: _board_rows(board) for task, board in self.tasks.items()}
        return document


@dataclass(frozen=True)
class Leaderboards:
    """Generators ranked on every dimension that has a score.

    Attributes:
        dimensions: dimension -> its leaderboard; a dimension without a single score is absent.
        tasks: task -> dimension -> its leaderboard over the images of that task; empty unless asked for.
        rows: rows in the table.
        failed: rows left out because they carry an error.
        unscored: dimension -> rows without an error that have no score in it, left out there.
        unnamed: rows without a generator, ranked together as ``(unnamed)``.
        resamples: bootstrap resamples behind the intervals.
        seed: where they started.
        combined: all dimensions together; None without two dimensions and three generators.
        scales: dimension -> what is known of the scale of its scores.
    """

    dimensions: Mapping[Dimension, Leaderboard]
    tasks: Mapping[str, Mapping[Dimension, Leaderboard]]
    rows: int
    failed: int
    unscored: Mapping[Dimension, int]
    unnamed: int
    resamples: int
    seed: int
    combined: CombinedBoards | None = field(default=None)
    scales: Mapping[Dimension, KnownScale] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document that ``leaderboard --json`` prints; ``tasks`` is there only if it was asked for."""
        document: dict[str, Any] = {
            "dimensions": {name: _board_rows(board) for name, board in self.dimensions.items()}
        }
        if self.tasks:
            document["tasks"] = {
                task: {name: _board_rows(board) for name, board in boards.items()}
                for task, boards in self.tasks.items()
            }
        if self.combined is not None:
            document["combined"] = self.combined.to_json()
        document["scales"] = {name: vars(scale) for name, scale in self.scales.items()}
        boards = dict(self._every_board())
        document["pairs"] = {name: _pair_rows(board) for name, board in boards.items()}
        document["told_apart"] = {
            name: {"pairs": sum(pair.different for pair in board.comparisons), "of": len(board.comparisons)}
            for name, board in boards.items()
        }
        document["rows"], document["failed"], document["unnamed"] = self.rows, self.failed, self.unnamed
        document["notes"] = {name: list(board.notes) for name, board in boards.items() if board.notes}
        return document

    def without_tasks(self) -> Leaderboards:
        """The same, as it is where nobody asked for tasks."""
        together = None if self.combined is None else replace(self.combined, tasks={})
        return replace(self, tasks={}, combined=together)

    def _every_board(self) -> Iterator[tuple[str, Leaderboard]]:
        yield from self.dimensions.items()
        if self.combined is not None:
            yield "combined", self.combined.board


def leaderboards(
    frame: pl.DataFrame,
    *,
    by_task: bool = False,
    seed: int = 0,
    resamples: int = 1000,
    scales: Mapping[Dimension, Scale] | None = None,
) -> Leaderboards:
    """Ranks the generators of a scores table, dimension by dimension and on all dimensions together.

    Prompts are the clusters that are resampled: ``prompt_group`` where the table has it, else the prompt's
    text. Rows without a prompt are a cluster each. Higher is better in every dimension.

    Args:
        frame: a scores table as ``core.scores.read_scores`` returns it.
        by_task: also rank within each task.
        seed: of the bootstrap; each dimension and task starts from it anew, so a part of a table gets the
            same numbers whatever else is asked for, and dimensions of the same images the same draws.
        resamples: of the bootstrap.
        scales: of the data set that the table is; no table says on which scale it is.

    Returns:
        The leaderboards, with the counts of what was left out.
    """
    frame = completed(frame)
    good = frame.filter(pl.col("error").is_null()).sort("id")  # the order of rows must not matter
    parts = _by_task(good) if by_task else {}
    return Leaderboards(
        dimensions=_boards(good, seed, resamples),
        tasks={task: _boards(part, seed, resamples) for task, part in parts.items()},
        rows=frame.height,
        failed=frame.height - good.height,
        unscored={name: good[name].null_count() for name in DIMENSIONS},
        unnamed=good["generator"].null_count(),
        resamples=resamples,
        seed=seed,
        combined=_combined(good, by_task, seed, resamples),
        scales=known_scales(good, scales or {}),
    )


def _by_task(good: pl.DataFrame) -> dict[str, pl.DataFrame]:
    named = good.with_columns(pl.col("task").fill_null(NO_TASK))
    return {str(task): part for (task,), part in sorted(named.partition_by("task", as_dict=True).items())}


def _boards(frame: pl.DataFrame, seed: int, resamples: int) -> dict[Dimension, Leaderboard]:
    return {
        name: _board(frame, name, seed, resamples)
        for name in DIMENSIONS
        if frame[name].null_count() < frame.height
    }


def _combined(good: pl.DataFrame, by_task: bool, seed: int, resamples: int) -> CombinedBoards | None:
    scored = [name for name in DIMENSIONS if good[name].null_count() < good.height]
    try:
        found = combined(
            {name: good[name].to_numpy() for name in scored}, good["generator"].fill_null(UNNAMED).to_numpy()
        )
    except StatisticsError:
        return None  # one dimension, or too few generators for a yardstick: their own leaderboards say all
    column = pl.Series("combined", found.values).fill_nan(None)
    good = good.with_columns(column).filter(pl.col("combined").is_not_null())
    parts = _by_task(good) if by_task else {}
    return CombinedBoards(
        board=_board(good, "combined", seed, resamples),
        tasks={task: _board(part, "combined", seed, resamples) for task, part in parts.items()},
        yardsticks=found.yardsticks,
        incomplete=found.n_incomplete,
    )


def _board(frame: pl.DataFrame, name: str, seed: int, resamples: int) -> Leaderboard:
    part = frame.filter(pl.col(name).is_not_null())
    return leaderboard(
        part[name].to_numpy(),
        part["generator"].fill_null(UNNAMED).to_numpy(),
        prompt_clusters(part).to_numpy(),
        rng=np.random.default_rng(seed),
        resamples=resamples,
    )


def _board_rows(board: Leaderboard) -> list[dict[str, Any]]:
    return [
        {
            "generator": s.generator,
            "mean": s.mean,
            "low": s.low,
            "high": s.high,
            "rank": s.rank,
            "rank_low": s.rank_low,
            "rank_high": s.rank_high,
            "n": s.n,
            "groups": join_letters(s.groups),
        }
        for s in board.standings
    ]


def _pair_rows(board: Leaderboard) -> list[dict[str, Any]]:
    """Every pair, the better-ranked generator as ``a``."""
    return [
        {
            "a": pair.a,
            "b": pair.b,
            "difference": pair.difference,
            "low": pair.low,
            "high": pair.high,
            "p": pair.p,
            "p_adjusted": pair.p_adjusted,
            "prompts": pair.n_pairs,
            "paired": pair.paired,
            "different": pair.different,
        }
        for pair in board.comparisons
    ]
