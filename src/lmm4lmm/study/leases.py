"""Slots whose raters went away: given back, and taken up again when the rater returns and they are still free."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, func, select, update

from lmm4lmm.study.seats import Seat, tell
from lmm4lmm.study.tables import items, raters, slots, steps


def sweep(connection: Connection, study_id: int, now: int, *, but: int) -> None:
    """Opens the slots of all raters whose lease has run out, except those of ``but``.

    A rater who is answering at this moment is left alone.
    """
    lapsed = connection.scalars(
        select(raters.c.id)
        .where(raters.c.study_id == study_id, raters.c.lease > 0, raters.c.lease < now, raters.c.id != but)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    for rater_id in lapsed:
        given = release(connection, rater_id, ("held",))
        connection.execute(update(raters).where(raters.c.id == rater_id).values(lease=0))
        if given:
            tell(connection, study_id, now, "lease ran out", rater_id=rater_id, detail=f"{len(given)} items")


def release(connection: Connection, rater_id: int, states: Sequence[str]) -> list[int]:
    """Opens a rater's slots of these states and marks all unanswered steps lost; the items of those slots."""
    given = connection.scalars(
        select(slots.c.item_id).where(slots.c.rater_id == rater_id, slots.c.state.in_(states))
    ).all()
    connection.execute(
        update(slots)
        .where(slots.c.rater_id == rater_id, slots.c.state.in_(states))
        .values(state="open", rater_id=None)
    )
    for item in sorted(given):
        connection.execute(update(items).where(items.c.id == item).values(filled=items.c.filled - 1))
    connection.execute(
        update(steps)
        .where(steps.c.rater_id == rater_id, steps.c.state == "open", steps.c.session > 0)
        .values(state="lost")
    )
    return list(given)


def take_again(connection: Connection, rater_id: int, item_id: int, state: str) -> int | None:
    """One open slot of this item for this rater, in this state; None where all are taken."""
    slot = connection.scalar(
        select(func.min(slots.c.id)).where(slots.c.item_id == item_id, slots.c.state == "open")
    )
    if slot is None:
        return None
    taken = connection.execute(
        update(slots)
        .where(slots.c.id == slot, slots.c.state == "open")
        .values(state=state, rater_id=rater_id)
    )
    if taken.rowcount != 1:
        return None
    connection.execute(update(items).where(items.c.id == item_id).values(filled=items.c.filled + 1))
    return int(slot)


def reclaim(connection: Connection, seat: Seat) -> int:
    """Reopens lost steps of the session at hand whose items still have an open slot; how many.

    Gold, traps, and repeats whose first showing is open or done, need no slot.
    """
    found = connection.execute(
        select(steps.c.id, steps.c.item_id, steps.c.kind)
        .where(steps.c.rater_id == seat.id, steps.c.state == "lost", steps.c.session == seat.row.sessions)
        .order_by(steps.c.position)
    ).all()
    reopened = 0
    for step_id, item_id, kind in found:
        slot = None
        if kind == "rated":
            slot = take_again(connection, seat.id, item_id, "held")
            if slot is None:
                continue
        elif kind == "repeat" and not _first_showing(connection, seat.id, item_id):
            continue
        connection.execute(update(steps).where(steps.c.id == step_id).values(state="open", slot_id=slot))
        reopened += 1
    return reopened


def _first_showing(connection: Connection, rater_id: int, item_id: int) -> bool:
    return bool(
        connection.scalar(
            select(
                exists().where(
                    steps.c.rater_id == rater_id,
                    steps.c.item_id == item_id,
                    steps.c.kind == "rated",
                    steps.c.state != "lost",
                )
            )
        )
    )


def next_lapse(connection: Connection, seat: Seat) -> int | None:
    """When the next slot that this rater might get may come free; None if there is none to come."""
    met = exists().where(steps.c.rater_id == seat.id, steps.c.item_id == slots.c.item_id)
    until: int | None = connection.scalar(
        select(func.min(raters.c.lease))
        .join(slots, slots.c.rater_id == raters.c.id)
        .where(raters.c.study_id == seat.study_id, slots.c.state == "held", raters.c.id != seat.id, ~met)
    )
    return until
