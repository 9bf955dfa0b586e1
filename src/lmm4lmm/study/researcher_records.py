"""What only researchers see: how far a study is, how raters work, what they said, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lmm4lmm.study.states import Kind, Stage


@dataclass(frozen=True)
class ItemProgress:
    """How far an item is: ratings that count, places held by raters now, ratings wanted."""

    item: str
    generator: str | None
    got: int
    held: int
    wanted: int


@dataclass(frozen=True)
class RaterProgress:
    """How a rater works; quality figures are None where there is nothing to judge by.

    Attributes:
        counted: ratings that count towards the items' N.
        median_ms: median time a step by the server's clock, milliseconds.
        gold_right, gold_seen: answers to gold and trap items within what was expected, and how many there were.
        repeat_difference: mean absolute difference between an item's first and repeated answer, as a share of
            the scale (0 equal, 1 end to end), over ``repeats`` repeats and all dimensions.
        straight_lining: share of the most frequent value of the dimension where that is largest, 0 to 1.
    """

    id: int
    name: str
    stage: Stage
    language: str
    done: int
    total: int
    counted: int
    median_ms: float | None
    gold_right: int
    gold_seen: int
    repeat_difference: float | None
    repeats: int
    straight_lining: float | None
    last_seen: datetime | None
    excluded_reason: str | None


@dataclass(frozen=True)
class Progress:
    """A study's state: ``got`` of ``wanted`` ratings count, ``held`` places are being worked on."""

    study: str
    got: int
    held: int
    wanted: int
    closed: datetime | None
    items: tuple[ItemProgress, ...]
    raters: tuple[RaterProgress, ...]


@dataclass(frozen=True)
class RatingRow:
    """One raw judgement.

    Attributes:
        item: the item's id; for pairs that of the first image, ``item_b`` that of the second.
        rating: on the dimension's own scale; for pairs 1 (``item`` preferred), 0 (``item_b``) or 0.5 (tie),
            whatever the order in which they were shown.
        milliseconds: time on task by the server's clock, without breaks and pauses; None where it stood still.
            ``client_ms`` what the browser said.
        counted: whether it is one of the item's N.
        excluded: whether its rater is excluded.
        swapped: whether a pair was shown the other way round.
    """

    rater: str
    item: str
    dimension: str
    rating: float
    kind: Kind
    milliseconds: int | None
    rated_at: datetime
    excluded: bool
    counted: bool
    session: int
    position: int
    client_ms: int | None
    generator: str | None
    prompt: str
    task: str | None
    item_b: str | None = None
    generator_b: str | None = None
    swapped: bool = False


@dataclass(frozen=True)
class AuditRow:
    """Something that happened: ``who`` is ``researcher``, a name, a rater, or ``store``; ``detail`` plain text."""

    at: datetime
    who: str
    action: str
    rater: str | None
    item: str | None
    detail: str
