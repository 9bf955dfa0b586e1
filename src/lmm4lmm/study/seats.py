"""A rater's row with the study it belongs to, and what follows from it: the stage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, insert, select

from lmm4lmm.core.errors import StudyError, UnknownNameError
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import Ending, Rater, Stage
from lmm4lmm.study.tables import events, raters, studies

MINUTE = 60_000
DAY = 24 * 60 * MINUTE

_WITH_STUDY = (
    select(raters, studies.c.name.label("study"), studies.c.design, studies.c.closed)
    .join(studies, studies.c.id == raters.c.study_id)
    .where(raters.c.id == bindparam("rater"))
)
_LOCKED = _WITH_STUDY.with_for_update(of=raters, key_share=True)


def name_of(number: int) -> str:
    """What exports call a rater."""
    return f"R{number:03d}"


def moment(milliseconds: int) -> datetime:
    """A time of the database as a datetime, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def maybe_moment(milliseconds: int | None) -> datetime | None:
    """The same, or None."""
    return None if milliseconds is None else moment(milliseconds)


@lru_cache(maxsize=64)
def decode(text: str) -> StudyDesign:
    """A design as the database keeps it."""
    return msgspec.json.decode(text, type=StudyDesign)


@dataclass(frozen=True)
class Seat:
    """A rater's row (``row`` has the columns of ``raters``) and the study's design."""

    row: Any
    design: StudyDesign

    @property
    def id(self) -> int:
        """The rater's number in the store."""
        return int(self.row.id)

    @property
    def study_id(self) -> int:
        """The study's."""
        return int(self.row.study_id)

    def moved(self, values: dict[str, Any]) -> Seat:
        """The seat after these columns were set, without reading it again."""
        return replace(self, row=SimpleNamespace(**{**self.row._mapping, **values}))

    def ending(self, now: int) -> Ending | None:
        """Why this rater's work is over, if it is."""
        row = self.row
        if row.excluded is not None:
            return "excluded"
        if row.ending == "not_qualified":
            return "not_qualified"
        if row.finished is not None:
            return "done"
        if row.closed is not None:
            return "closed"
        return "expired" if row.expires <= now else None

    def stage(self, now: int) -> Stage:
        """Where the rater stands."""
        row, ending = self.row, self.ending(now)
        if ending is not None:
            stages: dict[Ending, Stage] = {
                "excluded": "excluded",
                "not_qualified": "excluded",
                "expired": "expired",
            }
            return stages.get(ending, "finished")
        if row.consented is None:
            return "consent"
        if row.instructed is None:
            return "instructions"
        if row.viewed is None and self.design.viewing_check is not None:
            return "viewing"
        if row.trained is None and self.design.training:
            return "training"
        return "break" if row.break_until is not None and row.break_until > now else "rating"

    def code(self, now: int) -> str | None:
        """The completion code, once there is nothing more to do and something was done."""
        ending = self.ending(now)
        earned = ending in {"done", "closed", "expired"} and self.row.done > 0
        return str(self.row.code) if earned else None

    def rater(self, now: int) -> Rater:
        """As the pages see it."""
        row = self.row
        return Rater(
            id=row.id,
            study=row.study,
            name=name_of(row.number),
            stage=self.stage(now),
            language=row.language,
            done=row.done,
            total=max(row.total, row.done),
            code=self.code(now),
            ending=self.ending(now),
        )


def read_seat(connection: Connection, rater_id: int, *, lock: bool = False) -> Seat:
    """A rater's row; with ``lock`` nobody else changes it until this transaction ends.

    Raises:
        StudyError: no such rater.
    """
    row = connection.execute(_LOCKED if lock else _WITH_STUDY, {"rater": rater_id}).one_or_none()
    if row is None:
        raise StudyError(f"no rater has the number {rater_id}")
    return Seat(row, decode(row.design))


def lock_study(connection: Connection, study_id: int) -> None:
    """Nobody else hands out or takes back this study's slots until this transaction ends.

    NO KEY UPDATE, not UPDATE: foreign keys that others check at the moment share the row, and two who wait for each
    other's share are a deadlock. SQLite's writers take turns anyway; there it is a plain read.
    """
    connection.execute(select(studies.c.id).where(studies.c.id == study_id).with_for_update(key_share=True))


def study_row(connection: Connection, name: str) -> Row[Any]:
    """A study's row.

    Raises:
        UnknownNameError: no study has this name.
    """
    row = connection.execute(select(studies).where(studies.c.name == name)).one_or_none()
    if row is None:
        raise UnknownNameError("study", name, connection.scalars(select(studies.c.name)))
    return row


def tell(
    connection: Connection,
    study_id: int,
    now: int,
    action: str,
    *,
    who: str = "store",
    rater_id: int | None = None,
    item_id: int | None = None,
    detail: str = "",
) -> None:
    """Writes one line of the audit trail."""
    connection.execute(
        insert(events).values(
            study_id=study_id,
            at=now,
            who=who,
            action=action,
            rater_id=rater_id,
            item_id=item_id,
            detail=detail,
        )
    )
