"""Mean score of every generator on every task, as the cells of a coloured table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lmm4lmm.core.records import Dimension
from lmm4lmm.report.labels import NO_TASK, UNNAMED
from lmm4lmm.report.wording import digits_for, number

STEPS = 9
"""Colours in the scale; the style sheet has as many, each with an ink that can be read on it."""


@dataclass(frozen=True)
class Cell:
    """One generator on one task.

    Attributes:
        text: the mean; an en dash where there is no image.
        n: images behind it.
        step: place in the colour scale, 0 to ``STEPS - 1``; None where there is no image.
    """

    text: str
    n: int
    step: int | None


@dataclass(frozen=True)
class HeatMap:
    """A table of means; the longer of generators and tasks goes down the rows.

    Attributes:
        corner: what the rows are ("task" or "generator").
        columns: heads of the columns.
        rows: each with its head and a cell a column.
        low: mean at the pale end of the scale.
        high: mean at the strong end.
        same_n: the number of images in every cell, where it is one number.
        task_n: task -> the number of images in each of its cells, where it is one number for every task.
    """

    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    low: str
    high: str
    same_n: int | None
    task_n: Mapping[str, int]


def heat_map(frame: pl.DataFrame, dimension: Dimension, generators: Sequence[str]) -> HeatMap | None:
    """The heat map of one dimension; None if no row has a task or a score.

    Args:
        frame: rows without errors.
        dimension: whose means to show.
        generators: in the order to show them.
    """
    scored = frame.filter(pl.col(dimension).is_not_null())
    if scored.is_empty() or scored["task"].null_count() == scored.height:
        return None
    means = scored.group_by(pl.col("generator").fill_null(UNNAMED), pl.col("task").fill_null(NO_TASK)).agg(
        mean=pl.col(dimension).mean(), n=pl.len()
    )
    return heat_of({(g, t): (float(m), int(n)) for g, t, m, n in means.iter_rows()}, generators)


def heat_of(
    found: Mapping[tuple[str, str], tuple[float, int]],
    generators: Sequence[str],
    tasks: Sequence[str] | None = None,
    least_digits: int = 1,
) -> HeatMap:
    """The heat map of means that are known already.

    Args:
        found: (generator, task) -> mean and images; at least one.
        generators: in the order to show them; those without a mean are left out.
        tasks: in the order to show them; None sorts them.
        least_digits: decimals that means have at least.
    """
    values = [mean for mean, _ in found.values()]
    low, high = min(values), max(values)
    digits = max(least_digits, digits_for(values))
    tasks = sorted({t for _, t in found}) if tasks is None else tasks
    present = [g for g in generators if any((g, t) in found for t in tasks)]

    def cell(generator: str, task: str) -> Cell:
        if (generator, task) not in found:
            return Cell("–", 0, None)
        mean, n = found[generator, task]
        share = (mean - low) / (high - low) if high > low else 0.5
        return Cell(number(mean, digits), n, min(STEPS - 1, int(share * STEPS)))

    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    if len(present) > len(tasks):
        corner, columns = "Generator", tuple(tasks)
        rows = tuple((g, tuple(cell(g, t) for t in tasks)) for g in present)
    else:
        corner, columns = "Task", tuple(present)
        rows = tuple((t, tuple(cell(g, t) for g in present)) for t in tasks)
    counts = {c.n for _, cells in rows for c in cells}
    same_n = counts.pop() if len(counts) == 1 else None
    by_task = {task: {found[g, task][1] for g in present if (g, task) in found} for task in tasks}
    even = same_n is None and all(len(n) == 1 for n in by_task.values())
    task_n = {task: n.pop() for task, n in by_task.items()} if even else {}
    return HeatMap(corner, columns, rows, number(low, digits), number(high, digits), same_n, task_n)
