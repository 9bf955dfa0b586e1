"""From score tables to statistics: the one place where columns become the arrays that ``stats`` takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.evaluation import Evaluation, evaluation
from lmm4lmm.report.labels import NO_TASK, UNNAMED, completed, join_letters, prompt_clusters
from lmm4lmm.stats.leaderboard import Leaderboard, leaderboard

__all__ = ["Evaluation", "Leaderboards", "evaluation", "leaderboards"]


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
    """

    dimensions: Mapping[Dimension, Leaderboard]
    tasks: Mapping[str, Mapping[Dimension, Leaderboard]]
    rows: int
    failed: int
    unscored: Mapping[Dimension, int]
    unnamed: int
    resamples: int
    seed: int

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
        document["rows"], document["failed"], document["unnamed"] = self.rows, self.failed, self.unnamed
        document["notes"] = {
            name: list(board.notes) for name, board in self.dimensions.items() if board.notes
        }
        return document


def leaderboards(
    frame: pl.DataFrame,
    *,
    by_task: bool = False,
    seed: int = 0,
    resamples: int = 1000,
) -> Leaderboards:
    """Ranks the generators of a scores table, dimension by dimension.

    Prompts are the clusters that are resampled: ``prompt_group`` where the table has it, else the prompt's
    text. Rows without a prompt are a cluster each. Higher is better in every dimension.

    Args:
        frame: a scores table as ``core.scores.read_scores`` returns it.
        by_task: also rank within each task.
        seed: of the bootstrap; each dimension and task starts from it anew, so a part of a table gets the
            same numbers whatever else is asked for.
        resamples: of the bootstrap.

    Returns:
        The leaderboards, with the counts of what was left out.
    """
    frame = completed(frame)
    good = frame.filter(pl.col("error").is_null()).sort("id")  # the order of rows must not matter
    tasks: dict[str, Mapping[Dimension, Leaderboard]] = {}
    if by_task:
        named = good.with_columns(pl.col("task").fill_null(NO_TASK))
        for (task,), part in sorted(named.partition_by("task", as_dict=True).items(), key=lambda kv: kv[0]):
            tasks[str(task)] = _boards(part, seed, resamples)
    return Leaderboards(
        dimensions=_boards(good, seed, resamples),
        tasks=tasks,
        rows=frame.height,
        failed=frame.height - good.height,
        unscored={name: good[name].null_count() for name in DIMENSIONS},
        unnamed=good["generator"].null_count(),
        resamples=resamples,
        seed=seed,
    )


def _boards(frame: pl.DataFrame, seed: int, resamples: int) -> dict[Dimension, Leaderboard]:
    boards: dict[Dimension, Leaderboard] = {}
    for name in DIMENSIONS:
        part = frame.filter(pl.col(name).is_not_null())
        if part.is_empty():
            continue
        boards[name] = leaderboard(
            part[name].to_numpy(),
            part["generator"].fill_null(UNNAMED).to_numpy(),
            prompt_clusters(part).to_numpy(),
            rng=np.random.default_rng(seed),
            resamples=resamples,
        )
    return boards


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
