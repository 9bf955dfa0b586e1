"""Threads: in order, bounded, and gone when nobody needs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.running.executors import ThreadExecutor


def test_results_come_in_order_however_long_each_takes() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.01 if number % 5 == 0 else 0)
        return number * number

    assert list(ThreadExecutor(4).map(slow_first, range(40))) == [number * number for number in range(40)]


def test_work_is_drawn_only_as_far_as_needed() -> None:
    drawn = 0

    def endless() -> Iterator[int]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn

    results = ThreadExecutor(2, in_flight=6).map(lambda number: number, endless())
    assert drawn == 0
    assert [next(results) for _ in range(10)] == list(range(1, 11))
    assert drawn <= 16
    results.close()  # type: ignore[attr-defined]


def test_work_runs_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=60)
    assert sorted(ThreadExecutor(3).map(lambda number: meeting.wait() * 0 + number, range(3))) == [0, 1, 2]


def test_threads_end_with_the_map_and_errors_come_through() -> None:
    before = threading.active_count()
    results = ThreadExecutor(3).map(lambda number: 1 // number, [1, 1, 0, 1])
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.active_count() == before


@pytest.mark.parametrize(("workers", "in_flight"), [(0, None), (-1, None), (1, 0)])
def test_impossible_numbers_are_refused(workers: int, in_flight: int | None) -> None:
    with pytest.raises(InputError, match="at least 1"):
        ThreadExecutor(workers, in_flight=in_flight)
