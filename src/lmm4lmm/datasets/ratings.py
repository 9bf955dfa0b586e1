"""Several people's ratings of one image: their mean, how many there are, and how far they are apart."""

from __future__ import annotations

import msgspec
import polars as pl

from lmm4lmm.core.records import Dimension
from lmm4lmm.core.tables import Table

SUFFIXES = ("ratings", "n", "std")
"""``perception_ratings`` (a list), ``perception_n`` and ``perception_std`` (ddof = 1, null where n < 2)."""


def averaged(dimension: Dimension) -> list[pl.Expr]:
    """Columns for a frame that has ``<dimension>_ratings``, a list of numbers; null ratings don't count.

    Returns:
        ``<dimension>`` (the mean; null where nobody rated), ``<dimension>_std`` and ``<dimension>_n``. From
        number and standard deviation a noise ceiling can be computed.
    """
    ratings = pl.col(f"{dimension}_ratings").list.drop_nulls()
    count = ratings.list.len()
    spread = pl.when(count > 1).then(ratings.list.std(ddof=1))
    return [
        ratings.list.mean().alias(dimension),
        spread.alias(f"{dimension}_std"),
        count.cast(pl.Int64).alias(f"{dimension}_n"),
    ]


def voted(ratings: str = "answer_ratings") -> list[pl.Expr]:
    """Columns for a frame that has a list of yes (1) and no (0): ``answer`` is what most said.

    Returns:
        ``answer`` (1, 0, or null where as many said yes as no), ``answer_share`` (of yes) and ``answer_n``.
    """
    votes = pl.col(ratings).list.drop_nulls()
    share = votes.list.mean()
    majority = pl.when(share > 0.5).then(1.0).when(share < 0.5).then(0.0)
    return [
        majority.alias("answer"),
        share.alias("answer_share"),
        votes.list.len().cast(pl.Int64).alias("answer_n"),
    ]


def rating_lists(table: Table, column: str, *, optional: bool = False) -> pl.Series:
    """A column whose cells hold a list of numbers, such as ``[4, 5]``, as lists of floats.

    Args:
        table: the table.
        column: its column.
        optional: an empty cell is null rather than an error.

    Raises:
        ManifestError: a cell holds anything else, or a list without a number; names its row.
    """
    values = table.frame[column]
    if isinstance(values.dtype, pl.List):
        return values.cast(pl.List(pl.Float64))
    return pl.Series(
        column,
        [
            None if optional and cell is None else _numbers(table, column, row, cell)
            for row, cell in enumerate(values)
        ],
        dtype=pl.List(pl.Float64),
    )


def _numbers(table: Table, column: str, row: int, cell: object) -> list[float]:
    try:
        found = _DECODER.decode(cell if isinstance(cell, str) else "null")
    except (msgspec.DecodeError, msgspec.ValidationError):
        found = []
    if not found:
        raise table.wrong("a list of ratings such as [4, 5] is expected", row=row, column=column, value=cell)
    return found


_DECODER = msgspec.json.Decoder(list[float])
