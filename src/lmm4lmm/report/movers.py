"""Prompts that two generators draw most differently, with an image of each side."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lmm4lmm.core.records import Dimension
from lmm4lmm.report.sides import Side


@dataclass(frozen=True)
class MoverSide:
    """What one side made of a prompt.

    Attributes:
        image: path of its first image, by id; "" where the table names none.
        mean: mean score over its images, in score units.
        images: how many there are.
    """

    image: str
    mean: float
    images: int


@dataclass(frozen=True)
class Mover:
    """A prompt on which new and old differ; ``difference`` is new - old."""

    prompt: str
    task: str
    difference: float
    new: MoverSide
    old: MoverSide


def movers(
    new: Side, old: Side, dimension: Dimension, *, each: int
) -> tuple[tuple[Mover, ...], tuple[Mover, ...]]:
    """The ``each`` prompts that new draws better by most, and those that it draws worse by most, farthest first.

    Ties are settled by prompt, so runs agree. Prompts that only one side drew are none.
    """
    both = _means(new, dimension).join(_means(old, dimension), on="cluster", suffix="_old")
    both = both.with_columns(apart=pl.col("mean") - pl.col("mean_old")).sort("apart", "cluster")
    worse = both.filter(pl.col("apart") < 0).head(each)
    better = both.filter(pl.col("apart") > 0).tail(each).reverse()
    return _movers(better), _movers(worse)


def _means(side: Side, dimension: Dimension) -> pl.DataFrame:
    texts = [pl.col(name).cast(pl.String).fill_null("").first() for name in ("prompt", "task", "image")]
    return (
        side.frame.filter(pl.col(dimension).is_not_null())
        .sort("id")
        .group_by("cluster")
        .agg(*texts, mean=pl.col(dimension).mean(), images=pl.len())
    )


def _movers(rows: pl.DataFrame) -> tuple[Mover, ...]:
    return tuple(
        Mover(
            prompt=row["prompt"],
            task=row["task"],
            difference=row["apart"],
            new=MoverSide(row["image"], row["mean"], row["images"]),
            old=MoverSide(row["image_old"], row["mean_old"], row["images_old"]),
        )
        for row in rows.iter_rows(named=True)
    )
