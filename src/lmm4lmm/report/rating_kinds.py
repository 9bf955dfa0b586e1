"""What kind of judgement a dimension holds, and its cells as numbers: marks, yes or no, or choices between two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import numpy as np
import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.rating_rows import RatingRows
from lmm4lmm.core.tables import first_true

Kind: TypeAlias = Literal["rating", "yes_no", "pairwise"]

YES_NO = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
CHOICES = {
    **dict.fromkeys(("first", "a", "left", "1"), 1.0),
    **dict.fromkeys(("second", "b", "right", "2"), 0.0),
    **dict.fromkeys(("tie", "equal", "same", "0"), 0.5),
}
EXPECTED: Mapping[Kind, str] = {
    "rating": "a finite number is expected, or nothing where there is no rating",
    "yes_no": "yes or no (true or false, 1 or 0) is expected, or nothing where there is no answer",
    "pairwise": "first, second or tie is expected (a, b, left, right, or an item's own name)",
}


def kind_of(rows: pl.DataFrame, dimension: str, stated: Mapping[str, Kind]) -> Kind:
    """The kind that the user states, or what the rows look like.

    Rows with a second item are choices. Words for yes and no, or 0 and 1 under the name ``answer`` (or
    ``answer_1`` and so on), are answers. Everything else must be numbers.
    """
    if dimension in stated:
        return stated[dimension]
    if (rows["other"] != "").any():
        return "pairwise"
    words = set(_words(rows["rating"]).drop_nulls().unique().to_list())
    numeric = words <= {"0", "1", "0.0", "1.0"}
    if words and words <= set(YES_NO) and (not numeric or dimension.split("_")[0] == "answer"):
        return "yes_no"
    return "rating"


def check_kinds(stated: Mapping[str, str], dimensions: list[str]) -> None:
    """Refuses a kind or dimension that is not there.

    Raises:
        InputError: names what there is.
    """
    for dimension, kind in stated.items():
        if kind not in get_args(Kind):
            raise InputError(f"'{kind}' is no kind of judgement; known are {', '.join(get_args(Kind))}")
        if dimension not in dimensions:
            found = ", ".join(repr(name) for name in dimensions)
            raise InputError(f"the ratings have no dimension '{dimension}'; they have {found}")


def numbers(ratings: RatingRows, rows: pl.DataFrame, kind: Kind) -> np.ndarray:
    """The ``rating`` cells of some rows as numbers, NaN where they are empty.

    Raises:
        ManifestError: a cell that is none of what the kind expects; names file, row and value.
    """
    column = rows["rating"]
    if kind == "rating":
        found = _plain_numbers(column)
        bad = (_words(column).is_not_null() & found.is_null()) | found.is_finite().not_().fill_null(False)
    else:
        words = _words(column)
        if kind == "pairwise":
            words = _by_name(rows, words)
        known = YES_NO if kind == "yes_no" else CHOICES
        found = words.replace_strict(known, default=None, return_dtype=pl.Float64)
        bad = words.is_not_null() & found.is_null()
    if bad.any():
        place = first_true(bad)
        raise ratings.wrong(EXPECTED[kind], row=int(rows["row"][place]), column="rating", value=column[place])
    return found.fill_null(np.nan).to_numpy()


def _plain_numbers(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.String):
        column = column.str.strip_chars()
    if isinstance(column.dtype, pl.Boolean):
        return pl.Series(column.name, [None] * len(column), dtype=pl.Float64)
    return column.cast(pl.Float64, strict=False)


def _words(column: pl.Series) -> pl.Series:
    """Cells as lower-case text, null where there is nothing."""
    if isinstance(column.dtype, pl.Float64 | pl.Float32):
        column = column.fill_nan(None)
    return column.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase().replace("", None)


def _by_name(rows: pl.DataFrame, words: pl.Series) -> pl.Series:
    """Choices that name the item chosen, as first and second."""
    names = rows["item"].str.to_lowercase(), rows["other"].str.to_lowercase()
    frame = pl.DataFrame({"word": words, "first": names[0], "second": names[1]})
    known = pl.col("word").is_in(list(CHOICES))
    return frame.select(
        pl.when(known)
        .then(pl.col("word"))
        .when(pl.col("word") == pl.col("first"))
        .then(pl.lit("first"))
        .when(pl.col("word") == pl.col("second"))
        .then(pl.lit("second"))
        .otherwise(pl.col("word"))
        .alias("word")
    )["word"]
