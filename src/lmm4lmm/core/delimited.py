"""CSV and TSV into columns of text, with the true line of every mistake.

Python's csv module does the reading: it knows quoted newlines, tells the line, and tells a short row from
one with empty cells. It takes 1 to 2 s for a million rows, which is not where a run's time goes.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.text import open_text

BLOCK = 8_192


def read_delimited(path: Path, *, limit: int | None = None) -> pl.DataFrame:
    """Reads CSV (or TSV, or the semicolon CSV of many spreadsheets) into text columns; empty is null.

    Args:
        path: the file. ``.tsv`` is split at tabs; otherwise at commas, or at semicolons or tabs where the
            header has these and no comma.
        limit: stop after so many rows.

    Raises:
        InputError: the file can't be opened.
        ManifestError: no header, a name twice, a row with too few or too many cells, an open quote.
    """
    with open_text(path) as stream:
        rows = _rows(path, stream)
        try:
            names = _names(path, next(rows, None))
            blocks: list[pl.DataFrame] = []
            while block := list(islice(rows, _next_size(limit, len(blocks)))):
                blocks.append(_frame(path, names, block, first=len(blocks) * BLOCK))
        except csv.Error as error:
            raise _broken(path, str(error)) from None
    empty = pl.DataFrame(schema=dict.fromkeys(names, pl.String()))
    return pl.concat([empty, *blocks])


def delimited_line(path: Path, row: int) -> int:
    """The line, from 1, on which the ``row``-th data row, from 0, begins (-1 is the header)."""
    with open_text(path) as stream:
        return next(islice(_starts(path, stream), row + 1, None))


def _next_size(limit: int | None, blocks: int) -> int:
    return BLOCK if limit is None else max(0, min(BLOCK, limit - blocks * BLOCK))


def _rows(path: Path, stream: TextIO) -> Iterator[list[str]]:
    """Rows with at least one cell, the header first; the csv module gives [] for a blank line."""
    return (row for row in csv.reader(stream, delimiter=_delimiter(path, stream), strict=True) if row)


def _starts(path: Path, stream: TextIO) -> Iterator[int]:
    """The line on which each row of ``_rows`` begins."""
    reader = csv.reader(stream, delimiter=_delimiter(path, stream), strict=True)
    before = 0
    for row in reader:
        if row:
            yield before + 1
        before = reader.line_num


def _delimiter(path: Path, stream: TextIO) -> str:
    if path.suffix.lower() in {".tsv", ".tab"}:
        return "\t"
    head = stream.readline()
    while head and not head.strip():
        head = stream.readline()
    stream.seek(0)
    return next((mark for mark in ",;\t" if mark in head), ",")


def _names(path: Path, header: list[str] | None) -> list[str]:
    if header is None:
        raise ManifestError(path, "the file is empty; its first line must name the columns")
    # Index columns of data frame libraries have no name; polars would name them, block by block.
    header = [name or f"column_{number}" for number, name in enumerate(header, start=1)]
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise ManifestError(path, "the header names this column more than once", row=1, column=twice[0])
    return header


def _frame(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> pl.DataFrame:
    if set(map(len, rows)) != {len(names)}:
        raise _ragged(path, names, rows, first)
    columns = zip(*rows, strict=True)
    frame = pl.DataFrame([pl.Series(n, c, dtype=pl.String) for n, c in zip(names, columns, strict=True)])
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))


def _ragged(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> ManifestError:
    offset, row = next((i, row) for i, row in enumerate(rows) if len(row) != len(names))
    advice = "a cell with commas, quotes or newlines must stand in double quotes, with no blank before them"
    problem = f"{len(row)} cells where the header names {len(names)} columns; {advice}"
    return ManifestError(path, problem, row=delimited_line(path, first + offset), value=",".join(row))


def _broken(path: Path, problem: str) -> ManifestError:
    """The error for quotes that the csv module can't make sense of, with the line where that row begins."""
    if "end of data" in problem or "field limit" in problem:
        problem = "a double quote opens here and never closes"
    else:
        problem = f"{problem}; inside a quoted cell a quote is written twice"
    line = 1
    with open_text(path) as stream:
        reader = csv.reader(stream, delimiter=_delimiter(path, stream), strict=True)
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error:
            pass
    return ManifestError(path, problem, row=line)
