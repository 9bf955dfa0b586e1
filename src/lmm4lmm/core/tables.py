"""One way to read any table: JSON lines, CSV, TSV, Parquet or a spreadsheet, with errors that say where."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.delimited import delimited_line, read_delimited
from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.json_rows import Shape
from lmm4lmm.core.jsonl import jsonl_line, read_json, read_jsonl

JSONL = frozenset({".jsonl", ".ndjson"})
JSON = frozenset({".json"})
DELIMITED = frozenset({".csv", ".tsv", ".tab"})
PARQUET = frozenset({".parquet", ".pq"})
SHEETS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
SUFFIXES = JSONL | JSON | DELIMITED | PARQUET | SHEETS


@dataclass(frozen=True)
class Table:
    """A table as its file has it, and the way back from a row to its place in the file.

    Attributes:
        path: the file.
        frame: its columns; delimited files give text only, with null for an empty cell.
    """

    path: Path
    frame: pl.DataFrame

    def line(self, row: int) -> int:
        """Where ``row`` (from 0) lies: the line of a text file, the row of a spreadsheet or Parquet file."""
        suffix = self.path.suffix.lower()
        if suffix in JSONL:
            return jsonl_line(self.path, row)
        if suffix in DELIMITED:
            return delimited_line(self.path, row)
        return row + 2 if suffix in SHEETS else row + 1

    def wrong(self, problem: str, *, row: int, column: str, value: object = None) -> ManifestError:
        """The error for one cell; ``row`` counts from 0."""
        return ManifestError(self.path, problem, row=self.line(row), column=column, value=value)

    def with_frame(self, frame: pl.DataFrame) -> Table:
        """The same file with its columns worked on; rows must keep their order and number."""
        return Table(self.path, frame)


def read_table(
    path: Path,
    *,
    text: Collection[str] = (),
    required: Mapping[str, str] | None = None,
    nested: Collection[str] = (),
    limit: int | None = None,
) -> Table:
    """Reads a table by its suffix.

    Args:
        path: JSON lines, CSV, TSV, Parquet (a file, or a folder of parts) or a spreadsheet (its first sheet).
        text: columns that must hold text.
        required: column -> what to write there; every row of a JSON-lines file must have the key.
        nested: columns whose objects become columns ``name.field``.
        limit: read so many rows only.

    Raises:
        InputError: missing or unreadable file, unknown suffix.
        ManifestError: damaged content; names file, row, column and value.
    """
    suffix = path.suffix.lower()
    if is_parts(path):
        return Table(path, _spread(_read_parquet(path / "*.parquet", limit, glob=True), nested))
    if not path.is_file():
        raise InputError(f"{path}: {'this is a folder, not a file' if path.is_dir() else 'no such file'}")
    if suffix in JSONL | JSON:
        shape = Shape(text=(*text, "id"), required=required or {}, nested=nested)
        return Table(path, (read_jsonl if suffix in JSONL else read_json)(path, shape, limit=limit))
    if suffix in DELIMITED:
        return Table(path, read_delimited(path, limit=limit))
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: tables are read from {', '.join(sorted(SUFFIXES))}; not from '{suffix}'")
    frame = _read_parquet(path, limit) if suffix in PARQUET else _read_sheet(path, limit)
    return Table(path, _spread(frame, nested))


def is_parts(path: Path) -> bool:
    """Whether a folder is one table in Parquet parts: it holds such files and, but for hidden ones, nothing else."""
    if not path.is_dir():
        return False
    seen = [one for one in path.iterdir() if not one.name.startswith((".", "_"))]
    return bool(seen) and all(one.suffix == ".parquet" and one.is_file() for one in seen)


def _read_parquet(path: Path, limit: int | None, *, glob: bool = False) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, n_rows=limit, glob=glob)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ManifestError(path, f"not a readable Parquet file: {_first_line(error)}") from error


def _read_sheet(path: Path, limit: int | None) -> pl.DataFrame:
    """Reads the first sheet with fastexcel: polars' own call prints warnings about empty columns."""
    import fastexcel

    try:
        sheet = fastexcel.read_excel(path).load_sheet(0, n_rows=limit, schema_sample_rows=None)
        frame: pl.DataFrame = sheet.to_polars()
        return frame
    except (fastexcel.FastExcelError, OSError) as error:
        raise ManifestError(path, f"not a readable spreadsheet: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _spread(frame: pl.DataFrame, nested: Collection[str]) -> pl.DataFrame:
    for name in nested:
        dtype = frame.schema.get(name)
        if isinstance(dtype, pl.Struct):
            fields = [
                pl.col(name).struct.field(field.name).alias(f"{name}.{field.name}") for field in dtype.fields
            ]
            frame = frame.with_columns(fields).drop(name)
    return frame


def rename_aliases(frame: pl.DataFrame, aliases: Mapping[str, str]) -> pl.DataFrame:
    """Renames other names for our columns (``model`` -> ``generator``) where ours is absent."""
    return frame.rename(
        {their: our for their, our in aliases.items() if their in frame.columns and our not in frame.columns}
    )


def check_names(
    path: Path, columns: Collection[str], *, known: Iterable[str], required: Mapping[str, str]
) -> None:
    """Refuses a table whose column names miss ours by case or blanks, or that lacks a required one.

    ``Prompt`` must not pass as an extra column: whoever wrote it meant ``prompt``, and would wonder why it
    has no effect.

    Raises:
        ManifestError: names the column and the nearest that the file has; or the file is empty.
    """
    if required and not columns:
        raise ManifestError(path, "the file is empty: it has neither rows nor columns")
    plain = {name.strip().lower(): name for name in columns}
    for name in known:
        if name not in columns and name in plain:
            problem = f"rename it to '{name}': column names are lower case, without blanks around them"
            raise ManifestError(path, problem, column=plain[name])
    for name, advice in required.items():
        if name not in columns:
            near = difflib.get_close_matches(name, plain, n=1, cutoff=0.6)
            hint = f"; is '{plain[near[0]]}' meant? Rename it to '{name}'" if near else ""
            if not near and not any(other in columns for other in known):
                hint = "; does the file's first line name the columns?"
            found = ", ".join(repr(column) for column in columns)
            raise ManifestError(
                path, f"there is no such column: {advice}{hint} (columns: {found})", column=name
            )


def to_text(table: Table, names: Iterable[str]) -> Table:
    """Turns columns into text; an ``id`` of whole numbers becomes text, any other type is an error."""
    frame = table.frame
    for name in names:
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String()).alias(name))
        elif not isinstance(frame.schema[name], pl.String):
            frame = frame.with_columns(_as_text(table, frame[name]))
    return table.with_frame(frame)


def _as_text(table: Table, column: pl.Series) -> pl.Series:
    whole_id = column.name == "id" and column.dtype.is_integer()
    if isinstance(column.dtype, pl.Null | pl.Categorical | pl.Enum) or whole_id:
        return column.cast(pl.String)
    if column.name == "id" and table.path.suffix.lower() in SHEETS and column.dtype.is_numeric():
        # A spreadsheet stores every number as a float: 7 comes out as 7.0.
        whole = column.cast(pl.Int64, strict=False)
        if (whole.cast(column.dtype) == column).all():
            return whole.cast(pl.String)
    row = first_true(column.is_not_null())
    value = column[row]
    raise table.wrong(f"text is expected, not {column.dtype}", row=row, column=column.name, value=value)


def to_number(table: Table, name: str) -> pl.Series:
    """A column as finite numbers, null where it is empty.

    Raises:
        ManifestError: a value that is no number, or not finite; names its row.
    """
    column = table.frame[name]
    if isinstance(column.dtype, pl.String):
        column = column.str.strip_chars()
        column = column.replace("", None)
    elif not (column.dtype.is_numeric() or isinstance(column.dtype, pl.Null)):
        row = first_true(column.is_not_null())
        raise table.wrong("a number is expected", row=row, column=name, value=column[row])
    number = column.cast(pl.Float64, strict=False)
    bad = (column.is_not_null() & number.is_null()) | number.is_finite().not_().fill_null(False)
    if bad.any():
        row = first_true(bad)
        problem = "a finite number is expected, or nothing where there is none"
        raise table.wrong(problem, row=row, column=name, value=table.frame[name][row])
    return number


def check_unique(table: Table, name: str, advice: str) -> None:
    """Refuses a repeated value; the message names both rows.

    Raises:
        ManifestError: the value stands in two rows.
    """
    column = table.frame[name]
    if column.n_unique() == len(column):
        return
    first, second = _twins(column)
    problem = f"row {table.line(first)} has the same {name}; {advice}"
    raise table.wrong(problem, row=second, column=name, value=column[second])


def _twins(column: pl.Series) -> tuple[int, int]:
    second = first_true(column.is_first_distinct().not_())
    return first_true(column.eq_missing(column[second])), second


def check_filled(table: Table, name: str, advice: str) -> None:
    """Refuses an empty cell.

    Raises:
        ManifestError: the cell is empty or null.
    """
    column = table.frame[name]
    empty = column.is_null() | (column == "").fill_null(False)
    if empty.any():
        raise table.wrong(f"the cell is empty; {advice}", row=first_true(empty), column=name)


def first_true(mask: pl.Series) -> int:
    """The index of the first true value; 0 where there is none."""
    index = mask.arg_true()
    return int(index[0]) if len(index) else 0
