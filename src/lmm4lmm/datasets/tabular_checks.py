"""All that is odd in a table of any make: where reading stops at the first mistake, this lists them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.core.scores import scores_from
from lmm4lmm.core.tables import Table
from lmm4lmm.datasets.facts import Scale
from lmm4lmm.datasets.oddities import Oddity, Reading
from lmm4lmm.datasets.table_checks import check_table
from lmm4lmm.datasets.tabular import Opened, open_tabular
from lmm4lmm.datasets.tabular_ratings import average_long
from lmm4lmm.datasets.tabular_scale import check_scale, outside_of, turned_round

LISTED = 100
"""Cells of one column and kind that are listed one by one: to find a row's line, the file is read once more."""


def examine(
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    scale: tuple[float, float] | None = None,
    lower_is_better: Collection[Dimension] = (),
) -> Reading:
    """Reads a table as ``read_tabular`` does, and goes on after a mistake: bad cells are left empty, repeats dropped.

    Args:
        path: the file.
        columns: see ``read_tabular``.
        scale: the ends of the file's scale; without it no score is out of range.
        lower_is_better: dimensions to be turned round.

    Returns:
        The table, and all that is odd: scores that are no numbers or outside the scale, repeated ids, missing scores,
        spellings of prompts, paths of images; and that scores were turned round. The table is not for
        statistics where an oddity is fatal.

    Raises:
        InputError: the file is missing, of no known kind, or ``columns`` names what we have no column for.
        ManifestError: the file can't be read as a table of scores at all.
    """
    if scale is not None:
        check_scale(scale)
    opened = open_tabular(path, columns)
    table, bad = _mended(opened, scale)
    repeated: list[Oddity] = []
    if opened.who is None:
        table, repeated = _once(table)
        frame = scores_from(table)
    else:
        frame = average_long(table, opened.who)
    scales = _scales(frame, scale)
    found = [*bad, *repeated, *_without_ranges(check_table(frame, scales))]
    lower = [d for d in DIMENSIONS if d in {*lower_is_better, *opened.lower_is_better}]
    if lower:
        frame = turned_round(frame, lower, scale)
        how = "low + high - x" if scale is not None else "-x"
        found += [Oddity("turned_round", how, file=path.name, column=d, count=frame.height) for d in lower]
    return Reading(frame, tuple(found))


def _scales(frame: pl.DataFrame, scale: tuple[float, float] | None) -> dict[Dimension, Scale]:
    scales: dict[Dimension, Scale] = {"answer": Scale(0, 1, "")}
    if scale is not None:
        scored: tuple[Dimension, ...] = ("perception", "correspondence")
        scales |= {d: Scale(*scale, "") for d in scored if frame[d].null_count() < frame.height}
    return scales


def _without_ranges(oddities: list[Oddity]) -> Iterator[Oddity]:
    """Ranges were looked at cell by cell in the file; what is left is whether the scale is another one."""
    return (oddity for oddity in oddities if oddity.kind != "out_of_range")


def _mended(opened: Opened, scale: tuple[float, float] | None) -> tuple[Table, list[Oddity]]:
    table = opened.table
    found: list[Oddity] = []
    for column in opened.rated():
        values = table.frame[column]
        text = values.cast(pl.String).str.strip_chars().replace("", None)
        numbers = text.cast(pl.Float64, strict=False)
        wrong = text.is_not_null() & (numbers.is_null() | numbers.is_finite().not_().fill_null(True))
        numbers = numbers.set(wrong, None) if wrong.any() else numbers
        place = _Place(table, column, opened.called.get(column, column))
        found += _cells("not_a_number", "left empty", place, wrong)
        if scale is not None:
            found += _cells("out_of_range", "kept", place, outside_of(numbers, scale))
        if column not in {name for names in opened.raters.values() for name in names}:
            table = table.with_frame(table.frame.with_columns(numbers.alias(column)))
    return table, found


def _once(table: Table) -> tuple[Table, list[Oddity]]:
    again = table.frame["id"].is_first_distinct().not_()
    found = _cells("duplicate_id", "row dropped here", _Place(table, "id", "id"), again)
    return table.with_frame(table.frame.filter(again.not_())), list(found)


@dataclass(frozen=True)
class _Place:
    """A column of a table, and what the file calls it."""

    table: Table
    column: str
    called: str


def _cells(kind: str, done: str, place: _Place, which: pl.Series) -> Iterator[Oddity]:
    """One oddity a cell; beyond ``LISTED`` of them, one for the rest."""
    table, file = place.table, place.table.path.name
    rows = [int(row) for row in which.arg_true()]
    for row in rows[:LISTED]:
        yield Oddity(
            kind,
            done,
            file=file,
            row=table.line(row),
            column=place.called,
            item=str(table.frame["id"][row]),
            value=str(table.frame[place.column][row]),
            fatal=True,
        )
    if rest := len(rows[LISTED:]):
        yield Oddity(kind, done, file=file, column=place.called, value="and more", count=rest, fatal=True)
