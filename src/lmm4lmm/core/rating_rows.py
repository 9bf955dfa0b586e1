"""Ratings by people from any table, one row a rating: ``rater, item, rating``, and ``dimension`` if there are more.

Further columns that mean something here: ``other`` (the second image of a pairwise choice), ``kind`` (what a study's
export says of a row: training, gold and trap rows are no measurement), ``excluded`` (rows of raters whom a researcher
took out), and the item's own ``image``, ``prompt``, ``generator``, ``task`` and ``question``, which go into the table
of scores. Any other column is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.label_studio import is_label_studio, read_label_studio
from lmm4lmm.core.tables import Table, check_filled, check_names, read_table, rename_aliases

COLUMNS = ("rater", "item", "rating", "dimension", "other", "kind", "excluded")
OF_ITEMS = ("image", "prompt", "generator", "task", "question")
ALIASES = {
    **dict.fromkeys(("annotator", "worker", "participant", "subject", "user", "observer"), "rater"),
    **dict.fromkeys(("stimulus", "item_id", "id", "image", "item_a"), "item"),
    **dict.fromkeys(("score", "vote", "value", "opinion"), "rating"),
    "item_b": "other",
    "model": "generator",
}
"""Other names that are understood where ours is absent."""
NO_MEASUREMENT = ("training", "gold", "trap")
ADVICE = {
    "rater": "who gave the rating",
    "item": "what was rated",
    "rating": "the rating itself",
}
_TRUE = ("true", "1", "yes", "1.0")


@dataclass(frozen=True)
class RatingRows:
    """Rows of ratings, and the way back to their places.

    Attributes:
        table: the file with ``rater``, ``item``, ``dimension``, ``other`` as text, ``rating`` as the file has it,
            ``row`` (its number in the file, from 0), then the columns of ``OF_ITEMS`` that there are.
        notes: what was left out, one sentence each.
    """

    table: Table
    notes: tuple[str, ...] = ()

    @property
    def frame(self) -> pl.DataFrame:
        return self.table.frame

    def wrong(self, problem: str, *, row: int, column: str, value: object) -> ManifestError:
        """The error for one cell; ``row`` as in the column ``row``."""
        return self.table.wrong(problem, row=row, column=column, value=value)


@dataclass(frozen=True)
class _Tasks(Table):
    """A Label Studio export: several rows come from one task."""

    places: tuple[int, ...] = ()

    def line(self, row: int) -> int:
        return self.places[row]


def read_ratings(path: Path, *, columns: Mapping[str, str] | None = None) -> RatingRows:
    """Reads ratings from CSV, TSV, JSON lines, JSON, Parquet, a spreadsheet, or Label Studio's JSON export.

    Args:
        path: the file.
        columns: for other column names: ours -> the file's.

    Raises:
        InputError: missing or unreadable file, unknown suffix.
        ManifestError: a column is missing, no rows, a row without rater or item; names file, row and column.
    """
    path = Path(path)
    if path.is_file() and is_label_studio(path):
        tasks = read_label_studio(path, item=(columns or {}).get("item"))
        if not tasks.rows:
            raise ManifestError(
                path, f"no annotation of this Label Studio export is a rating{_why(tasks.skipped)}"
            )
        frame = pl.DataFrame(tasks.rows, infer_schema_length=None, strict=False)
        notes = tuple(f"Label Studio: {n:,} left out ({reason})" for reason, n in tasks.skipped.items())
        found = _shaped(_Tasks(path, frame, tuple(tasks.places)), {})
        return replace(found, notes=(*notes, *found.notes))
    return _shaped(read_table(path), columns or {})


def ratings_from(
    rows: pl.DataFrame | Iterable[Any], *, columns: Mapping[str, str] | None = None
) -> RatingRows:
    """The same from rows in memory: a frame, mappings, or objects with such attributes.

    Raises:
        InputError: not rows of that kind.
        ManifestError: as ``read_ratings``, with "ratings" in the place of the file.
    """
    if isinstance(rows, pl.DataFrame):
        return _shaped(Table(Path("ratings.parquet"), rows), columns or {})
    listed = [row if isinstance(row, Mapping) else _attributes(row) for row in rows]
    frame = pl.DataFrame(listed, infer_schema_length=None, strict=False)
    return _shaped(Table(Path("ratings.parquet"), frame), columns or {})


def _attributes(row: object) -> dict[str, Any]:
    names = (*COLUMNS, *OF_ITEMS)
    found = {name: getattr(row, name) for name in names if hasattr(row, name)}
    if "rating" not in found:
        raise InputError(f"a rating has the fields rater, item and rating; this one is {row!r}")
    return found


def _shaped(table: Table, columns: Mapping[str, str]) -> RatingRows:
    """Our names, text where text belongs, and the rows that are measurements."""
    frame = _renamed(table, columns)
    table = table.with_frame(frame) if not isinstance(table, _Tasks) else replace(table, frame=frame)
    if frame.is_empty():
        raise ManifestError(table.path, "there are no ratings in it")
    needed = dict(ADVICE)
    if "other" in frame.columns:
        needed.pop("rater")  # who compared is often not said
    check_names(table.path, frame.columns, known=COLUMNS, required=needed)
    frame = frame.with_columns(
        *(_text(frame, name) for name in ("rater", "item", "dimension", "other")),
        pl.Series("row", range(len(frame)), dtype=pl.Int64),
    )
    for name in ("rater", "item") if "rater" in needed else ("item",):
        check_filled(replace(table, frame=frame), name, f"every row says {ADVICE[name]}")
    kept, notes = _measurements(frame)
    extra = [name for name in OF_ITEMS if name in kept.columns]
    kept = kept.select("rater", "item", "dimension", "other", "rating", "row", *extra)
    if kept.is_empty():
        raise ManifestError(table.path, f"no row is a rating that counts: {'; '.join(notes)}")
    return RatingRows(replace(table, frame=kept), tuple(notes))


def _renamed(table: Table, columns: Mapping[str, str]) -> pl.DataFrame:
    frame = table.frame
    for ours, theirs in columns.items():
        if ours not in (*COLUMNS, *OF_ITEMS):
            raise InputError(
                f"--columns: '{ours}' is no column of ratings; ours are {', '.join(COLUMNS + OF_ITEMS)}"
            )
        if theirs not in frame.columns:
            found = ", ".join(repr(name) for name in frame.columns)
            raise ManifestError(table.path, f"there is no such column (columns: {found})", column=theirs)
        frame = frame.with_columns(pl.col(theirs).alias(ours))
    for their, our in ALIASES.items():
        if our not in frame.columns and their in frame.columns:
            # an image's path names the item and is still its path
            frame = (
                frame.with_columns(pl.col(their).alias(our))
                if their == "image"
                else rename_aliases(frame, {their: our})
            )
    return frame


def _text(frame: pl.DataFrame, name: str) -> pl.Series | pl.Expr:
    """A column as text, "" where there is nothing; whole numbers lose the ``.0`` that spreadsheets give them."""
    if name not in frame.columns:
        return pl.lit("").alias(name)
    column = frame[name]
    if column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        if (whole.cast(column.dtype) == column).all():
            column = whole
    return column.cast(pl.String).fill_null("")


def _measurements(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Without training, gold and trap rows and rows of raters who were taken out; says how many those were."""
    notes = []
    for column, values, what in (("kind", NO_MEASUREMENT, "{} rows"), ("excluded", _TRUE, "excluded rows")):
        if column not in frame.columns:
            continue
        text = frame[column].cast(pl.String).str.strip_chars().str.to_lowercase().fill_null("")
        for value in values:
            gone = text == value
            if gone.any():
                notes.append(f"{int(gone.sum()):,} {what.format(value)} are left out")
        mask = text.is_in(list(values)).not_()
        frame = frame.filter(mask)
    return frame, notes


def _why(skipped: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{n} {reason}' for reason, n in skipped.items())})" if skipped else ""
