"""Before the rating: consent, instructions, the viewing check."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, update

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.database import Database
from lmm4lmm.study.design import Viewing
from lmm4lmm.study.records import Rater, ViewingCheck
from lmm4lmm.study.seats import Seat, name_of, read_seat, tell
from lmm4lmm.study.tables import raters


def rater(db: Database, now: int, rater_id: int) -> Rater:
    """See ``Store.rater``."""
    with db.read() as connection:
        return read_seat(connection, rater_id).rater(now)


def consent(db: Database, now: int, rater_id: int, language: str) -> Rater:
    """See ``Store.consent``."""

    def work(connection: Connection) -> Rater:
        seat = read_seat(connection, rater_id, lock=True)
        if language not in seat.design.languages:
            offered = ", ".join(seat.design.languages)
            raise StudyError(f"this study is not offered in '{language}'; choose from {offered}")
        if seat.ending(now) is None:
            if seat.row.consented is None:
                _happened(connection, seat, now, "consented", language)
            first = now if seat.row.consented is None else seat.row.consented
            _change(connection, seat, language=language, consented=first, last_seen=now)
        return read_seat(connection, rater_id).rater(now)

    return db.write(work)


def instructed(db: Database, now: int, rater_id: int) -> Rater:
    """See ``Store.instructed``."""

    def work(connection: Connection) -> Rater:
        seat = read_seat(connection, rater_id, lock=True)
        if seat.stage(now) == "instructions":
            _change(connection, seat, instructed=now, last_seen=now)
        return read_seat(connection, rater_id).rater(now)

    return db.write(work)


def viewing(db: Database, now: int, rater_id: int, check: ViewingCheck) -> tuple[str, ...]:
    """See ``Store.viewing``."""

    def work(connection: Connection) -> tuple[str, ...]:
        seat = read_seat(connection, rater_id, lock=True)
        wanted = seat.design.viewing_check
        lacks = () if wanted is None else shortcomings(wanted, check)
        if seat.stage(now) == "viewing":
            seen = {"viewing": msgspec.json.encode(check).decode(), "last_seen": now}
            _change(connection, seat, **seen, **({} if lacks else {"viewed": now}))
            detail = f"{check.width}x{check.height}, zoom {check.zoom:g}" + (
                f"; lacks {', '.join(lacks)}" if lacks else ""
            )
            _happened(connection, seat, now, "viewing checked", detail)
        return lacks

    return db.write(work)


def shortcomings(wanted: Viewing, check: ViewingCheck) -> tuple[str, ...]:
    """What a screen falls short of; a zoom of 2 is as bad as one of a half."""
    zoom = max(check.zoom, 1 / check.zoom) if check.zoom > 0 else float("inf")
    rules = (
        ("width", check.width >= wanted.min_width),
        ("height", check.height >= wanted.min_height),
        ("zoom", zoom <= wanted.max_zoom),
        ("plates", check.plates_right >= wanted.plates_right),
    )
    return tuple(name for name, passed in rules if not passed)


def _change(connection: Connection, seat: Seat, **values: object) -> None:
    connection.execute(update(raters).where(raters.c.id == seat.id).values(**values))


def _happened(connection: Connection, seat: Seat, now: int, action: str, detail: str) -> None:
    who = name_of(seat.row.number)
    tell(connection, seat.study_id, now, action, who=who, rater_id=seat.id, detail=detail)
