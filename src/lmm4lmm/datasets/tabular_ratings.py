"""Several people's ratings in a table of any make: a column a rater, or a row a rating."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.core.score_rows import SCORE_COLUMNS
from lmm4lmm.core.scores import scores_from
from lmm4lmm.core.tables import Table, check_filled, first_true, to_number
from lmm4lmm.datasets.ratings import averaged, rating_lists

_WHO = r"(rater|annotator|worker|subject|participant|observer)"
_WIDE = re.compile(rf"^((?P<dimension>{'|'.join(DIMENSIONS)})[ _.-]*)?{_WHO}[ _.-]*\d+$", re.IGNORECASE)
_LONG = re.compile(rf"^{_WHO}([ _.-]*(id|name|no|number))?$", re.IGNORECASE)


def rater_columns(names: Sequence[str]) -> dict[Dimension, list[str]]:
    """Columns that hold one rater each, by dimension: ``rater1``, ``perception_rater2``, ``Annotator 3``.

    Without a dimension in the name they are taken for perception. One column alone is no group of raters.
    """
    found: dict[Dimension, list[str]] = {}
    for name in names:
        if match := _WIDE.match(name.strip()):
            said = (match["dimension"] or "perception").lower()
            found.setdefault(next(d for d in DIMENSIONS if d == said), []).append(name)
    return {dimension: columns for dimension, columns in found.items() if len(columns) > 1}


def who_column(names: Sequence[str]) -> str | None:
    """The column that says who gave a rating, in a table with one row a rating."""
    return next((name for name in names if _LONG.match(name.strip())), None)


def matching(table: Table, pattern: str) -> list[str]:
    """The columns that a pattern such as ``rater*`` names, in the file's order.

    Raises:
        ManifestError: it names none.
    """
    found = [name for name in table.frame.columns if fnmatchcase(name, pattern)]
    if not found:
        listed = ", ".join(repr(name) for name in table.frame.columns)
        raise ManifestError(table.path, f"no column is called like this (columns: {listed})", column=pattern)
    return found


def by_dimension(table: Table) -> Table:
    """A table whose column ``dimension`` says what each row's rating is of, with a column a dimension instead.

    Left as it is where there is no such column, or where the file has several columns of scores.

    Raises:
        ManifestError: the column holds another word than one of our dimensions.
    """
    frame = table.frame
    scored = [d for d in DIMENSIONS if d in frame.columns]
    if "dimension" not in frame.columns or scored != ["perception"]:
        return table
    unknown = frame["dimension"].is_in(DIMENSIONS).not_().fill_null(True)
    if unknown.any():
        row = first_true(unknown)
        problem = f"one of {', '.join(DIMENSIONS)} is expected"
        raise table.wrong(problem, row=row, column="dimension", value=frame["dimension"][row])
    rating = pl.col("perception")
    return table.with_frame(
        frame.with_columns(pl.when(pl.col("dimension") == d).then(rating).alias(d) for d in DIMENSIONS)
    )


def average_wide(table: Table, raters: Mapping[Dimension, Sequence[str]]) -> Table:
    """Adds, a dimension, the mean of its raters, their number and standard deviation; empty cells don't count.

    Answers are numbers from 0 to 1 here; their mean is the share of yes.

    Raises:
        ManifestError: a rating is no number; names its row and column.
    """
    frame = table.frame
    for dimension, columns in raters.items():
        ratings = pl.concat_list([to_number(table, column) for column in columns])
        frame = frame.with_columns(ratings.alias(f"{dimension}_ratings"))
        frame = frame.with_columns(averaged(dimension))
    return table.with_frame(frame)


def average_lists(table: Table) -> Table:
    """Averages scores whose cells are lists of ratings, ``[4, 5]``, as JSON files and our own exports have them.

    Raises:
        ManifestError: a cell of such a column is no list of numbers.
    """
    frame = table.frame
    for dimension in DIMENSIONS:
        if dimension in frame.columns and _holds_lists(frame[dimension]):
            ratings = rating_lists(table, dimension, optional=True).alias(f"{dimension}_ratings")
            frame = frame.drop(dimension).with_columns(ratings).with_columns(averaged(dimension))
    return table.with_frame(frame)


def _holds_lists(column: pl.Series) -> bool:
    if isinstance(column.dtype, pl.List):
        return True
    return isinstance(column.dtype, pl.String) and bool(column.str.starts_with("[").any())


def average_long(table: Table, who: str | None) -> pl.DataFrame:
    """One row an id: means of its ratings, the first of everything else, and how many rows there were.

    Args:
        table: with our column names, and ``id``.
        who: the column that says who gave a rating, where there is one.

    Returns:
        A scores table; ``perception_n`` and the like count ratings, ``perception_std`` is their standard deviation
        (ddof = 1, null for one rating), ``rows`` counts rows.

    Raises:
        ManifestError: a value is no number, or one person rates an item twice.
    """
    ids = table.frame["id"]
    if who is not None:
        _check_once(table, who)
    unique = pl.Series("id", [f"{row}" for row in range(len(ids))])
    typed = scores_from(table.with_frame(table.frame.with_columns(unique))).with_columns(ids)
    rated = [d for d in DIMENSIONS if typed[d].null_count() < typed.height]
    count = "rows" if "rows" not in typed.columns else "rows averaged"
    numbers = [name for name, kind in SCORE_COLUMNS.items() if kind is float]
    grouped = typed.group_by("id", maintain_order=True).agg(
        pl.exclude("id", *numbers).first(),
        *(pl.col(d).alias(f"{d}_ratings") for d in rated),
        pl.len().cast(pl.Int64).alias(count),
    )
    means = grouped.with_columns(expression for d in rated for expression in averaged(d)).drop(
        f"{d}_ratings" for d in rated
    )
    missing = [pl.lit(None, pl.Float64).alias(name) for name in numbers if name not in means.columns]
    dropped = [name for name in means.columns if name in ("answer_std", "dimension")]
    return means.with_columns(missing).drop(dropped).select(*SCORE_COLUMNS, pl.exclude(*SCORE_COLUMNS))


def _check_once(table: Table, who: str) -> None:
    check_filled(table, "id", "every rating names its item")
    check_filled(table, who, "every rating names who gave it")
    what = ["dimension"] if "dimension" in table.frame.columns else []
    again = table.frame.select(pl.struct("id", who, *what).is_first_distinct().not_())[:, 0].arg_true()
    if len(again):
        row = int(again[0])
        item, rater = table.frame["id"][row], table.frame[who][row]
        problem = f"'{rater}' has rated '{item}' in an earlier row; one rating each is expected"
        raise table.wrong(problem, row=row, column=who, value=rater)
