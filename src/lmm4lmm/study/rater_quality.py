"""How each rater works: speed, gold, repeats, straight-lining. Read from their answers, in one pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from lmm4lmm.study.design import RANGES, StudyDesign
from lmm4lmm.study.records import RaterProgress
from lmm4lmm.study.seats import Seat, maybe_moment, name_of
from lmm4lmm.study.tables import answers, items, raters, steps
from lmm4lmm.study.training import as_expected


class _Work:
    """One rater's answers, taken apart."""

    def __init__(self, rows: Sequence[Row[Any]]) -> None:
        values = [msgspec.json.decode(row._mapping["values"], type=dict[str, float]) for row in rows]
        self.rows = list(zip(rows, values, strict=True))

    def of(self, *kinds: str) -> list[tuple[Row[Any], dict[str, float]]]:
        """The answers of these kinds."""
        return [(row, values) for row, values in self.rows if row.kind in kinds]


def rater_progress(connection: Connection, seats: Sequence[Seat], now: int) -> list[RaterProgress]:
    """Every rater of one study, in the order given."""
    if not seats:
        return []
    found = connection.execute(
        select(answers, steps.c.kind, items.c.name.label("item"))
        .join(steps, steps.c.id == answers.c.step_id)
        .join(items, items.c.id == answers.c.item_id)
        .join(raters, raters.c.id == answers.c.rater_id)
        .where(
            raters.c.study_id == seats[0].study_id,
            answers.c.superseded.is_(None),
            steps.c.kind != "training",
        )
    )
    by_rater: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in found:
        by_rater[row.rater_id].append(row)
    return [_one(seat, _Work(by_rater[seat.id]), now) for seat in seats]


def _one(seat: Seat, work: _Work, now: int) -> RaterProgress:
    design, row = seat.design, seat.row
    times = [answer.milliseconds for answer, _ in work.rows if answer.milliseconds is not None]
    gold = [as_expected(design, answer.item, values) for answer, values in work.of("gold", "trap")]
    difference, repeats = repeat_difference(design, work)
    return RaterProgress(
        id=seat.id,
        name=name_of(row.number),
        stage=seat.stage(now),
        language=row.language,
        done=row.done,
        total=max(row.total, row.done),
        counted=sum(bool(answer.counted) for answer, _ in work.rows),
        median_ms=float(median(times)) if times else None,
        gold_right=sum(gold),
        gold_seen=len(gold),
        repeat_difference=difference,
        repeats=repeats,
        straight_lining=straight_lining([values for _, values in work.of("rated")]),
        last_seen=maybe_moment(row.last_seen),
        excluded_reason=row.excluded_reason,
    )


def repeat_difference(design: StudyDesign, work: _Work) -> tuple[float | None, int]:
    """Mean distance between first and repeated answers as a share of the scale, and how many repeats there are."""
    first = {row.item_id: values for row, values in work.of("rated")}
    pairs = [(first[row.item_id], values) for row, values in work.of("repeat") if row.item_id in first]
    spans = {one.name: RANGES[one.kind][1] - RANGES[one.kind][0] for one in design.dimensions}
    apart = [abs(a[name] - b[name]) / span for a, b in pairs for name, span in spans.items()]
    return (fmean(apart) if apart else None), len(pairs)


def straight_lining(given: Sequence[dict[str, float]]) -> float | None:
    """The share of the most frequent value, of the dimension where that is largest; None below two answers."""
    if len(given) < 2:
        return None
    names = given[0].keys()
    return max(max(Counter(values[name] for values in given).values()) / len(given) for name in names)
