"""What was rated, how far a study is, and everything that happened in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from lmm4lmm.study.creating import Content
from lmm4lmm.study.database import Database
from lmm4lmm.study.rater_quality import rater_progress
from lmm4lmm.study.records import (
    AuditRow,
    ImageFile,
    ItemProgress,
    Progress,
    RatingRow,
    StudyInfo,
)
from lmm4lmm.study.seats import Seat, decode, maybe_moment, moment, name_of, study_row
from lmm4lmm.study.tables import answers, events, images, items, raters, slots, steps, studies


def studies_of(connection: Connection) -> list[StudyInfo]:
    """See ``Store.studies``."""
    return [_info(connection, row) for row in connection.execute(select(studies).order_by(studies.c.name))]


def study_info(connection: Connection, name: str) -> StudyInfo:
    """See ``Store.study``."""
    return _info(connection, study_row(connection, name))


def _info(connection: Connection, row: Row[Any]) -> StudyInfo:
    count = select(func.count()).where(items.c.study_id == row.id, items.c.wanted > 0)
    return StudyInfo(
        name=row.name,
        design=decode(row.design),
        created=moment(row.created),
        closed=maybe_moment(row.closed),
        items=connection.scalar(count) or 0,
        has_password=row.password is not None,
    )


def image(db: Database, opaque_id: str) -> ImageFile | None:
    """See ``Store.image``."""
    with db.read() as connection:
        row = connection.execute(
            select(images.c.path, images.c.media_type, studies.c.folder)
            .join(studies, studies.c.id == images.c.study_id)
            .where(images.c.opaque == opaque_id)
        ).one_or_none()
    return None if row is None else ImageFile(Path(row.folder) / row.path, row.media_type)


def image_ids(db: Database, name: str) -> dict[str, str]:
    """See ``Store.image_ids``."""
    with db.read() as connection:
        study = study_row(connection, name)
        rows = connection.execute(
            select(images.c.name, images.c.opaque).where(images.c.study_id == study.id)
        ).all()
    return {row.name: row.opaque for row in rows}


def progress(db: Database, now: int, name: str) -> Progress:
    """See ``Store.progress``."""
    with db.read() as connection:
        study = study_row(connection, name)
        filled = _by_item(connection, study.id)
        found = connection.execute(
            select(items).where(items.c.study_id == study.id, items.c.slots > 0).order_by(items.c.name)
        )
        rows = [
            ItemProgress(row.name, row.generator, *filled.get(row.id, (0, 0)), wanted=row.slots)
            for row in found
        ]
        design = decode(study.design)
        seats = connection.execute(
            select(raters, studies.c.name.label("study"), studies.c.design, studies.c.closed)
            .join(studies, studies.c.id == raters.c.study_id)
            .where(raters.c.study_id == study.id)
            .order_by(raters.c.number)
        ).all()
        people = rater_progress(connection, [Seat(row, design) for row in seats], now)
    return Progress(
        study=name,
        got=sum(row.got for row in rows),
        held=sum(row.held for row in rows),
        wanted=sum(row.wanted for row in rows),
        closed=maybe_moment(study.closed),
        items=tuple(rows),
        raters=tuple(people),
    )


def _by_item(connection: Connection, study_id: int) -> dict[int, tuple[int, int]]:
    """Slots rated and held, by item."""
    counts = connection.execute(
        select(slots.c.item_id, slots.c.state, func.count())
        .join(items, items.c.id == slots.c.item_id)
        .where(items.c.study_id == study_id, slots.c.state != "open")
        .group_by(slots.c.item_id, slots.c.state)
    )
    found: dict[int, tuple[int, int]] = {}
    for item, state, count in counts:
        got, held = found.get(item, (0, 0))
        found[item] = (got + count, held) if state == "rated" else (got, held + count)
    return found


_first, _second = images.alias("first_image"), images.alias("second_image")


def ratings(db: Database, name: str, *, with_excluded: bool) -> list[RatingRow]:
    """See ``Store.ratings``."""
    with db.read() as connection:
        study = study_row(connection, name)
        wanted = [items.c.study_id == study.id, answers.c.superseded.is_(None), steps.c.kind != "training"]
        if not with_excluded:
            wanted += [raters.c.excluded.is_(None)]
            wanted += [(steps.c.kind != "rated") | answers.c.counted.is_(True)]
        found = connection.execute(
            select(
                answers,
                steps.c.kind,
                steps.c.session,
                steps.c.position,
                steps.c.swapped,
                items.c.content,
                raters.c.number,
                raters.c.excluded,
                _first.c.name.label("first"),
                _first.c.generator.label("generator"),
                _second.c.name.label("second"),
                _second.c.generator.label("generator_second"),
            )
            .join(steps, steps.c.id == answers.c.step_id)
            .join(items, items.c.id == answers.c.item_id)
            .join(raters, raters.c.id == answers.c.rater_id)
            .join(_first, _first.c.id == items.c.image_id)
            .outerjoin(_second, _second.c.id == items.c.second_id)
            .where(*wanted)
            .order_by(raters.c.number, steps.c.session, steps.c.position)
        ).all()
    return [row for answer in found for row in _rows(answer)]


def _rows(answer: Row[Any]) -> Iterable[RatingRow]:
    content = msgspec.json.decode(answer.content, type=Content)
    values = msgspec.json.decode(answer._mapping["values"], type=dict[str, float])
    for dimension, value in values.items():
        yield RatingRow(
            rater=name_of(answer.number),
            item=answer.first,
            dimension=dimension,
            rating=value,
            kind=answer.kind,
            milliseconds=answer.milliseconds,
            rated_at=moment(answer.rated),
            excluded=answer.excluded is not None,
            counted=bool(answer.counted),
            session=answer.session,
            position=answer.position,
            client_ms=answer.client_ms,
            generator=answer.generator,
            prompt=content.prompt(""),
            task=content.task or None,
            item_b=answer.second,
            generator_b=answer.generator_second,
            swapped=bool(answer.swapped),
        )


def audit(db: Database, name: str) -> list[AuditRow]:
    """See ``Store.audit``."""
    with db.read() as connection:
        study = study_row(connection, name)
        happened = connection.execute(
            select(events, raters.c.number, items.c.name.label("item"))
            .outerjoin(raters, raters.c.id == events.c.rater_id)
            .outerjoin(items, items.c.id == events.c.item_id)
            .where(events.c.study_id == study.id)
        ).all()
        given = connection.execute(
            select(answers, steps.c.kind, raters.c.number, items.c.name.label("item"))
            .join(steps, steps.c.id == answers.c.step_id)
            .join(raters, raters.c.id == answers.c.rater_id)
            .join(items, items.c.id == answers.c.item_id)
            .where(raters.c.study_id == study.id)
        ).all()
    rows = [
        (row.at, 0, row.id, AuditRow(moment(row.at), row.who, row.action, _named(row), row.item, row.detail))
        for row in happened
    ]
    rows += [
        (
            row.rated,
            1,
            row.id,
            AuditRow(moment(row.rated), name_of(row.number), "rated", _named(row), row.item, _said(row)),
        )
        for row in given
    ]
    return [row for *_, row in sorted(rows, key=lambda row: row[:3])]


def _named(row: Row[Any]) -> str | None:
    return None if row.number is None else name_of(row.number)


def _said(row: Row[Any]) -> str:
    """An answer in words: what it was, what it was for, and whether it stands and counts."""
    fate = "counts" if row.counted else "taken back" if row.superseded is not None else "stands"
    if not row.counted and row.superseded is None and row.kind == "rated":
        fate = "does not count"
    return f"{row._mapping['values']} ({row.kind}, {fate}, attempt {row.attempt + 1})"
