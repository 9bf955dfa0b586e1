"""Practice before the rating: feedback a step, and at its end whether the rater qualifies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import Rated
from lmm4lmm.study.seats import Seat, name_of, tell
from lmm4lmm.study.tables import answers, items, raters, steps
from lmm4lmm.study.wording import feedback


def after_training(
    connection: Connection, seat: Seat, now: int, step: Row[Any], values: Mapping[str, float], *, last: bool
) -> Rated:
    """Feedback on one training step; the verdict after the last one.

    The clock stands still until the next step is asked for: reading the feedback is no time on a step.
    """
    one = next(one for one in seat.design.training if one.item == step.item)
    right = as_expected(seat.design, step.item, values)
    connection.execute(update(raters).where(raters.c.id == seat.id).values(clock=None, last_seen=now))
    if last:
        _verdict(connection, seat, now)
    own = next((text for language, text in one.feedback.items() if language == seat.row.language), "")
    return Rated("accepted", feedback(right, seat.row.language, own), right)


def as_expected(design: StudyDesign, item: str, values: Mapping[str, float]) -> bool:
    """Whether an answer lies within what the design expects of this training, gold or trap item."""
    ranges: list[tuple[str, float, float]] = [
        (name, low, high)
        for one in design.training
        if one.item == item
        for name, (low, high) in one.expected.items()
    ]
    ranges += [(one.dimension, one.low, one.high) for one in design.gold if one.item == item]
    ranges += [(one.dimension, one.low, one.high) for one in design.traps if one.item == item]
    return all(low <= values[name] <= high for name, low, high in ranges)


def _verdict(connection: Connection, seat: Seat, now: int) -> None:
    rule = seat.design.qualification
    given = connection.execute(
        select(items.c.name, answers.c["values"])
        .join(steps, steps.c.id == answers.c.step_id)
        .join(items, items.c.id == steps.c.item_id)
        .where(steps.c.rater_id == seat.id, steps.c.session == 0, answers.c.superseded.is_(None))
    ).all()
    right = sum(as_expected(seat.design, name, msgspec.json.decode(text)) for name, text in given)
    attempts = seat.row.attempts + 1
    change: dict[str, object] = {"attempts": attempts}
    if right >= rule.training_right * len(given):
        change["trained"] = now
    elif attempts < rule.attempts:
        _again(connection, seat, now)
    else:
        change["ending"] = "not_qualified"
    connection.execute(update(raters).where(raters.c.id == seat.id).values(**change))
    who = name_of(seat.row.number)
    detail = f"{right} of {len(given)} as expected, attempt {attempts}"
    tell(connection, seat.study_id, now, "trained", who=who, rater_id=seat.id, detail=detail)


def _again(connection: Connection, seat: Seat, now: int) -> None:
    mine = select(steps.c.id).where(steps.c.rater_id == seat.id, steps.c.session == 0)
    connection.execute(
        update(answers)
        .where(answers.c.step_id.in_(mine), answers.c.superseded.is_(None))
        .values(superseded=now)
    )
    connection.execute(
        update(steps)
        .where(steps.c.rater_id == seat.id, steps.c.session == 0)
        .values(state="open", attempt=steps.c.attempt + 1)
    )
