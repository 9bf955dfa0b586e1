"""What a training run reached: figures on held-out rows, by task and by generator, beside what needs no pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report import leanings as shared
from lmm4lmm.report.labels import NO_TASK, UNNAMED
from lmm4lmm.report.leanings import Leaning
from lmm4lmm.report.training_run import TrainingRun, finite
from lmm4lmm.report.wording import number
from lmm4lmm.stats.answers import evaluate_answers
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.correlation import plcc, srcc
from lmm4lmm.stats.evaluation import evaluate
from lmm4lmm.stats.resampling import Interval

STATISTIC = {"perception": "srcc", "correspondence": "srcc", "answer": "balanced_accuracy"}
"""The figure that stands for an output."""

STATISTIC_WORDS = {"srcc": "SRCC", "balanced_accuracy": "balanced accuracy"}
CHANCE = {"srcc": 0.0, "balanced_accuracy": 0.5}
_RESAMPLES = 1000


@dataclass(frozen=True)
class Reached:
    """What one output reached on the held-out rows.

    Attributes:
        statistic: "srcc" or "balanced_accuracy".
        interval: its value with the 95 % interval over prompts.
        n: rows behind it.
        validation: the same statistic on the validation rows, of ``n_validation`` rows.
        more: further figures as (name, value), for the small print.
        guesses: (what is known, value) of predictors without a pixel, the best first, in the same statistic.
    """

    dimension: Dimension
    statistic: str
    interval: Interval
    n: int
    validation: float | None
    n_validation: int | None
    more: tuple[tuple[str, str], ...]
    guesses: tuple[tuple[str, float], ...]


def reached(run: TrainingRun, dimension: Dimension, seed: int) -> Reached:
    """The figures of one output, from the predictions; from ``training.json`` where there are none."""
    statistic = STATISTIC[dimension]
    both = run.both(dimension)
    told = run.figures(run.split).get(dimension) or {}
    checked = run.figures("validation").get(dimension) or {}
    if both.is_empty():
        reason = None if finite(told.get(statistic)) is not None else "no held-out row has both sides"
        interval = Interval(finite(told.get(statistic)), None, None, reason)
    else:
        interval = _interval(both, dimension, seed)
    return Reached(
        dimension=dimension,
        statistic=statistic,
        interval=interval,
        n=both.height or int(told.get("n") or 0),
        validation=finite(checked.get(statistic)),
        n_validation=checked.get("n"),
        more=_more(both, dimension) or _told(told),
        guesses=guesses(run.facts.get("baselines") or {}, dimension),
    )


def _interval(both: pl.DataFrame, dimension: Dimension, seed: int) -> Interval:
    said, human = _columns(both, dimension)
    prompts = _prompts(both)
    rng = np.random.default_rng(seed)
    try:
        if dimension == "answer":
            yes = (human >= 0.5).astype(np.float64)
            found = evaluate_answers(said, yes, prompts=prompts, rng=rng, resamples=_RESAMPLES)
            return found.balanced_accuracy
        return evaluate(said, human, prompts=prompts, rng=rng, resamples=_RESAMPLES).srcc
    except StatisticsError as error:
        return Interval(None, None, None, str(error))


def _more(both: pl.DataFrame, dimension: Dimension) -> tuple[tuple[str, str], ...]:
    if both.is_empty():
        return ()
    said, human = _columns(both, dimension)
    if dimension == "answer":
        right = float(((said >= 0.5) == (human >= 0.5)).mean())
        return (("accuracy", number(right, 3)), ("Brier", number(float(((said - human) ** 2).mean()), 3)))
    error = float(np.sqrt(((said - human) ** 2).mean()))
    found = [("PLCC", number(_or_none(plcc, said, human), 3)), ("RMSE", f"{number(error, 1)} points")]
    held = coverage(both, dimension)
    if held is not None:
        found.append(("within ±2 SD", f"{100 * held:.0f} %"))
    return tuple(found)


def coverage(both: pl.DataFrame, dimension: Dimension) -> float | None:
    """The share of scores within two of the head's own standard deviations; about .95 if these are honest."""
    std = f"{dimension}_std"
    if dimension == "answer" or both[std].null_count() == both.height:
        return None
    rows = both.drop_nulls([std])
    said, human = _columns(rows, dimension)
    return float((np.abs(said - human) <= 2 * rows[std].to_numpy()).mean())


def _told(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    names = {"plcc": "PLCC", "krcc": "KRCC", "rmse": "RMSE", "accuracy": "accuracy", "auc": "AUC"}
    found = ((words, finite(told.get(key))) for key, words in names.items())
    return tuple((words, number(value, 3)) for words, value in found if value is not None)


def guesses(baselines: Mapping[str, Any], dimension: Dimension) -> tuple[tuple[str, float], ...]:
    """Predictors that see no pixel, the best first: from ``baselines`` by dimension or by what they know."""
    if dimension in baselines:
        found = baselines[dimension]
    else:
        by_name = {name: of for name, of in baselines.items() if isinstance(of, Mapping)}
        found = {
            name: of[dimension] for name, of in by_name.items() if name not in DIMENSIONS and dimension in of
        }
    if not isinstance(found, Mapping):
        return ()
    values = {
        str(name): finite(value.get(STATISTIC[dimension]) if isinstance(value, Mapping) else value)
        for name, value in found.items()
    }
    known = [(name, value) for name, value in values.items() if value is not None]
    return tuple(sorted(known, key=lambda one: -one[1]))


@dataclass(frozen=True)
class GroupRow:
    """One task or generator: how many rows, and the figure of each output (None where undefined)."""

    name: str
    n: int
    values: tuple[float | None, ...]


def by_task(run: TrainingRun, outputs: Sequence[Dimension]) -> tuple[GroupRow, ...]:
    """The figure of every output within each task, from ``training.json`` or else the predictions."""
    told = run.facts.get("test_by_task") if run.split == "test" else None
    if told:
        return tuple(
            GroupRow(
                name or NO_TASK,
                max((int((of.get(one) or {}).get("n") or 0) for one in outputs), default=0),
                tuple(finite((of.get(one) or {}).get(STATISTIC[one])) for one in outputs),
            )
            for name, of in sorted(told.items())
        )
    frame = run.held_out.with_columns(pl.col("task").fill_null(NO_TASK))
    return tuple(
        GroupRow(str(name), of.height, tuple(_figure(of, one) for one in outputs))
        for (name,), of in frame.sort("task").group_by("task", maintain_order=True)
    )


def leanings(run: TrainingRun, dimension: Dimension) -> tuple[Leaning, ...]:
    """Every generator's leaning in a score, in points, the most overrated first; none if no row names one."""
    both = run.both(dimension)
    if both["generator"].null_count() == both.height:
        return ()
    said, human = _columns(both, dimension)
    return shared.leanings(
        both["generator"].fill_null(UNNAMED).to_list(),
        said - human,
        _prompts(both),
        lambda of: _figure(both.filter(pl.Series(of)), dimension),
    )


def misses(run: TrainingRun, dimension: Dimension, wanted: int) -> list[dict[str, Any]]:
    """The held-out rows that are farthest off (answers: wrong), worst first; ties by id, so that runs agree."""
    target = f"target_{dimension}"
    least = 0.5 if dimension == "answer" else 0.0
    return (
        run.both(dimension)
        .with_columns(off=(pl.col(dimension) - pl.col(target)).abs())
        .filter(pl.col("off") > least)
        .sort(["off", "id"], descending=[True, False])
        .head(wanted)
        .to_dicts()
    )


def _figure(frame: pl.DataFrame, dimension: Dimension) -> float | None:
    rows = frame.drop_nulls([dimension, f"target_{dimension}"])
    said, human = _columns(rows, dimension)
    if dimension != "answer":
        return _or_none(srcc, said, human)
    yes = human >= 0.5
    if yes.all() or not yes.any():
        return None
    right = (said >= 0.5) == yes
    return float((right[yes].mean() + right[~yes].mean()) / 2)


def _prompts(frame: pl.DataFrame) -> list[str]:
    """The prompt of each row; a row without one is a prompt of its own."""
    return [prompt or f"row {i}" for i, prompt in enumerate(frame["prompt"].to_list())]


def _columns(frame: pl.DataFrame, dimension: Dimension) -> tuple[Floats, Floats]:
    return frame[dimension].to_numpy(), frame[f"target_{dimension}"].to_numpy()


def _or_none(statistic: Any, said: Floats, human: Floats) -> float | None:
    try:
        return float(statistic(said, human))
    except StatisticsError:
        return None
