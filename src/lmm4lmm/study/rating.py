"""An answer: checked, stored, committed, then acknowledged; the same one again changes nothing; undo."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study import leases, stopping
from lmm4lmm.study.assignment import lease_of
from lmm4lmm.study.database import Database
from lmm4lmm.study.design import RANGES, Dimension, StudyDesign
from lmm4lmm.study.records import Rated, Step, Values
from lmm4lmm.study.seats import MINUTE, Seat, lock_study, name_of, read_seat, tell
from lmm4lmm.study.showing import OPEN_STEPS, StepKey, coming, look, ready
from lmm4lmm.study.tables import answers, events, items, raters, slots, steps
from lmm4lmm.study.training import after_training

LONGEST = 2**31 - 1
_PAIR = {"first": 1.0, "second": 0.0, "tie": 0.5}

# What every answer runs, built once: building a statement costs about as much as running it.
_ANSWER = insert(answers)
_STEP_DONE = update(steps).where(steps.c.id == bindparam("key")).values(state="done")
_SLOT_RATED = (
    update(slots)
    .where(
        slots.c.rater_id == bindparam("rater"), slots.c.item_id == bindparam("item"), slots.c.state == "held"
    )
    .values(state="rated")
)
_RATER = update(raters).where(raters.c.id == bindparam("key"))


def rate(db: Database, now: int, rater_id: int, step_id: str, values: Values, client_ms: int | None) -> Rated:
    """See ``Store.rate``."""
    key = StepKey.read(step_id)
    return db.write(lambda connection: _rate(connection, now, rater_id, key, values, client_ms))


def _rate(
    connection: Connection, now: int, rater_id: int, key: StepKey, values: Values, client_ms: int | None
) -> Rated:
    seat = read_seat(connection, rater_id, lock=True)
    ready(seat, now)
    checked = check_values(seat.design, values)
    waiting = connection.execute(OPEN_STEPS, {"rater": rater_id}).all()
    step = waiting[0] if waiting and waiting[0].id == key.row else _other_step(connection, seat, key)
    if key.attempt > step.attempt:
        raise StudyError(f"'{key}' is no step of this rater")
    if step.state == "done" or key.attempt < step.attempt:
        return Rated("repeated")
    if seat.ending(now) is not None or (step.state == "lost" and not _taken_again(connection, seat, step)):
        return _surplus(connection, seat, now, step, checked)
    if step.state == "open" and step is not waiting[0]:
        raise StudyError(f"'{key}' is not the step at hand")
    if seat.row.break_until is not None and seat.row.break_until > now:
        raise StudyError("this rater is on a break")
    if step.state == "lost":
        waiting = connection.execute(OPEN_STEPS, {"rater": rater_id}).all()
    _store(connection, seat, now, step, unswapped(checked, bool(step.swapped)), client_ms)
    if step.kind == "training":
        return after_training(connection, seat, now, step, checked, last=len(waiting) == 1)
    moved = _count(connection, seat, now, step, last=len(waiting) == 1)
    if step.kind == "rated" and seat.design.stop_when is not None:
        stopping.more_if_wide(connection, seat.design, step.item_id)
    return Rated("accepted", coming=coming(moved, now, [row for row in waiting if row.id != step.id]))


def check_values(design: StudyDesign, values: Values) -> dict[str, float]:
    """One number for each dimension of the design, as it is stored; pairs as shown.

    Raises:
        StudyError: a dimension is missing or unknown, or a value is not on its scale.
    """
    wanted = {one.name: one for one in design.dimensions}
    for name in values:
        if name not in wanted:
            raise StudyError(
                f"'{str(name)[:40]}' is not judged here; this study asks for {', '.join(wanted)}"
            )
    missing = [name for name in wanted if name not in values]
    if missing:
        raise StudyError(f"no value for {', '.join(missing)}")
    return {name: _number(one, values[name]) for name, one in wanted.items()}


def _number(dimension: Dimension, value: object) -> float:
    scale, name = dimension.kind, dimension.name
    if scale == "pairwise":
        if not isinstance(value, str) or value not in _PAIR or (value == "tie" and not dimension.ties):
            rule = "first, second or tie" if dimension.ties else "first or second"
            raise StudyError(f"{name}: {rule} is expected (found {str(value)[:40]!r})")
        return _PAIR[value]
    low, high = RANGES[scale]
    number = _as_number(value)
    whole = scale in {"acr5", "yes_no"}
    if number is None or not low <= number <= high or (whole and number != int(number)):
        rule = "a whole number" if whole else "a number"
        raise StudyError(f"{name}: {rule} from {low:g} to {high:g} is expected (found {str(value)[:40]!r})")
    return number


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def unswapped(values: Mapping[str, float], swapped: bool) -> dict[str, float]:
    """Pairs as the item names them, whatever the order in which they were shown."""
    return {name: 1.0 - value if swapped else value for name, value in values.items()}


def _other_step(connection: Connection, seat: Seat, key: StepKey) -> Row[Any]:
    row = connection.execute(
        select(steps, items.c.name.label("item"))
        .join(items, items.c.id == steps.c.item_id)
        .where(steps.c.id == key.row, steps.c.rater_id == seat.id)
    ).one_or_none()
    if row is None:
        raise StudyError(f"'{key}' is no step of this rater")
    return row


def _taken_again(connection: Connection, seat: Seat, step: Row[Any]) -> bool:
    """A lapsed step whose item still has an open slot is the rater's again."""
    if step.kind != "rated":
        return True
    lock_study(connection, seat.study_id)
    slot = leases.take_again(connection, seat.id, step.item_id, "held")
    if slot is None:
        return False
    connection.execute(update(steps).where(steps.c.id == step.id).values(state="open", slot_id=slot))
    return True


def _surplus(
    connection: Connection, seat: Seat, now: int, step: Row[Any], values: Mapping[str, float]
) -> Rated:
    """Nothing is lost: an answer that can't count is kept in the trail, once."""
    detail = msgspec.json.encode({"step": step.id, "values": unswapped(values, bool(step.swapped))}).decode()
    known = connection.scalar(
        select(events.c.id).where(
            events.c.rater_id == seat.id, events.c.item_id == step.item_id, events.c.detail == detail
        )
    )
    if known is None:
        who = name_of(seat.row.number)
        tell(
            connection,
            seat.study_id,
            now,
            "surplus",
            who=who,
            rater_id=seat.id,
            item_id=step.item_id,
            detail=detail,
        )
    return Rated("not_yours")


def _store(
    connection: Connection,
    seat: Seat,
    now: int,
    step: Row[Any],
    values: Mapping[str, float],
    client_ms: int | None,
) -> None:
    began = seat.row.clock
    connection.execute(
        _ANSWER,
        {
            "step_id": step.id,
            "item_id": step.item_id,
            "rater_id": seat.id,
            "attempt": step.attempt,
            "values": msgspec.json.encode(values).decode(),
            "milliseconds": None if began is None else max(0, min(now - began, LONGEST)),
            "client_ms": None if client_ms is None else max(0, min(int(client_ms), LONGEST)),
            "rated": now,
            "counted": step.kind == "rated",
        },
    )
    connection.execute(_STEP_DONE, {"key": step.id})
    if step.kind == "rated":
        filled = connection.execute(_SLOT_RATED, {"rater": seat.id, "item": step.item_id})
        if filled.rowcount != 1:
            raise AssertionError(f"step {step.id} is open and its slot is not held")


def _count(connection: Connection, seat: Seat, now: int, step: Row[Any], *, last: bool) -> Seat:
    """Notes the rater's progress, and the break that it may bring; the seat after that."""
    row, session = seat.row, seat.design.session
    in_session = row.session_done + 1
    values: dict[str, Any] = {
        "done": row.done + 1,
        "session_done": in_session,
        "clock": now,
        "last_seen": now,
        "lease": now + lease_of(seat),
        "undoable": step.id,
        "break_until": None,
    }
    if last:
        if _session_over(connection, seat):
            values |= {
                "break_until": now + round(session.gap_minutes * MINUTE),
                "session_over": True,
                "clock": None,
            }
    elif in_session % session.break_every == 0 and session.break_minutes:
        values |= {
            "break_until": now + round(session.break_minutes * MINUTE),
            "session_over": False,
            "clock": None,
        }
    connection.execute(_RATER, {"key": seat.id, **values})
    return seat.moved(values)


def _session_over(connection: Connection, seat: Seat) -> bool:
    """Whether this session is full, and another may begin with something left to rate."""
    session, row = seat.design.session, seat.row
    if row.sessions >= session.count or not session.gap_minutes:
        return False
    lost = connection.scalar(
        select(steps.c.id)
        .where(steps.c.rater_id == seat.id, steps.c.session == row.sessions, steps.c.state == "lost")
        .limit(1)
    )
    met = select(steps.c.id).where(steps.c.rater_id == seat.id, steps.c.item_id == items.c.id).exists()
    left = connection.scalar(
        select(items.c.id)
        .where(items.c.study_id == seat.study_id, items.c.filled < items.c.slots, ~met)
        .limit(1)
    )
    return lost is None and left is not None


def undo(db: Database, now: int, rater_id: int) -> Step | None:
    """See ``Store.undo``."""

    def work(connection: Connection) -> Step | None:
        seat = read_seat(connection, rater_id, lock=True)
        row = seat.row
        if row.undoable is None or row.closed is not None or seat.ending(now) not in {None, "done"}:
            return None
        step = connection.execute(select(steps).where(steps.c.id == row.undoable)).one()
        connection.execute(
            update(answers)
            .where(answers.c.step_id == step.id, answers.c.superseded.is_(None))
            .values(superseded=now, counted=False)
        )
        if step.kind == "rated":
            connection.execute(
                update(slots)
                .where(slots.c.rater_id == rater_id, slots.c.item_id == step.item_id)
                .values(state="held")
            )
        connection.execute(
            update(steps).where(steps.c.id == step.id).values(state="open", attempt=step.attempt + 1)
        )
        connection.execute(
            update(raters)
            .where(raters.c.id == rater_id)
            .values(
                done=row.done - 1,
                session_done=row.session_done - 1,
                undoable=None,
                break_until=None,
                finished=None,
                ending=None,
                clock=now,
                last_seen=now,
                lease=now + lease_of(seat),
            )
        )
        who = name_of(row.number)
        tell(connection, seat.study_id, now, "undo", who=who, rater_id=rater_id, item_id=step.item_id)
        found = look(connection, read_seat(connection, rater_id), now)
        return found if isinstance(found, Step) else None

    return db.write(work)
