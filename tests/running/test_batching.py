"""Batches: who travels together, how many, and what failures cost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import ItemError, OutOfMemoryError, WeightsError
from lmm4lmm.running import batching
from lmm4lmm.running.batching import BatchSize, Failure, Window, attempt, run_batch


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_FIRST_WAIT_S", 0.0)


# --- the window ---------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 8))
def test_everyone_leaves_once_the_oldest_first_and_with_neighbours_in_size(
    sizes: list[int], count: int
) -> None:
    window: Window[int] = Window()
    for index, size in enumerate(sizes):
        window.add(index, size)
    waiting = dict(enumerate(sizes))
    while window:
        batch = window.take(count)
        assert len(batch) == min(count, len(waiting))
        assert min(waiting) in {index for index, _ in batch}
        assert all(waiting[index] == size for index, size in batch)
        low, high = batch[0][1], batch[-1][1]
        for index, _ in batch:
            del waiting[index]
        assert not [size for size in waiting.values() if low < size < high]
    assert not waiting


def test_equal_sizes_keep_their_order() -> None:
    window: Window[str] = Window()
    for letter in "abcdef":
        window.add(letter, 5)
    assert [item for item, _ in window.take(4)] == list("abcd")
    window.add("g", 5)
    assert [item for item, _ in window.take(9)] == list("efg")


# --- the batch size -----------------------------------------------------------------------------------------


def settle(size: BatchSize, rate: dict[int, float]) -> int:
    for _ in range(50):
        size.learn(size.size, size.size, size.size / rate[size.size])
    return size.size


def test_it_doubles_while_that_pays() -> None:
    rates = {1: 10, 2: 18, 4: 30, 8: 31, 16: 99, 32: 99, 64: 99}
    assert settle(BatchSize(1, grow=True, fits=lambda: True), rates) == 4


def test_it_stops_at_the_most_and_where_memory_ends() -> None:
    rates = {2**k: 10.0 * 2**k for k in range(12)}
    assert settle(BatchSize(1, grow=True, most=16, fits=lambda: True), rates) == 16
    answers = iter([True, True, True, False, True, True])
    assert settle(BatchSize(1, grow=True, fits=lambda: next(answers)), rates) == 4


def test_a_given_size_stays_and_one_that_did_not_fit_never_comes_back() -> None:
    rates = {2**k: 10.0 * 2**k for k in range(12)}
    assert settle(BatchSize(4, grow=False), rates) == 4
    size = BatchSize(1, grow=True, fits=lambda: True)
    assert settle(size, rates) == 64
    size.shrink(64)
    assert settle(size, rates) == 32
    size.shrink(5)
    size.shrink(1)
    assert settle(size, rates) == 1


# --- failures -----------------------------------------------------------------------------------------------


def test_out_of_memory_halves_until_it_fits() -> None:
    tried: list[int] = []
    shrunk: list[int] = []

    def run(batch: Sequence[int]) -> list[int]:
        tried.append(len(batch))
        if len(batch) > 3:
            raise OutOfMemoryError("full")
        return list(batch)

    assert run_batch(run, range(10), retries=0, shrink=shrunk.append) == list(range(10))
    assert tried == [10, 5, 2, 3, 5, 2, 3]
    assert shrunk == [10, 5, 5]


@pytest.mark.parametrize("error", [OutOfMemoryError("full"), MemoryError()])
def test_an_item_that_never_fits_fails_alone(error: Exception) -> None:
    def run(batch: Sequence[int]) -> list[int]:
        if 3 in batch:
            raise error
        return list(batch)

    results = run_batch(run, range(5), retries=3, shrink=lambda failed: None)
    assert results[:3] + results[4:] == [0, 1, 2, 4]
    assert isinstance(results[3], Failure)
    assert results[3].reason.startswith("it does not fit into memory, even alone (")


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_bad_items_cost_only_themselves(raising: set[int], returned: set[int], large: set[int]) -> None:
    def run(batch: Sequence[int]) -> list[int | ItemError]:
        if len(batch) > 1 and large & set(batch):
            raise OutOfMemoryError
        if found := raising & set(batch):
            raise ValueError(f"bad {min(found)}")
        return [ItemError(f"bad {one}") if one in returned else one for one in batch]

    results = run_batch(run, range(10), retries=1, shrink=lambda failed: None)
    for number, result in enumerate(results):
        if number in raising:
            assert result == Failure(f"ValueError: bad {number}")
        elif number in returned:
            assert result == Failure(f"bad {number}")
        else:
            assert result == number


def test_what_may_pass_is_tried_again_and_what_is_bad_is_not() -> None:
    calls: list[list[str]] = []

    def run(batch: Sequence[str]) -> list[str]:
        calls.append(list(batch))
        if batch[0] == "bad":
            raise ItemError("it is bad")
        if len(calls) < 3:
            raise ConnectionError("try later")
        return list(batch)

    assert run_batch(run, ["x"], retries=2, shrink=lambda failed: None) == ["x"]
    assert calls == [["x"]] * 3
    assert run_batch(run, ["bad"], retries=2, shrink=lambda failed: None) == [Failure("it is bad")]
    assert len(calls) == 4


def test_a_wrong_number_of_results_is_never_matched_up() -> None:
    results = run_batch(lambda batch: [1], range(3), retries=0, shrink=lambda failed: None)
    assert results == [1, 1, 1]  # alone, each gives one
    lost = run_batch(lambda batch: [], range(2), retries=0, shrink=lambda failed: None)
    assert lost == [Failure("RuntimeError: 1 items gave 0 results")] * 2


def test_errors_about_the_run_end_it() -> None:
    def run(batch: Sequence[int]) -> list[int]:
        raise WeightsError("missing")

    with pytest.raises(WeightsError):
        run_batch(run, [1, 2], retries=5, shrink=lambda failed: None)
    with pytest.raises(WeightsError):
        attempt(lambda: run([1]), retries=5)


def test_attempt_retries_only_what_may_pass() -> None:
    left = [ConnectionError("a"), ConnectionError("b")]

    def flaky() -> int:
        if left:
            raise left.pop()
        return 7

    assert attempt(flaky, retries=2) == 7
    left[:] = [ConnectionError("a"), ConnectionError("a\nb")]
    assert attempt(flaky, retries=0) == Failure("ConnectionError: a b")
    assert len(left) == 1
    left[:] = [ItemError("final"), ItemError("final")]
    assert attempt(flaky, retries=5) == Failure("final")
    assert len(left) == 1
