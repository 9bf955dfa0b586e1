"""What the instructions show: images of the training that the design says something about."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from lmm4lmm.study.creating import Content
from lmm4lmm.study.database import Database
from lmm4lmm.study.records import Example
from lmm4lmm.study.seats import decode, study_row
from lmm4lmm.study.tables import images, items

MOST = 4


def examples(db: Database, name: str, language: str) -> tuple[Example, ...]:
    """See ``Store.examples``."""
    with db.read() as connection:
        study = study_row(connection, name)
        design = decode(study.design)
        if design.pairwise or design.qualification.training_right > 0:
            return ()
        notes = {
            one.item: one.feedback.get("zh" if language == "zh" else "en", "") for one in design.training
        }
        wanted = [item for item, note in notes.items() if note][:MOST]
        rows = connection.execute(
            select(items.c.name, items.c.content, images.c.opaque)
            .join(images, images.c.id == items.c.image_id)
            .where(items.c.study_id == study.id, items.c.name.in_(wanted))
        ).all()
    found = {row.name: row for row in rows}
    return tuple(
        Example(
            found[item].opaque,
            msgspec.json.decode(found[item].content, type=Content).prompt(language),
            notes[item],
        )
        for item in wanted
    )
