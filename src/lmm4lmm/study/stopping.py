"""When an item has ratings enough: its N, or more where people differ (``Stopping`` in ``design``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import stdev

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.tables import answers, items, slots


def more_if_wide(connection: Connection, design: StudyDesign, item_id: int) -> None:
    """Adds one slot to an item that is full and whose interval is too wide still."""
    rule = design.stop_when
    assert rule is not None
    # Two raters who finish an item at once wait for each other here, so that one of them sees it full.
    item = connection.execute(
        select(items).where(items.c.id == item_id).with_for_update(key_share=True)
    ).one()
    if item.slots >= rule.max_ratings:
        return
    unrated = select(func.count()).where(slots.c.item_id == item_id, slots.c.state != "rated")
    if connection.scalar(unrated):
        return
    given = connection.scalars(
        select(answers.c["values"]).where(answers.c.item_id == item_id, answers.c.counted.is_(True))
    ).all()
    values = [msgspec.json.decode(text, type=dict[str, float]) for text in given]
    names = [one.name for one in design.dimensions if one.kind in {"acr5", "slider"}]
    widths = [half_width([row[name] for row in values]) for name in names]
    if not any(width is None or width > rule.half_width for width in widths):
        return
    number = item.slots + 1
    swapped = item.second_id is not None and number % 2 == 1
    connection.execute(insert(slots).values(item_id=item_id, number=number, swapped=swapped, state="open"))
    connection.execute(update(items).where(items.c.id == item_id).values(slots=number))


def half_width(values: Sequence[float], confidence: float = 0.95) -> float | None:
    """Half the interval of a mean by Student's t; None for fewer than two values. Equal values give 0."""
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return None
    return float(stdtrit(n - 1, 0.5 + confidence / 2)) * stdev(values) / math.sqrt(n)
