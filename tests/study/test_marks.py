"""When a rater is marked, and when there is too little to judge by."""

from __future__ import annotations

from typing import Any

import pytest

from lmm4lmm.study.marks import MARKS, marks
from lmm4lmm.study.records import RaterProgress

CAREFUL: dict[str, Any] = {
    "id": 1,
    "name": "R001",
    "stage": "finished",
    "language": "en",
    "done": 60,
    "total": 60,
    "counted": 60,
    "median_ms": 1500.0,
    "gold_right": 7,
    "gold_seen": 10,
    "repeat_difference": 0.25,
    "repeats": 3,
    "straight_lining": 0.89,
    "last_seen": None,
    "excluded_reason": None,
}


def test_who_is_just_within_the_limits_has_no_mark() -> None:
    assert marks(RaterProgress(**CAREFUL)) == {}


@pytest.mark.parametrize(
    ("change", "mark", "figure"),
    [
        ({"gold_right": 6}, "gold", "6 of 10"),
        ({"median_ms": 1499.0}, "speed", "1.50 s"),
        ({"repeat_difference": 0.26}, "repeats", "26 % of the scale over 3 repeats"),
        ({"straight_lining": 0.9}, "straight", "90 % of the images"),
    ],
)
def test_a_mark_has_its_figures(change: dict[str, Any], mark: str, figure: str) -> None:
    found = marks(RaterProgress(**CAREFUL | change))
    assert set(found) == {mark}
    assert mark in MARKS
    assert figure in found[mark]


@pytest.mark.parametrize(
    "change",
    [
        {"gold_right": 0, "gold_seen": 2},
        {"repeat_difference": 1.0, "repeats": 2},
        {"straight_lining": 1.0, "done": 19},
        {"median_ms": None, "repeat_difference": None, "straight_lining": None},
    ],
)
def test_too_little_to_judge_by_is_no_mark(change: dict[str, Any]) -> None:
    assert marks(RaterProgress(**CAREFUL | change)) == {}
