"""Which images a report shows: extremes of each dimension, and one prompt across generators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.labels import UNNAMED

Row = dict[str, object]


@dataclass(frozen=True)
class Extremes:
    """The best and the worst images of one dimension, best (or worst) first; no image is in both."""

    dimension: Dimension
    best: tuple[Row, ...]
    worst: tuple[Row, ...]


@dataclass(frozen=True)
class Strip:
    """One prompt as several generators drew it.

    Attributes:
        prompt: its text.
        rows: one image a generator, in the generators' order.
        more: generators that drew it too and are not shown.
        chosen: "spread" for prompts whose scores differ most, "random" for those drawn by lot.
    """

    prompt: str
    rows: tuple[Row, ...]
    more: int
    chosen: str


def extremes(frame: pl.DataFrame, dimension: Dimension, each: int) -> Extremes:
    """The ``each`` highest and lowest rows in a dimension; ties are settled by id, so runs agree."""
    scored = frame.filter(pl.col(dimension).is_not_null()).sort(
        [dimension, "id"], descending=[True, False], nulls_last=True
    )
    best = min(each, (scored.height + 1) // 2)
    worst = min(each, scored.height - best)
    return Extremes(
        dimension,
        tuple(scored.head(best).to_dicts()),
        tuple(reversed(scored.tail(worst).to_dicts())) if worst else (),
    )


def strips(
    frame: pl.DataFrame, generators: Sequence[str], *, prompts: int, across: int, seed: int
) -> tuple[Strip, ...]:
    """Prompts that several generators drew, side by side.

    Half of them are those where the first scored dimension differs most between generators, half are drawn
    by lot among the rest, so that the reader sees typical prompts too. Only prompts that the most generators
    drew are used, if there are enough of them.

    Args:
        frame: rows without errors.
        generators: all of them, in the order of the strip.
        prompts: how many strips at most.
        across: how many images a strip holds at most.
        seed: of the lot.
    """
    dimension = next((name for name in DIMENSIONS if frame[name].null_count() < frame.height), None)
    if dimension is None or len(generators) < 2 or across < 2:
        return ()
    one_each = (
        frame.filter((pl.col("prompt").str.strip_chars() != "") & pl.col(dimension).is_not_null())
        .with_columns(pl.col("generator").fill_null(UNNAMED))
        .sort("id")
        .unique(["prompt", "generator"], keep="first", maintain_order=True)
    )
    known = (
        one_each.group_by("prompt")
        .agg(n=pl.len(), spread=pl.col(dimension).max() - pl.col(dimension).min())
        .filter(pl.col("n") > 1)
        .sort(["n", "spread", "prompt"], descending=[True, True, False])
    )
    chosen = _choose(known, prompts, seed)
    place = {name: i for i, name in enumerate(generators)}
    result = []
    for prompt, how in chosen:
        rows = one_each.filter(pl.col("prompt") == prompt).to_dicts()
        rows.sort(key=lambda row: place.get(str(row["generator"]), len(place)))
        kept = [rows[i] for i in _spread_out(len(rows), across)]
        result.append(Strip(prompt, tuple(kept), len(rows) - len(kept), how))
    return tuple(result)


def _choose(known: pl.DataFrame, prompts: int, seed: int) -> list[tuple[str, str]]:
    if known.is_empty() or prompts < 1:
        return []
    widest = known.filter(pl.col("n") == known["n"].max())
    if widest.height < prompts:
        widest = known.head(prompts)
    ranked = widest.sort(["spread", "prompt"], descending=[True, False])["prompt"].to_list()
    top = (min(prompts, len(ranked)) + 1) // 2
    rest = ranked[top:]
    lot = np.random.default_rng(seed).permutation(len(rest))[: min(prompts, len(ranked)) - top]
    return [(p, "spread") for p in ranked[:top]] + [(rest[i], "random") for i in sorted(lot)]


def _spread_out(n: int, wanted: int) -> list[int]:
    """At most ``wanted`` of ``n`` places, the first and the last among them, evenly between."""
    if n <= wanted:
        return list(range(n))
    return sorted({round(i * (n - 1) / (wanted - 1)) for i in range(wanted)})
