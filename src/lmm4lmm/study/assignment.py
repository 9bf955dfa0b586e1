"""Which items a rater gets: slots, taken a session at a time in one short transaction.

Least filled items first, ties by a number drawn anew each time an item is taken, so that raters who follow each other
don't get the same sets of items; among equals the generator of which this rater has seen least for its share. The
order within a session leans against where each item stood for earlier raters.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, insert, select, update

from lmm4lmm.study import leases
from lmm4lmm.study.database import Database, LostRace
from lmm4lmm.study.ordering import Planned, arranged
from lmm4lmm.study.records import Next, Waiting
from lmm4lmm.study.seats import MINUTE, Seat, lock_study, moment, read_seat
from lmm4lmm.study.showing import ended, look, ready
from lmm4lmm.study.tables import items, raters, slots, steps

FRESH = 30_000
"""A rater silent for longer than so many milliseconds was away: the clock of the step at hand starts anew."""


class Candidate(NamedTuple):
    """An item with an open slot."""

    id: int
    generator: str | None
    filled: int
    shuffle: float
    lean: float


def next_step(db: Database, now: int, rater_id: int) -> Next:
    """See ``Store.next``."""
    with db.read() as connection:
        seat = read_seat(connection, rater_id)
        ready(seat, now)
        found = look(connection, seat, now)
    fresh = (
        seat.row.last_seen is not None and now - seat.row.last_seen <= FRESH and seat.row.clock is not None
    )
    if found is not None and (fresh or seat.ending(now) is not None):
        return found
    return db.write(lambda connection: _advance(connection, now, rater_id))


def pause(db: Database, now: int, rater_id: int) -> None:
    """See ``Store.pause``."""
    away = update(raters).where(raters.c.id == rater_id).values(clock=None, last_seen=now)
    db.write(lambda connection: connection.execute(away))


def _advance(connection: Connection, now: int, rater_id: int) -> Next:
    """Takes note that the rater is here; takes new steps if there are none; says what comes."""
    seat = read_seat(connection, rater_id, lock=True)
    if (over := ended(seat, now)) is not None:
        return over
    on_break = seat.row.break_until is not None and seat.row.break_until > now
    here = {"clock": None if on_break else now, "last_seen": now}
    if seat.row.lease:
        here["lease"] = now + lease_of(seat)
    connection.execute(update(raters).where(raters.c.id == rater_id).values(**here))
    found = look(connection, read_seat(connection, rater_id), now)
    if found is not None:
        return found
    if seat.row.trained is None:
        _begin_training(connection, seat, now)
        if seat.design.training:
            return _looked(connection, rater_id, now)
    if _take(connection, seat, now):
        return _looked(connection, rater_id, now)
    if seat.row.done == 0 and (until := leases.next_lapse(connection, seat)) is not None:
        return Waiting("all images are being rated by others", moment(until))
    connection.execute(
        update(raters)
        .where(raters.c.id == rater_id)
        .values(finished=now, ending="done", lease=0, break_until=None)
    )
    over = ended(read_seat(connection, rater_id), now)
    assert over is not None
    return over


def _looked(connection: Connection, rater_id: int, now: int) -> Next:
    found = look(connection, read_seat(connection, rater_id), now)
    assert found is not None
    return found


def lease_of(seat: Seat) -> int:
    """How long this study's raters keep what they hold, milliseconds."""
    return round(seat.design.lease_minutes * MINUTE)


def _begin_training(connection: Connection, seat: Seat, now: int) -> None:
    if not seat.design.training:
        connection.execute(update(raters).where(raters.c.id == seat.id).values(trained=now))
        return
    names = [one.item for one in seat.design.training]
    rows = connection.execute(
        select(items.c.name, items.c.id).where(items.c.study_id == seat.study_id, items.c.name.in_(names))
    )
    keys = {row.name: row.id for row in rows}
    planned = [Planned(keys[name], None, "training", False) for name in names]
    _insert_steps(connection, seat, 0, 1, planned)


def _take(connection: Connection, seat: Seat, now: int) -> bool:
    """Fills the session at hand, or begins the next; whether there is something to do now."""
    lock_study(connection, seat.study_id)
    leases.sweep(connection, seat.study_id, now, but=seat.id)
    session, row = seat.design.session, seat.row
    if row.sessions and leases.reclaim(connection, seat):
        _hold(connection, seat, now)
        return True
    if row.sessions:
        had = connection.scalar(
            select(func.count()).where(
                steps.c.rater_id == seat.id,
                steps.c.session == row.sessions,
                steps.c.kind == "rated",
                steps.c.state != "lost",
            )
        )
        missing = session.items - (had or 0)
        if missing > 0 and _fill(connection, seat, now, row.sessions, missing):
            return True
    begins = row.sessions < session.count
    return begins and _fill(connection, seat, now, row.sessions + 1, session.items)


def _fill(connection: Connection, seat: Seat, now: int, session: int, wanted: int) -> bool:
    design = seat.design
    rng = random.Random(f"{design.seed}:{seat.study_id}:{seat.row.number}:{session}:{seat.row.done}")
    chosen = _choose(connection, seat, wanted)
    if not chosen:
        return False
    taken = _hold_slots(connection, seat, [row.id for row in chosen])
    new = session != seat.row.sessions
    planned = [Planned(row.id, taken[row.id][0], "rated", taken[row.id][1]) for row in chosen]
    leans = {row.id: row.lean for row in chosen}
    special = _special(connection, seat, session) if new else []
    repeats = design.repeats_a_session if new else 0
    order = arranged(planned, leans, special, repeats, rng, pairs=design.pairwise)
    position = _last_position(connection, seat, session) + 1
    _insert_steps(connection, seat, session, position, order)
    rated = [one.item for one in order if one.kind == "rated"]
    last = max(len(rated) - 1, 1)
    connection.execute(
        update(items)
        .where(items.c.id == bindparam("key"))
        .values(filled=items.c.filled + 1, shuffle=bindparam("draw"), lean=items.c.lean + bindparam("place")),
        [
            {"key": item, "draw": rng.random(), "place": place / last - 0.5}
            for place, item in enumerate(rated)
        ],
    )
    _hold(connection, seat, now, session=session, new=new)
    return True


def _choose(connection: Connection, seat: Seat, wanted: int) -> list[Candidate]:
    """Items with an open slot that this rater has not met: least filled first, generators in balance."""
    met = exists().where(steps.c.rater_id == seat.id, steps.c.item_id == items.c.id)
    candidates = connection.execute(
        select(items.c.id, items.c.generator, items.c.filled, items.c.shuffle, items.c.lean)
        .where(items.c.study_id == seat.study_id, items.c.filled < items.c.slots, ~met)
        .order_by(items.c.filled, items.c.shuffle)
        .limit(max(4 * wanted, 200))
    ).all()
    return balanced([Candidate(*row) for row in candidates], wanted)


def balanced(candidates: Sequence[Candidate], wanted: int) -> list[Candidate]:
    """The first ``wanted``, level by level; within a level generators take turns by their share of it.

    Args:
        candidates: rows with ``filled`` and ``generator``, in order.
        wanted: how many to take at most.
    """
    levels: dict[int, list[Candidate]] = defaultdict(list)
    for row in candidates:
        levels[row.filled].append(row)
    chosen: list[Candidate] = []
    share = Counter(row.generator for row in candidates)
    seen: Counter[str | None] = Counter()
    for filled in sorted(levels):
        by_generator: dict[str | None, list[Candidate]] = defaultdict(list)
        for row in reversed(levels[filled]):
            by_generator[row.generator].append(row)
        while by_generator and len(chosen) < wanted:
            name = min(by_generator, key=lambda g: ((seen[g] + 1) / share[g], by_generator[g][-1].shuffle))
            chosen.append(by_generator[name].pop())
            seen[name] += 1
            if not by_generator[name]:
                del by_generator[name]
    return chosen


def _hold_slots(connection: Connection, seat: Seat, wanted: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """Holds one open slot of each item; item -> (slot, swapped).

    Raises:
        LostRace: a slot went to somebody else meanwhile.
    """
    lowest = connection.execute(
        select(slots.c.item_id, func.min(slots.c.id))
        .where(slots.c.item_id.in_(wanted), slots.c.state == "open")
        .group_by(slots.c.item_id)
    )
    keys = [key for _, key in lowest]
    held = connection.execute(
        update(slots)
        .where(slots.c.id.in_(keys), slots.c.state == "open")
        .values(state="held", rater_id=seat.id)
        .returning(slots.c.item_id, slots.c.id, slots.c.swapped)
    ).all()
    if len(held) != len(wanted):
        raise LostRace
    return {item: (slot, bool(swapped)) for item, slot, swapped in held}


def _special(connection: Connection, seat: Seat, session: int) -> list[Planned]:
    """This session's share of gold and trap items, in the rater's own order."""
    rows = connection.execute(
        select(items.c.id, items.c.purpose)
        .where(items.c.study_id == seat.study_id, items.c.purpose.in_(("gold", "trap")))
        .order_by(items.c.id)
    ).all()
    deal = [Planned(key, None, purpose, False) for key, purpose in rows]
    random.Random(f"{seat.design.seed}:{seat.study_id}:{seat.row.number}:special").shuffle(deal)
    return deal[session - 1 :: seat.design.session.count]


def _last_position(connection: Connection, seat: Seat, session: int) -> int:
    chosen = select(func.max(steps.c.position)).where(steps.c.rater_id == seat.id, steps.c.session == session)
    return connection.scalar(chosen) or 0


def _insert_steps(
    connection: Connection, seat: Seat, session: int, first: int, planned: Sequence[Planned]
) -> None:
    rows = [
        {
            "rater_id": seat.id,
            "item_id": one.item,
            "slot_id": one.slot,
            "kind": one.kind,
            "session": session,
            "position": first + place,
            "attempt": 0,
            "swapped": one.swapped,
            "state": "open",
        }
        for place, one in enumerate(planned)
    ]
    connection.execute(insert(steps), rows)


def _hold(
    connection: Connection, seat: Seat, now: int, *, session: int | None = None, new: bool = False
) -> None:
    """Notes the lease and how much work there is in all."""
    design = seat.design
    begun = seat.row.sessions if session is None else session
    count = select(func.count()).where(
        steps.c.rater_id == seat.id, steps.c.session > 0, steps.c.state != "lost"
    )
    here = connection.scalar(count) or 0
    later = (design.session.count - begun) * (design.session.items + design.repeats_a_session)
    values: dict[str, object] = {"lease": now + lease_of(seat), "total": here + later, "sessions": begun}
    if new:
        values |= {"session_done": 0, "undoable": None, "break_until": None, "session_over": False}
    connection.execute(update(raters).where(raters.c.id == seat.id).values(**values))
