"""The scores of every prompt, packed small enough to travel within a page."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.report.labels import NO_TASK, UNNAMED, prompt_clusters
from lmm4lmm.stats.arrays import Floats

PROMPTS = 5_000
"""Prompts that a page holds at most."""
NUMBERS = 600_000
"""Scores that it holds at most: 1.6 MB as text."""
LETTERS = 2_000
"""Characters of a prompt or question that it holds at most."""
MISSING = 65_535
"""Stands for "no score"; the largest of 16 bits."""


@dataclass(frozen=True)
class PromptPack:
    """Prompts with their scores, a mean for each generator.

    Attributes:
        document: what the script reads: ``texts``, ``tasks`` (numbers of tasks; -1 without), ``questions`` and, a
            score, ``first``, ``step`` and ``data``: base64 of 16-bit little-endian numbers, prompts x generators;
            a score is ``first + step * number``.
        shown: prompts in it.
        of: prompts in the table.
        several: whether some prompt has several images of one generator, whose mean is given.
    """

    document: dict[str, Any]
    shown: int
    of: int
    several: bool


def pack_prompts(
    good: pl.DataFrame, generators: Sequence[str], tasks: Sequence[str], *, seed: int
) -> PromptPack | None:
    """All prompts of a table, or some drawn by lot where there are too many; None where none has a text.

    Args:
        good: a completed scores table without failed rows, in any order.
        generators: in the order in which their scores are packed.
        tasks: in the order of their numbers.
        seed: of the lot.
    """
    scored = [name for name in DIMENSIONS if good[name].null_count() < good.height]
    rows = good.with_columns(
        prompt_clusters(good).alias("cluster"),
        pl.col("generator").fill_null(UNNAMED),
        pl.col("task").fill_null(NO_TASK),
    ).filter(pl.col("prompt").str.strip_chars() != "")
    if rows.is_empty() or not scored:
        return None
    prompts = _prompts(rows, tasks)
    most = min(PROMPTS, max(1, NUMBERS // (len(generators) * len(scored))))
    chosen = prompts
    if prompts.height > most:
        lot = np.random.default_rng(seed).permutation(prompts.height)[:most]
        chosen = prompts[np.sort(lot).tolist()]
    places = {name: i for i, name in enumerate(generators)}
    cells = (
        rows.filter(pl.col("generator").is_in(list(generators)))
        .group_by("cluster", "task", "generator")
        .agg(*(pl.col(name).mean() for name in scored), n=pl.len())
        .join(chosen.select("cluster", "task").with_row_index("row"), on=["cluster", "task"])
    )
    at = cells["row"].to_numpy().astype(np.int64) * len(generators)
    at += cells["generator"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    numbers = {name: _packed(cells[name], at, chosen.height * len(generators)) for name in scored}
    document = {
        "texts": [_cut(text) for text in chosen["prompt"]],
        "tasks": [tasks.index(task) if task in tasks else -1 for task in chosen["task"]],
        "questions": [_cut(text) for text in chosen["question"]] if "question" in chosen.columns else [],
        "scores": numbers,
    }
    return PromptPack(document, chosen.height, prompts.height, bool((cells["n"] > 1).any()))


def _prompts(rows: pl.DataFrame, tasks: Sequence[str]) -> pl.DataFrame:
    """One row a prompt and task, tasks in order, prompts in the order of the table."""
    texts = ["prompt", "question"] if "question" in rows.columns else ["prompt"]
    order = {task: i for i, task in enumerate(tasks)}
    return (
        rows.group_by("cluster", "task", maintain_order=True)
        .agg(pl.col(text).cast(pl.String).first() for text in texts)
        .with_columns(place=pl.col("task").replace_strict(order, default=len(order), return_dtype=pl.Int64))
        .sort("place", maintain_order=True)
    )


def _packed(scores: pl.Series, at: np.typing.NDArray[np.int64], size: int) -> dict[str, Any]:
    """16 bits a score, in the smallest power of ten that reaches from the lowest to the highest."""
    values: Floats = scores.cast(pl.Float64).to_numpy().astype(np.float64)
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    power = math.ceil(math.log10(max(high - low, 1e-9) / (MISSING - 3)))
    step = 10.0**power
    first = math.floor(low / step) * step
    whole = np.full(size, MISSING, dtype="<u2")
    whole[at[known]] = np.rint((values[known] - first) / step).astype("<u2")
    data = base64.b64encode(whole.tobytes()).decode("ascii")
    return {"first": first, "step": step, "data": data}


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
