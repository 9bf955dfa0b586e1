"""Waiting: as long as a service says, and no longer than that."""

from __future__ import annotations

import pytest

from lmm4lmm.generation.pacing import Pace, duration, limit_wait


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_backoff_doubles_with_jitter_up_to_its_end() -> None:
    clock = Clock()
    pace = Pace(first=1.0, most=60.0, clock=clock, sleep=clock.sleep)
    for attempt in range(12):
        pace.back_off(attempt)
    assert all(0.5 * min(60, 2**n) <= slept <= min(60, 2**n) for n, slept in enumerate(clock.slept))
    assert len({round(slept / min(60, 2**n), 6) for n, slept in enumerate(clock.slept)}) > 6


def test_who_is_held_waits_for_the_longest_hold() -> None:
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    pace.hold(5)
    pace.hold(2)
    pace.wait()
    assert clock.now == 5
    pace.wait()
    assert clock.now == 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("12", 12),
        ("", None),
        ("1 week", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_limits_count_only_when_nothing_is_left() -> None:
    assert limit_wait({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "9s"}) == 0
    assert limit_wait({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9s"}) == 9
    assert limit_wait({"ratelimit-remaining": "0", "ratelimit-reset": "4"}) == 4
    assert limit_wait({"ratelimit-remaining": "0"}) == 0
