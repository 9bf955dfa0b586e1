"""The scale of a foreign table, and its direction: where lower is better, scores are turned round."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import Dimension
from lmm4lmm.core.tables import Table, first_true, to_number

AS_IN_THE_FILE = "{} (as in the file)"
"""Column that keeps what was turned round."""


def check_scale(scale: tuple[float, float]) -> None:
    """Refuses ends that are no scale.

    Raises:
        InputError: not finite, or the lower end is not below the higher one.
    """
    low, high = scale
    if not (isfinite(low) and isfinite(high) and low < high):
        raise InputError(
            f"a scale goes from its lowest to its highest value, such as 1,5; not {low:g},{high:g}"
        )


def check_range(table: Table, columns: Collection[str], scale: tuple[float, float]) -> None:
    """Refuses a score outside the scale.

    Args:
        table: rows in the file's order.
        columns: that hold scores or ratings.
        scale: its ends.

    Raises:
        ManifestError: a value outside, or one that is no number; names row, column and value.
    """
    for column in columns:
        outside = outside_of(to_number(table, column), scale)
        if outside.any():
            row = first_true(outside)
            problem = f"outside the scale of {scale[0]:g} to {scale[1]:g}"
            raise table.wrong(problem, row=row, column=column, value=table.frame[column][row])


def outside_of(numbers: pl.Series, scale: tuple[float, float]) -> pl.Series:
    """Which numbers lie outside the scale; null ones don't."""
    return numbers.is_between(*scale).not_().fill_null(False)


def turned_round(
    frame: pl.DataFrame, dimensions: Collection[Dimension], scale: tuple[float, float] | None
) -> pl.DataFrame:
    """Scores of which lower is better, so that higher is: ``low + high - x`` on a known scale, else ``-x``.

    The values of the file stay in ``<dimension> (as in the file)``: whoever reads the table sees what was done.
    """
    turn = sum(scale) if scale is not None else 0.0
    return frame.with_columns(
        *(pl.col(d).alias(AS_IN_THE_FILE.format(d)) for d in dimensions),
        *((turn - pl.col(d)).alias(d) for d in dimensions),
    )
