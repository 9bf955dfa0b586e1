"""The last step of every reader: a frame into a scores table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.core.tables import Table, check_names, read_table


def scores_table(frame: pl.DataFrame, extra: Sequence[str]) -> pl.DataFrame:
    """All columns of ``SCORE_SCHEMA`` (null where ``frame`` has none), then ``extra``, in order.

    ``metric`` is "human", and the id is the image's path without its suffix where there is none.
    """
    if "id" not in frame.columns:
        frame = frame.with_columns(stem("image").alias("id"))
    frame = frame.with_columns(pl.lit("human").alias("metric"))
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in SCORE_SCHEMA.items() if name not in frame.columns
    ]
    return frame.with_columns(missing).select(
        *(pl.col(name).cast(kind) for name, kind in SCORE_SCHEMA.items()), *extra
    )


def stem(column: str) -> pl.Expr:
    """A path without its last suffix."""
    return pl.col(column).str.replace(r"(.)\.[^./\\]*$", "${1}")


def open_table(path: Path, what: str, columns: Sequence[str]) -> Table:
    """A table that must have these columns and at least one row.

    Raises:
        InputError: the file can't be opened.
        ManifestError: damaged, no rows, or a column is missing.
    """
    from lmm4lmm.core.errors import ManifestError

    advice = f"{what} has the columns {', '.join(columns)}"
    table = read_table(path)
    check_names(path, table.frame.columns, known=(), required=dict.fromkeys(columns, advice))
    if table.frame.is_empty():
        raise ManifestError(path, f"the table has no rows; {advice}")
    return table
