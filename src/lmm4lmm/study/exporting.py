"""A study as files: ratings in the long form that ``study analyse`` takes, items, raters, design, audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from lmm4lmm.core.files import atomic_path, write_atomically
from lmm4lmm.study.records import AuditRow, ItemProgress, RaterProgress, RatingRow

if TYPE_CHECKING:
    from lmm4lmm.study.design import StudyDesign
    from lmm4lmm.study.store import Store

FORMULA = r"^([=+\-@\t\r])"
"""What makes a spreadsheet run a cell (OWASP, "CSV Injection")."""

_CHOICES = {1.0: "first", 0.0: "second", 0.5: "tie"}
_OF_PAIRS = ("item_b", "generator_b", "swapped")
_TYPES = {
    "str": pl.String(),
    "str | None": pl.String(),
    "float": pl.Float64(),
    "float | None": pl.Float64(),
    "int": pl.Int64(),
    "int | None": pl.Int64(),
    "bool": pl.Boolean(),
    "datetime": pl.Datetime("us", "UTC"),
    "datetime | None": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: their names.
        ratings, left_out: rows of ``ratings`` (with gold, traps and repeats) and of ``left_out``.
        kinds: dimensions whose kind their cells don't show, as ``study analyse --kind`` takes them.
    """

    files: tuple[str, ...]
    ratings: int
    left_out: int
    kinds: tuple[str, ...]


def export_study(store: Store, name: str, folder: Path) -> Exported:
    """Writes a study into a folder, each file whole or not at all.

    ``ratings.csv`` and ``.parquet``: ``rater, item, dimension, rating`` and more, one row a judgement that stands;
    ``kind`` tells rated from gold, trap and repeat. Of pairs, ``rating`` is ``first``, ``second`` or ``tie``, of
    ``item`` and ``item_b``, however they were shown. ``left_out.csv``: the same of excluded raters, and answers
    beyond an item's N. ``items.csv``, ``raters.csv``, ``audit.csv``, ``design.json``: what the names say.
    Text in CSV is guarded against spreadsheets that run it; times are UTC.

    Raises:
        UnknownNameError: no such study.
    """
    design = store.study(name).design
    kept, left = ratings_of(store, name)
    progress = store.progress(name)
    ratings = rating_frame(kept, design)
    tables = {
        "ratings": ratings,
        "left_out": rating_frame(left, design),
        "items": _frame(ItemProgress, progress.items),
        "raters": _frame(RaterProgress, progress.raters).drop("id"),
        "audit": audit_frame(store.audit(name)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for table, frame in tables.items():
        with atomic_path(folder / f"{table}.csv") as path:
            guarded(frame).write_csv(path)
    with atomic_path(folder / "ratings.parquet") as path:
        ratings.write_parquet(path)
    write_atomically(folder / "design.json", msgspec.json.format(msgspec.json.encode(design)))
    files = (*(f"{table}.csv" for table in tables), "ratings.parquet", "design.json")
    hidden = [one.name for one in design.dimensions if one.kind == "yes_no" and one.name != "answer"]
    return Exported(files, len(kept), len(left), tuple(f"{one}=yes_no" for one in hidden))


def ratings_of(store: Store, name: str) -> tuple[list[RatingRow], list[RatingRow]]:
    """Judgements that count (gold, traps and repeats among them), and the others: excluded raters', or beyond N."""
    rows = store.ratings(name, with_excluded=True)
    kept = [row for row in rows if not row.excluded and (row.counted or row.kind != "rated")]
    left = [row for row in rows if row.excluded or (row.kind == "rated" and not row.counted)]
    return kept, left


def audit_frame(rows: Sequence[AuditRow]) -> pl.DataFrame:
    """Everything that happened, oldest first."""
    return _frame(AuditRow, rows)


def rating_frame(rows: Sequence[RatingRow], design: StudyDesign) -> pl.DataFrame:
    """Judgements as a table in the long form; columns of pairs only where pairs are rated."""
    frame = _frame(RatingRow, rows)
    if not design.pairwise:
        return frame.drop(_OF_PAIRS)
    # Words: as a number, a choice could mean the place as well as the worth.
    words = pl.Series("rating", [_CHOICES[row.rating] for row in rows], dtype=pl.String())
    return frame.with_columns(words)


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts that a spreadsheet would run, with an apostrophe before them."""
    return frame.with_columns(pl.col(pl.String).str.replace(FORMULA, "'${1}"))


def _frame(kind: type[Any], rows: Sequence[Any]) -> pl.DataFrame:
    """Records as a table; the types stand even where there are no rows."""
    schema = {one.name: _TYPES.get(str(one.type), pl.String()) for one in fields(kind)}
    return pl.DataFrame([asdict(row) for row in rows], schema=schema)
