"""The researcher's hand: exclude and restore a rater, close a study. Each leaves a line with who and why."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study import leases
from lmm4lmm.study.database import Database
from lmm4lmm.study.seats import Seat, lock_study, name_of, read_seat, study_row, tell
from lmm4lmm.study.tables import answers, raters, steps, studies


def exclude(db: Database, now: int, name: str, rater_id: int, reason: str, who: str) -> None:
    """See ``Store.exclude``."""

    def work(connection: Connection) -> None:
        seat = _seat(connection, name, rater_id, reason)
        if seat.row.excluded is not None:
            raise StudyError(f"rater {name_of(seat.row.number)} is excluded already")
        given = leases.release(connection, rater_id, ("held", "rated"))
        connection.execute(
            update(answers)
            .where(answers.c.rater_id == rater_id, answers.c.counted.is_(True))
            .values(counted=False)
        )
        connection.execute(
            update(raters)
            .where(raters.c.id == rater_id)
            .values(excluded=now, excluded_reason=reason.strip(), lease=0, undoable=None)
        )
        detail = f"{reason.strip()} ({len(given)} items open again)"
        tell(connection, seat.study_id, now, "excluded", who=who, rater_id=rater_id, detail=detail)

    db.write(work)


def restore(db: Database, now: int, name: str, rater_id: int, reason: str, who: str) -> None:
    """See ``Store.restore``."""

    def work(connection: Connection) -> None:
        seat = _seat(connection, name, rater_id, reason)
        if seat.row.excluded is None:
            raise StudyError(f"rater {name_of(seat.row.number)} is not excluded")
        back, out = _count_again(connection, rater_id)
        connection.execute(
            update(raters).where(raters.c.id == rater_id).values(excluded=None, excluded_reason=None)
        )
        detail = (
            f"{reason.strip()} ({back} ratings count again, {out} don't: others have filled their places)"
        )
        tell(connection, seat.study_id, now, "restored", who=who, rater_id=rater_id, detail=detail)

    db.write(work)


def close(db: Database, now: int, name: str, who: str) -> None:
    """See ``Store.close``."""

    def work(connection: Connection) -> None:
        study = study_row(connection, name)
        changed = connection.execute(
            update(studies).where(studies.c.id == study.id, studies.c.closed.is_(None)).values(closed=now)
        )
        if changed.rowcount:
            tell(connection, study.id, now, "closed", who=who)

    db.write(work)


def _seat(connection: Connection, name: str, rater_id: int, reason: str) -> Seat:
    """The rater, then the study, both locked: slots change hands here."""
    if not reason.strip():
        raise StudyError("say why: the reason goes into the audit trail")
    study = study_row(connection, name)
    seat = read_seat(connection, rater_id, lock=True)
    if seat.study_id != study.id:
        raise StudyError(f"no rater of the study '{name}' has the number {rater_id}")
    lock_study(connection, study.id)
    return seat


def _count_again(connection: Connection, rater_id: int) -> tuple[int, int]:
    """Ratings that get a slot back, and those whose item is full by now."""
    standing = connection.execute(
        select(answers.c.id, answers.c.item_id, steps.c.id.label("step"))
        .join(steps, steps.c.id == answers.c.step_id)
        .where(answers.c.rater_id == rater_id, answers.c.superseded.is_(None), steps.c.kind == "rated")
        .order_by(answers.c.item_id)
    ).all()
    back = 0
    for answer, item, step in standing:
        slot = leases.take_again(connection, rater_id, item, "rated")
        if slot is None:
            continue
        back += 1
        connection.execute(update(answers).where(answers.c.id == answer).values(counted=True))
        connection.execute(update(steps).where(steps.c.id == step).values(slot_id=slot))
    return back, len(standing) - back
