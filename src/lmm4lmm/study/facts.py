"""All that is known of a study: from its database, or from what ``study export`` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.design_file import read_design
from lmm4lmm.study.records import AuditRow, ItemProgress, RaterProgress, RatingRow

if TYPE_CHECKING:
    from lmm4lmm.study.store import Store

Record = TypeVar("Record")
_CHOICES = {"first": 1.0, "second": 0.0, "tie": 0.5}


@dataclass(frozen=True)
class StudyFacts:
    """A study as it stands.

    Attributes:
        design: what was planned.
        items: those that are rated, with the ratings that they have.
        raters: everybody who was invited.
        audit: what happened; answers play no part here.
        ratings: every judgement that stands, those of excluded raters too.
    """

    design: StudyDesign
    items: tuple[ItemProgress, ...]
    raters: tuple[RaterProgress, ...]
    audit: tuple[AuditRow, ...]
    ratings: tuple[RatingRow, ...]

    def counted(self) -> list[RatingRow]:
        """Judgements that make scores: one of an item's N, by raters who are not excluded."""
        return [row for row in self.ratings if row.kind == "rated" and row.counted and not row.excluded]

    def happened(self, action: str) -> list[AuditRow]:
        """The trail's lines of one kind, oldest first."""
        return [row for row in self.audit if row.action == action]


def of_store(store: Store, name: str) -> StudyFacts:
    """From the database.

    Raises:
        UnknownNameError: no such study.
    """
    design, progress = store.study(name).design, store.progress(name)
    ratings = store.ratings(name, with_excluded=True)
    return StudyFacts(design, progress.items, progress.raters, tuple(store.audit(name)), tuple(ratings))


def of_folder(folder: Path) -> StudyFacts:
    """From the files of ``study export``, of which none may be missing.

    Raises:
        InputError: a file is missing.
        ManifestError: a column is missing, or a cell is not what it should be; names file, row and value.
    """
    lacking = [name for name in _FILES if not (folder / name).is_file()]
    if lacking:
        raise InputError(
            f"{folder}: {', '.join(lacking)} not found; a folder that `lmm4lmm study export` wrote is expected"
        )
    return StudyFacts(
        read_design(folder / "design.json"),
        tuple(_read(folder / "items.csv", ItemProgress)),
        tuple(_read(folder / "raters.csv", RaterProgress, {"id": "0"})),
        tuple(_read(folder / "audit.csv", AuditRow)),
        (*_read(folder / "ratings.csv", RatingRow), *_read(folder / "left_out.csv", RatingRow)),
    )


_FILES = ("design.json", "items.csv", "raters.csv", "audit.csv", "ratings.csv", "left_out.csv")


def _read(path: Path, kind: type[Record], usual: Mapping[str, str] | None = None) -> list[Record]:
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.NoDataError:
        raise InputError(f"{path}: is empty; export the study again") from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read as CSV ({error})") from None
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    usual = usual or {}
    lacking = [
        name
        for name, one in known.items()
        if one.default is MISSING and name not in frame.columns and name not in usual
    ]
    if lacking:
        raise InputError(f"{path}: columns are missing ({', '.join(lacking)}); export the study again")
    wanted = [one for name, one in known.items() if name in frame.columns or name in usual]
    found = []
    for row, cells in enumerate(frame.iter_rows(named=True), start=1):
        values: dict[str, Any] = {}
        for one in wanted:
            text = cells.get(one.name, usual.get(one.name))
            try:
                values[one.name] = _value(text, str(one.type))
            except ValueError:
                raise ManifestError(
                    path, f"a cell of the kind {one.type} is expected", row=row, column=one.name, value=text
                ) from None
        found.append(kind(**values))
    return found


def _value(text: str | None, kind: str) -> Any:
    """A cell as ``exporting`` wrote it; the apostrophe that guards spreadsheets comes off.

    Raises:
        ValueError: it is no such value.
    """
    if text is None:
        if "None" in kind:
            return None
        if kind.startswith(("float", "int", "bool", "datetime")):
            raise ValueError
        return ""
    if kind.startswith("float"):
        return _CHOICES[text] if text in _CHOICES else float(text)
    if kind.startswith("int"):
        return int(text)
    if kind == "bool":
        return {"true": True, "false": False}[text] if text in ("true", "false") else _wrong()
    if kind.startswith("datetime"):
        return datetime.fromisoformat(text)
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@\t\r") and text[1:2] else text


def _wrong() -> bool:
    raise ValueError
