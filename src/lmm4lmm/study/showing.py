"""What a rater sees now, read from the tables without changing them: a step, a break, the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.creating import Content
from lmm4lmm.study.records import Break, Finished, Next, Step
from lmm4lmm.study.seats import Seat, moment
from lmm4lmm.study.tables import images, items, steps
from lmm4lmm.study.wording import view

AHEAD = 3
"""Steps that a screen is made of: the one at hand and those whose images are loaded meanwhile."""

_first = images.alias("first_image")
_second = images.alias("second_image")
OPEN_STEPS = (
    select(
        steps,
        items.c.content,
        items.c.name.label("item"),
        _first.c.opaque.label("opaque"),
        _second.c.opaque.label("opaque_second"),
    )
    .join(items, items.c.id == steps.c.item_id)
    .join(_first, _first.c.id == items.c.image_id)
    .outerjoin(_second, _second.c.id == items.c.second_id)
    .where(steps.c.rater_id == bindparam("rater"), steps.c.state == "open")
    .order_by(steps.c.session, steps.c.position)
    .limit(AHEAD + 1)
)
"""One more than a screen takes, so that an answer need not read again to tell what comes after it."""


@dataclass(frozen=True)
class StepKey:
    """A step's id as pages know it: the row's number, and how often it was opened."""

    row: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.row}-{self.attempt}"

    @staticmethod
    def read(text: str) -> StepKey:
        """From text.

        Raises:
            StudyError: it is no such id.
        """
        row, dash, attempt = text.partition("-")
        if not (dash and text.isascii() and row.isdigit() and attempt.isdigit() and len(text) <= 30):
            raise StudyError(f"'{text[:40]}' is no step of this rater")
        return StepKey(int(row), int(attempt))


def ready(seat: Seat, now: int) -> None:
    """Raises StudyError where the rater is not yet at training or rating."""
    stage = seat.stage(now)
    if stage in {"consent", "instructions", "viewing"}:
        raise StudyError(f"this rater is at '{stage}'; rating comes later")


def look(connection: Connection, seat: Seat, now: int) -> Next | None:
    """What this rater does now; None where new steps must be taken first."""
    if (paused := _stopped(seat, now)) is not None:
        return paused
    return coming(seat, now, connection.execute(OPEN_STEPS, {"rater": seat.id}).all())


def coming(seat: Seat, now: int, waiting: Sequence[Row[Any]]) -> Next | None:
    """The same from open steps that were read before, in order."""
    if (paused := _stopped(seat, now)) is not None:
        return paused
    return step(seat, waiting[:AHEAD]) if waiting else None


def _stopped(seat: Seat, now: int) -> Finished | Break | None:
    """The end, or a break, where there is one."""
    if (over := ended(seat, now)) is not None:
        return over
    row = seat.row
    if row.break_until is None or row.break_until <= now:
        return None
    return Break(
        moment(row.break_until),
        row.done,
        max(row.total, row.done),
        row.session_over,
        row.undoable is not None,
    )


def ended(seat: Seat, now: int) -> Finished | None:
    """The end, where there is nothing more to do."""
    ending = seat.ending(now)
    if ending is None:
        return None
    can_undo = ending == "done" and seat.row.undoable is not None and seat.row.closed is None
    return Finished(seat.code(now), ending, can_undo)


def step(seat: Seat, found: Sequence[Row[Any]]) -> Step:
    """The first of these rows as a screen; the images of the others are loaded ahead."""
    here, row = found[0], seat.row
    training = here.kind == "training"
    content = msgspec.json.decode(here.content, type=Content)
    prompt, question = content.prompt(row.language), content.question(row.language)
    if here.kind == "trap":
        prompt = _trap_prompt(seat, here.item) or prompt
    return Step(
        id=str(StepKey(here.id, here.attempt)),
        position=here.position if training else row.done + 1,
        total=len(seat.design.training) if training else max(row.total, row.done + 1),
        kind_shown="training" if training else "rating",
        images=shown(here),
        prompt=prompt,
        question=question,
        task=content.task,
        dimensions=tuple(view(one, row.language, question) for one in seat.design.dimensions),
        preload=tuple(dict.fromkeys(name for later in found[1:] for name in shown(later))),
        can_undo=row.undoable is not None,
    )


def shown(row: Row[Any]) -> tuple[str, ...]:
    """The opaque ids of a step's images, in the order in which they are shown."""
    if row.opaque_second is None:
        return (str(row.opaque),)
    pair = (str(row.opaque), str(row.opaque_second))
    return pair[::-1] if row.swapped else pair


def _trap_prompt(seat: Seat, item: str) -> str:
    words = next((trap.prompt for trap in seat.design.traps if trap.item == item), {})
    return next((text for language, text in words.items() if language == seat.row.language), "")
