"""Scores tables: what a metric says of items, or what people said, in one shape whatever the file.

A scores table is a polars frame with the columns of ``SCORE_SCHEMA``, all of them, in this order, null where
nothing is known; further columns of the file follow.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.score_rows import SCORE_COLUMNS, row_to_dict, write_scores
from lmm4lmm.core.tables import (
    Table,
    check_filled,
    check_names,
    check_unique,
    first_true,
    read_table,
    rename_aliases,
    to_number,
    to_text,
)

SCORE_SCHEMA: dict[str, pl.DataType] = {
    name: pl.Float64() if kind is float else pl.String() for name, kind in SCORE_COLUMNS.items()
}
"""``SCORE_COLUMNS`` with the types of polars."""

TEXT = tuple(name for name, kind in SCORE_COLUMNS.items() if kind is str)
NUMBERS = tuple(name for name, kind in SCORE_COLUMNS.items() if kind is float)
ALIASES = {"model": "generator"}
NESTED = {
    "perception.score": "perception",
    "perception.std": "perception_std",
    "correspondence.score": "correspondence",
    "correspondence.std": "correspondence_std",
    "answer.p_yes": "answer",
    "answer.question": "question",
}
"""How nested fields are called once flat, in our own files and in those that other tools flatten."""

__all__ = ["SCORE_COLUMNS", "SCORE_SCHEMA", "read_scores", "row_to_dict", "scores_from", "write_scores"]

_REQUIRED = {"id": "every row needs an id, the one that the other table has for the same image"}
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def read_scores(path: Path) -> pl.DataFrame:
    """Reads a scores table: JSON lines, CSV, TSV, Parquet or a spreadsheet.

    Scores may be nested (``{"perception": {"score": 61.2, "std": 3.0}, "answer": {"p_yes": 0.9, "question":
    "..."}}``), flat as in ``SCORE_SCHEMA``, or plain numbers; an answer may also be true/false or yes/no.
    ``model`` counts as ``generator``.

    Returns:
        All columns of ``SCORE_SCHEMA`` in its order, then the file's other columns, rows in the file's order.

    Raises:
        InputError: the file is missing or of no known kind.
        ManifestError: no ``id``, an id twice, no score at all, a value that is no finite number, an answer
            outside 0 to 1; names the row.
    """
    path = Path(path)
    table = read_table(
        path, text=_json_text(), required=_REQUIRED, nested=("perception", "correspondence", "answer")
    )
    return scores_from(table)


def scores_from(table: Table) -> pl.DataFrame:
    """The scores table in a table that is read already; see ``read_scores``."""
    _check_nested(table)
    table = table.with_frame(rename_aliases(_fold(table.frame), ALIASES))
    check_names(table.path, table.frame.columns, known=SCORE_SCHEMA, required=_REQUIRED)
    _check_any_score(table)
    table = to_text(table, TEXT)
    check_filled(table, "id", _REQUIRED["id"])
    check_unique(table, "id", "ids must be unique")
    frame = table.frame.with_columns(*_numbers(table))
    return frame.select(*SCORE_SCHEMA, pl.exclude(*SCORE_SCHEMA))


def _json_text() -> list[str]:
    return [*TEXT, *ALIASES, "answer.question"]


def _fold(frame: pl.DataFrame) -> pl.DataFrame:
    """Brings nested fields under their flat names; a file may mix both, row by row."""
    for nested, flat in NESTED.items():
        if nested not in frame.columns:
            continue
        if flat in frame.columns and not isinstance(frame.schema[flat], pl.Null):
            both = [pl.col(flat).cast(pl.String), pl.col(nested).cast(pl.String)]
            frame = frame.with_columns(pl.coalesce(both).alias(flat)).drop(nested)
        else:
            frame = frame.drop(flat, strict=False).rename({nested: flat})
    return frame


def _check_any_score(table: Table) -> None:
    wanted = ("perception", "correspondence", "answer", "error")
    if not any(name in table.frame.columns for name in wanted):
        found = ", ".join(repr(name) for name in table.frame.columns)
        raise ManifestError(
            table.path,
            "no column holds a score: perception, correspondence or answer is expected "
            f"(columns: {found}); a table with other names needs a mapping, say perception=THEIR_NAME",
        )
    if table.frame.is_empty():
        raise ManifestError(table.path, "the table has no rows")


def _numbers(table: Table) -> list[pl.Series | pl.Expr]:
    return [_number(table, name) for name in NUMBERS]


def _number(table: Table, name: str) -> pl.Series | pl.Expr:
    if name not in table.frame.columns:
        return pl.lit(None, pl.Float64()).alias(name)
    return _answer(table) if name == "answer" else to_number(table, name)


def _answer(table: Table) -> pl.Series:
    column = table.frame["answer"]
    if isinstance(column.dtype, pl.Boolean):
        return column.cast(pl.Float64)
    if isinstance(column.dtype, pl.String):
        words = column.str.strip_chars().str.to_lowercase().replace("", None)
        found = words.replace_strict(_WORDS, default=None, return_dtype=pl.Float64)
        number = found.fill_null(words.cast(pl.Float64, strict=False))
    else:
        words, number = column, to_number(table, "answer")
    outside = words.is_not_null() & number.is_between(0, 1).not_().fill_null(True)
    if outside.any():
        row = first_true(outside)
        problem = "an answer is the probability of yes, 0 to 1, or yes/no or true/false"
        raise table.wrong(problem, row=row, column="answer", value=column[row])
    return number.alias("answer")


def _check_nested(table: Table) -> None:
    """Refuses nested scores of another make, which would pass as a table without scores."""
    for nested, flat in NESTED.items():
        field = nested.rpartition(".")[2]
        if flat not in ("perception", "correspondence", "answer") or nested in table.frame.columns:
            continue
        others = [name for name in table.frame.columns if name.startswith(f"{flat}.")]
        if others and table.frame.get_column(flat, default=pl.Series([None])).is_null().all():
            raise ManifestError(table.path, f"a nested {flat} needs the field '{field}'", column=others[0])
