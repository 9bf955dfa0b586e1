"""Two generators out of score tables, their prompts matched: what a comparison and a pilot both start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.labels import UNNAMED, completed, prompt_clusters
from lmm4lmm.stats.comparisons import Sample


@dataclass(frozen=True)
class Side:
    """One generator.

    Attributes:
        name: what to call it.
        source: the file or data set it came from.
        generator: its name there; ``(unnamed)`` where the table has none.
        metrics: fingerprints of what scored it; empty where the table does not say.
        rows: rows of it in the table.
        failed: of these, rows left out because they carry an error.
        frame: the others, with ``cluster``, the name of each row's prompt.
    """

    name: str
    source: str
    generator: str
    metrics: tuple[str, ...]
    rows: int
    failed: int
    frame: pl.DataFrame


def sides(
    new: pl.DataFrame, old: pl.DataFrame, sources: tuple[str, str], generators: tuple[str, str] | None
) -> tuple[Side, Side]:
    """The two generators, one of each table; prompts of both carry the same names, tasks are filled in.

    Rows without a prompt are a prompt of their own, shared with nobody. ``prompt_group`` counts where both tables
    have it. A row without a task gets the one that its prompt has elsewhere.

    Args:
        new: a scores table.
        old: another, or the same.
        sources: what the two are called.
        generators: which one of each; None where each table has only one.

    Raises:
        InputError: a table without scores, or with several generators and none chosen.
        UnknownNameError: a generator that the table does not have.
    """
    names = ("generator", "task", "metric")  # numbers do as names in tables made by hand
    tables = [completed(table).with_columns(pl.col(names).cast(pl.String)) for table in (new, old)]
    if not all("prompt_group" in table.columns for table in tables):
        tables = [table.drop("prompt_group", strict=False) for table in tables]
    chosen = generators or (None, None)
    found = [
        _side(table, source, generator, role)
        for table, source, generator, role in zip(tables, sources, chosen, ("new", "old"), strict=True)
    ]
    known = (
        pl.concat([side.frame.select("cluster", "task") for side in found])
        .drop_nulls()
        .unique("cluster", keep="first", maintain_order=True)
    )
    filled = [replace(side, frame=_with_tasks(side.frame, known)) for side in found]
    called = _names(filled)
    return replace(filled[0], name=called[0]), replace(filled[1], name=called[1])


def scored(pair: Sequence[Side], wanted: Sequence[Dimension] | None) -> tuple[Dimension, ...]:
    """The dimensions that both sides have scores in.

    Args:
        pair: both sides.
        wanted: only these; None for all.

    Raises:
        InputError: there is none, or a wanted one is missing; says where.
    """
    has = [
        {name for name in DIMENSIONS if side.frame[name].null_count() < side.frame.height} for side in pair
    ]
    found = tuple(name for name in wanted or DIMENSIONS if all(name in one for one in has))
    for name in wanted or ():
        if name not in found:
            side = pair[0] if name not in has[0] else pair[1]
            raise InputError(f"{side.source}: no row of {side.name} has a score in {name}")
    if not found:
        listed = [
            f"{side.name} ({side.source}) has {', '.join(sorted(one)) or 'none'}"
            for side, one in zip(pair, has, strict=True)
        ]
        raise InputError(f"there is no dimension that both have scores in: {' and '.join(listed)}")
    return found


def samples(new: pl.DataFrame, old: pl.DataFrame, dimension: Dimension) -> tuple[Sample, Sample]:
    """Per-prompt means of both, prompts as the same numbers; several images of a prompt are averaged first."""
    parts = [
        frame.filter(pl.col(dimension).is_not_null())
        .group_by("cluster")
        .agg(pl.col(dimension).mean())
        .sort("cluster")
        for frame in (new, old)
    ]
    every = np.unique(np.concatenate([part["cluster"].to_numpy() for part in parts]).astype(str))
    codes = [np.searchsorted(every, part["cluster"].to_numpy().astype(str)) for part in parts]
    orders = [np.argsort(code) for code in codes]
    a, b = (
        Sample(role, code[order].astype(np.intp), part[dimension].to_numpy()[order])
        for role, code, order, part in zip(("new", "old"), codes, orders, parts, strict=True)
    )
    return a, b


def _side(table: pl.DataFrame, source: str, generator: str | None, role: str) -> Side:
    makers = table["generator"].fill_null(UNNAMED)
    present = makers.unique(maintain_order=True).to_list()
    if generator is None and len(present) > 1:
        shown = ", ".join(present[:5]) + (", ..." if len(present) > 5 else "")
        raise InputError(
            f"{source} holds {len(present)} generators ({shown}); say which two to compare: --generators NEW,OLD"
        )
    if generator is not None and present == [UNNAMED]:
        raise InputError(
            f"{source} names no generator, so '{generator}' can't be chosen: a column generator would"
        )
    if generator is not None and generator not in present:
        raise UnknownNameError(f"generator in {source}", generator, present)
    chosen = generator or (present[0] if present else UNNAMED)
    rows = table.filter(makers == chosen)
    good = rows.filter(pl.col("error").is_null())
    clusters = prompt_clusters(good)
    # ids name images: the same id in both tables does not make two images one prompt
    own = (
        pl.when(pl.col("cluster").str.starts_with("i:"))
        .then(role + ":" + pl.col("cluster"))
        .otherwise("cluster")
    )
    good = good.with_columns(clusters.alias("cluster")).with_columns(own.alias("cluster"))
    metrics = tuple(sorted(good["metric"].drop_nulls().unique().to_list()))
    return Side(chosen, source, chosen, metrics, rows.height, rows.height - good.height, good)


def _with_tasks(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(
        known.rename({"task": "task elsewhere"}), on="cluster", how="left", maintain_order="left"
    )
    return joined.with_columns(task=pl.coalesce("task", "task elsewhere")).drop("task elsewhere")


def _names(pair: Sequence[Side]) -> tuple[str, str]:
    """The generators' names; where they are the same or missing, those of the files; else new and old."""
    for names in ([side.generator for side in pair], [side.source for side in pair]):
        if len(set(names)) == 2 and UNNAMED not in names:
            return names[0], names[1]
    return "new", "old"
