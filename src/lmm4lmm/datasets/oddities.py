"""Oddities: what a reader met in released files that a user should know, each with its place.

A reader never drops or mends anything without one of these. Those that the card speaks of are *known*; a
*fatal* one means that the table can't be trusted, and reading it (rather than validating it) is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lmm4lmm.core.errors import ManifestError


@dataclass(frozen=True)
class Oddity:
    """One odd thing.

    Attributes:
        kind: short name, the same for all of its kind: ``duplicate_id``, ``out_of_range``, ...
        done: what the reader did about it, in a few words.
        file: the file's name; None where it is the table as a whole.
        row: line of a text file, row of a spreadsheet, from 1 with the header.
        column: the column's name there.
        item: the id of the row in our table.
        value: what was found.
        count: how many cells or rows this stands for.
        fatal: whether the table can't be trusted because of it.
    """

    kind: str
    done: str
    file: str | None = None
    row: int | None = None
    column: str | None = None
    item: str | None = None
    value: str | None = None
    count: int = 1
    fatal: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Reading:
    """A table and what was odd on the way to it."""

    table: pl.DataFrame
    oddities: tuple[Oddity, ...] = ()


def counts(oddities: Sequence[Oddity]) -> dict[str, int]:
    """How many of each kind, the most frequent first."""
    found: Counter[str] = Counter()
    for oddity in oddities:
        found[oddity.kind] += oddity.count
    return dict(found.most_common())


def unknown(oddities: Sequence[Oddity], known: Mapping[str, int]) -> dict[str, int]:
    """Kinds that the card does not speak of, or of which there are more than it says: kind -> how many."""
    return {kind: count for kind, count in counts(oddities).items() if count > known.get(kind, 0)}


def refuse_fatal(path: Path, oddities: Sequence[Oddity]) -> None:
    """Raises for the first fatal oddity.

    Raises:
        ManifestError: names its place and how to see all of them.
    """
    fatal = [oddity for oddity in oddities if oddity.fatal]
    if fatal:
        first = fatal[0]
        more = f"; {len(fatal) - 1:,} more like this" if len(fatal) > 1 else ""
        where = f" of '{first.item}'" if first.item and first.row is None else ""
        raise ManifestError(
            path.parent / first.file if first.file else path,
            f"{first.kind.replace('_', ' ')}{where}{more}; `lmm4lmm datasets validate` lists all that is odd",
            row=first.row,
            column=first.column,
            value=first.value,
        )
