"""Every leaderboard of a table, by score and task, as the numbers that the page's script picks from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmm4lmm.report.boards import board_notes, combined_notes
from lmm4lmm.report.labels import compact_letters
from lmm4lmm.report.plots import axis_over
from lmm4lmm.report.scales import on_scale
from lmm4lmm.report.summary import Leaderboards
from lmm4lmm.report.wording import COMBINED, WORDS, DimensionWords, digits_for, verdict
from lmm4lmm.stats.leaderboard import Leaderboard

ALL_TASKS = "All tasks"
PAIRS = 2_000
"""Pairs of models that a page holds at most: those of 63 models."""


@dataclass(frozen=True)
class ScoreBoards:
    """The leaderboards of one score.

    Attributes:
        key: the dimension's name, or "combined".
        words: how it is called.
        overall: over all images.
        tasks: task -> over the images of that task; a task without a score in it is absent.
        notes: on the overall board.
    """

    key: str
    words: DimensionWords
    overall: Leaderboard
    tasks: Mapping[str, Leaderboard]
    notes: tuple[str, ...]

    @property
    def apart(self) -> tuple[int, int]:
        """Pairs that can be told apart, and pairs."""
        pairs = self.overall.comparisons
        return sum(pair.different for pair in pairs), len(pairs)


def score_boards(boards: Leaderboards) -> tuple[ScoreBoards, ...]:
    """The combined score first, where there is one, then the dimensions; ``boards`` with those of the tasks."""
    found = [
        ScoreBoards(
            key=name,
            words=on_scale(WORDS[name], boards.scales[name]),
            overall=board,
            tasks={task: parts[name] for task, parts in boards.tasks.items() if name in parts},
            notes=board_notes(board),
        )
        for name, board in boards.dimensions.items()
    ]
    if (all_of_them := boards.combined) is not None:
        notes = (*board_notes(all_of_them.board), *combined_notes(all_of_them))
        found.insert(0, ScoreBoards("combined", COMBINED, all_of_them.board, all_of_them.tasks, notes))
    return tuple(found)


def task_order(boards: Leaderboards, known: Sequence[str]) -> tuple[str, ...]:
    """Tasks in the data set's order, then those that it does not list; none if there is only one."""
    present = dict.fromkeys([*(task for task in known if task in boards.tasks), *boards.tasks])
    return tuple(present) if len(present) > 1 else ()


def board_document(
    scores: Sequence[ScoreBoards], tasks: Sequence[str], generators: Sequence[str]
) -> dict[str, Any]:
    """What the script needs, ready for JSON.

    Args:
        scores: the leaderboards.
        tasks: in the order of the page.
        generators: in the order of their numbers.

    Returns:
        ``scores``: one a score, with ``boards``: the overall one, then one a task (None where there is none).
        ``pairs``, where there are not too many: ``[one, other, difference, low, high, adjusted p, prompts of both,
        whether they can be told apart]`` over all images. A board's rows are ``[generator's number, mean, low, high,
        rank, best rank, worst rank, letters, images, whether it can't be told apart from the first]``.
    """
    places = {generator: i for i, generator in enumerate(generators)}
    return {
        "scores": [
            {
                "key": score.key,
                "title": score.words.title,
                "short": score.words.short,
                "scale": score.words.scale,
                "pairs": _pairs(score, places),
                "boards": [
                    None if board is None else _board(board, score.words, places)
                    for board in (score.overall, *(score.tasks.get(task) for task in tasks))
                ],
            }
            for score in scores
        ]
    }


def _pairs(score: ScoreBoards, places: Mapping[str, int]) -> list[list[Any]] | None:
    found = score.overall.comparisons
    if not 0 < len(found) <= PAIRS:
        return None
    return [
        [
            places[pair.a],
            places[pair.b],
            *(None if v is None else float(f"{v:.6g}") for v in (pair.difference, pair.low, pair.high)),
            None if pair.p_adjusted is None else float(f"{pair.p_adjusted:.3g}"),
            pair.n_pairs,
            pair.different,
        ]
        for pair in found
    ]


def _board(board: Leaderboard, words: DimensionWords, places: Mapping[str, int]) -> dict[str, Any]:
    ends = [v for s in board.standings for v in (s.low, s.mean, s.high) if v is not None]
    axis, digits = axis_over(ends, limits=words.limits), max(words.digits, digits_for(ends))
    ordered = sorted({x for s in board.standings for x in s.groups}, key=lambda x: (len(x), x))

    leading = set(board.standings[0].groups)

    def short(value: float | None) -> float | None:
        return None if value is None else round(value, digits + 5)  # enough that rounding twice shows nowhere

    return {
        "axis": [axis.low, axis.high, list(axis.ticks), axis.digits],
        "digits": digits,
        "verdict": verdict(board).unescape(),
        "rows": [
            [
                places[s.generator],
                short(s.mean),
                short(s.low),
                short(s.high),
                s.rank,
                s.rank_low,
                s.rank_high,
                compact_letters(s.groups, ordered),
                s.n,
                bool(set(s.groups) & leading),
            ]
            for s in board.standings
        ],
    }
