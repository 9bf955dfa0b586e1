"""Human scores on the scale of everything here, 0 to 100, whatever scale people were given.

A table on another scale is refused, also where it lies within 0 to 100 as 1 to 5 does, unless the caller names the
scale's ends: guessing would train on wrong targets without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.tables import Table, first_true

SCALES = ((0, 1), (1, 5), (0, 5), (1, 10), (0, 10), (-1, 1), (-3, 3), (-100, 100), (0, 1000))
"""What scores are usually on, beside 0 to 100."""

FEW, SMALL = 5, 10
"""So many scores that are all this small are on another scale; fewer may be so by chance."""


def on_our_scale(
    table: Table, named: Mapping[str, str], scored: Sequence[str], scale: tuple[float, float] | None
) -> pl.DataFrame:
    """A scores table with its scores and their deviations on 0 to 100.

    Args:
        table: rows in the file's order, so that an error can name its row.
        named: our name -> what the file calls a column, where that differs.
        scored: the columns to look at; others stay as they are.
        scale: the two ends of the table's scale, worst first; None expects 0 to 100.

    Raises:
        InputError: a value outside the scale, or a column that is on another one; says how to bring it here.
    """
    low, high = scale or (0.0, 100.0)
    if not (isfinite(low) and isfinite(high) and low < high):
        raise InputError(
            f"a scale goes from its worst to its best value, such as 1,5; not from {low:g} to {high:g}"
        )
    frame = table.frame
    for name in scored:
        called = named.get(name, name)
        _check_within(table, name, called, low, high)
        _check_spread(table, f"{name}_std", named.get(f"{name}_std", f"{name}_std"), high - low)
        if scale is None:
            _check_not_small(table, name, called)
        frame = frame.with_columns(
            ((pl.col(name) - low) * (100 / (high - low))).clip(0, 100),  # the last digit may round beyond
            pl.col(f"{name}_std") * (100 / (high - low)),
        )
    return frame


def _check_within(table: Table, name: str, called: str, low: float, high: float) -> None:
    column = table.frame[name]
    outside = column.is_between(low, high).not_().fill_null(False)
    if outside.any():
        row = first_true(outside)
        problem = f"a score is {low:g} to {high:g}; {_advice(column)}"
        raise table.wrong(problem, row=row, column=called, value=column[row])


def _check_spread(table: Table, name: str, called: str, width: float) -> None:
    column = table.frame[name]
    outside = column.is_between(0, width).not_().fill_null(False)
    if outside.any():
        row = first_true(outside)
        problem = f"a standard deviation on this scale is 0 to {width:g}"
        raise table.wrong(problem, row=row, column=called, value=column[row])


def _check_not_small(table: Table, name: str, called: str) -> None:
    """Refuses a column that passes for 0 to 100 only because its own scale is short."""
    column = table.frame[name].drop_nulls()
    if len(column) < FEW or _ends(column)[1] > SMALL:
        return
    smallest, largest = _ends(column)
    raise InputError(
        f"{table.path}, column '{called}': all {len(column):,} scores lie between {smallest:g} and {largest:g}, "
        f"but a score is 0 to 100; {_advice(column)}. If it is 0 to 100 all the same, say --scale 0,100"
    )


def _advice(column: pl.Series) -> str:
    """How to bring a column to 0 to 100, from what its values look like."""
    smallest, largest = _ends(column)
    likely = next((ends for ends in SCALES if ends[0] <= smallest and largest <= ends[1]), None)
    if likely is None:
        return f"these go from {smallest:g} to {largest:g}; give the ends of their scale, --scale LOW,HIGH"
    low, high = likely
    shifted = f"(x + {-low:g})" if low < 0 else f"(x - {low:g})" if low else "x"
    return (
        f"on a scale of {low:g} to {high:g}, as these may be, x stands for 100 {shifted} / {high - low:g}: "
        f"give the scale's ends, --scale {low:g},{high:g}"
    )


def _ends(column: pl.Series) -> tuple[float, float]:
    values = column.drop_nulls().to_numpy()
    return float(values.min()), float(values.max())
