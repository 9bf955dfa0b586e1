"""What predicts a score without looking at a pixel: who made the image, for what task and prompt.

A metric whose agreement with people is no better than these has learnt nothing from images. On EvalMi-50K the
name of the generator alone reaches an SRCC of 0.73 (perception) and 0.46 (correspondence).

Each is cross-validated: the mean human score of the other folds is the prediction. The SRCC is the mean over
folds (pooling folds would mix small differences between their means into the ranks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Groups, Ints, Labels, column, groups
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.stats.splits import folds, grouped_folds

Split: TypeAlias = Literal["image", "prompt"]


@dataclass(frozen=True)
class Baseline:
    """One no-pixel predictor.

    Attributes:
        name: what it knows: "generator", "generator x task" or "generator x task + prompt".
        split: whether images or whole prompts were held out.
        srcc: mean over folds of Spearman's correlation with people, -1 to 1; None where it is undefined.
        n: items predicted.
        n_dropped: items without a human score.
        folds: how many.
        n_unseen: held-out items whose cell had no training item; they got a coarser mean.
        reason: why ``srcc`` is None.
    """

    name: str
    split: Split
    srcc: float | None
    n: int
    n_dropped: int
    folds: int
    n_unseen: int = 0
    reason: str | None = None


def no_pixel_baselines(
    human: ArrayLike,
    *,
    generators: Labels,
    tasks: Labels | None = None,
    prompts: Labels | None = None,
    rng: np.random.Generator,
    n_folds: int = 5,
) -> tuple[Baseline, ...]:
    """All no-pixel baselines that the labels given allow, weakest first.

    With image folds: the generator's mean; the mean of generator x task; that plus the mean residual of the
    prompt's other images. With prompt folds (equal prompts held out together): the first two.

    Args:
        human: [n] scores by people, any unit; NaN where there is none.
        generators: [n] who made the image.
        tasks: [n] the task of the prompt; the finer the tags, the stronger the baseline.
        prompts: [n] the text of the prompt.
        rng: the only source of chance: it draws the folds.
        n_folds: number of folds.

    Raises:
        StatisticsError: a column has another length, or a label is None.
    """
    y = column(human, "human")
    kept = ~np.isnan(y)
    cells = _Cells(
        y[kept],
        *(
            None if labels is None else groups(labels, y.size, what).of(kept)
            for labels, what in ((generators, "generators"), (tasks, "tasks"), (prompts, "prompts"))
        ),
    )
    n_dropped = int(y.size - cells.y.size)
    results = []
    for split, names in _plan(tasks is not None, prompts is not None):
        try:
            fold, failure = _fold(split, cells, n_folds, rng), None
        except StatisticsError as error:
            fold, failure = None, str(error)
        for name in names:
            value, unseen, reason = (
                (None, 0, failure) if fold is None else _measure(name, cells, fold, n_folds)
            )
            results.append(Baseline(name, split, value, cells.y.size, n_dropped, n_folds, unseen, reason))
    return tuple(results)


@dataclass(frozen=True)
class _Cells:
    y: Floats
    generator: Groups | None
    task: Groups | None
    prompt: Groups | None


def _plan(with_tasks: bool, with_prompts: bool) -> list[tuple[Split, list[str]]]:
    coarse = ["generator", "generator x task"] if with_tasks else ["generator"]
    fine = [f"{coarse[-1]} + prompt"] if with_prompts else []
    plan: list[tuple[Split, list[str]]] = [("image", coarse + fine)]
    return [*plan, ("prompt", coarse)] if with_prompts else plan


def _fold(split: Split, cells: _Cells, k: int, rng: np.random.Generator) -> Ints:
    if split == "image" or cells.prompt is None:
        return folds(cells.y.size, k, rng)
    return grouped_folds(cells.prompt.codes, k, rng)


def _measure(name: str, cells: _Cells, fold: Ints, k: int) -> tuple[float | None, int, str | None]:
    """Mean SRCC over folds, how many items fell back to a coarser mean, and why there is no SRCC."""
    found, unseen = [], 0
    try:
        for held_out in range(k):
            test = fold == held_out
            predicted, missing = _predict(name, cells, ~test)
            unseen += int(missing[test].sum())
            found.append(srcc(predicted[test], cells.y[test]))
    except StatisticsError as error:
        return None, unseen, f"a fold of {int(test.sum())} items: {error}"
    return float(np.mean(found)), unseen, None


def _predict(name: str, cells: _Cells, train: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """[n] predictions for all items from the training ones, and which fell back to a coarser mean."""
    y = cells.y
    predicted = np.full(y.size, y[train].mean())
    code = np.zeros(y.size, dtype=np.intp)
    unseen = np.zeros(y.size, dtype=np.bool_)
    for part, group in (("generator", cells.generator), ("task", cells.task)):
        if part in name and group is not None:
            code = code * len(group) + group.codes
            mean = _means(code, y, train)
            unseen = np.isnan(mean)
            predicted = np.where(unseen, predicted, mean)
    if "prompt" in name and cells.prompt is not None:
        residual = _means(cells.prompt.codes, y - predicted, train)
        predicted = predicted + np.nan_to_num(residual)
    return predicted, unseen


def _means(code: Ints, values: Floats, train: NDArray[np.bool_]) -> Floats:
    """[n] the training mean of each item's group; NaN where the group has no training item."""
    size = int(code.max()) + 1
    total = np.bincount(code[train], values[train], size)
    count = np.bincount(code[train], minlength=size)
    with np.errstate(invalid="ignore"):
        return np.asarray((total / count)[code], dtype=np.float64)
