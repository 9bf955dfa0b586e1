"""The engine: every item has one outcome, in order, whatever fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running_fakes import Counting, Doubling

from lmm4lmm.core.errors import InputError, ItemError, JournalError, WeightsError
from lmm4lmm.running import batching
from lmm4lmm.running.engine import run_job
from lmm4lmm.running.journal import Journal


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_FIRST_WAIT_S", 0.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal", purpose="test") as opened:
        yield opened


def item_error(text: str) -> None:
    raise ItemError(text)


# --- order and sameness -------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    work=st.lists(st.integers(0, 30), max_size=60),
    batch_size=st.sampled_from([1, 3, 8, "auto"]),
    workers=st.sampled_from([1, 4]),
    use_journal=st.booleans(),
)
def test_outcomes_depend_on_the_work_alone(
    tmp_path_factory: pytest.TempPathFactory,
    work: list[int],
    batch_size: int,
    workers: int,
    use_journal: bool,
) -> None:
    def bad(number: int) -> None:
        if number % 7 == 6:
            raise ItemError(f"bad {number}")

    def fails(number: int) -> None:
        if number % 11 == 10:
            raise RuntimeError(f"fails {number}")

    job = Doubling(cost=lambda number: number % 5 + 1, bad=bad, fails=fails, capacity=20)
    journal = Journal.open(tmp_path_factory.mktemp("j") / "j", purpose="test") if use_journal else None
    found = list(run_job(job, work, journal=journal, batch_size=batch_size, workers=workers))  # type: ignore[arg-type]
    if journal is not None:
        journal.close()
    assert [outcome.work for outcome in found] == work
    for outcome in found:
        number = outcome.work
        expected = (
            f"bad {number}"
            if number % 7 == 6
            else f"RuntimeError: fails {number}"
            if number % 11 == 10
            else None
        )
        assert outcome.error == expected
        assert outcome.result == (2 * number if expected is None else None)


def test_items_of_like_size_share_a_batch() -> None:
    job = Doubling(cost=lambda number: 100 if number % 2 else 1)
    assert [outcome.result for outcome in run_job(job, range(32), batch_size=4)] == list(range(0, 64, 2))
    assert len([batch for batch in job.batches if len({number % 2 for number in batch}) == 1]) == 8


def test_no_work_at_all() -> None:
    progress = Counting()
    assert list(run_job(Doubling(), [], progress=progress)) == []
    assert (progress.total, progress.finished) == (0, 1)


# --- bounded ------------------------------------------------------------------------------------------------


def test_a_million_items_cost_a_window() -> None:
    drawn = 0

    def million() -> Iterator[int]:
        nonlocal drawn
        for number in range(1_000_000):
            drawn = number
            yield number

    job = Doubling()
    outcomes = run_job(job, million(), batch_size=8, workers=2)
    assert drawn == 0
    assert [outcome.result for outcome in islice(outcomes, 100)] == list(range(0, 200, 2))
    assert drawn < 100 + 4 * 8 + 2 * 4 + 8
    outcomes.close()  # type: ignore[attr-defined]


def test_a_slow_item_among_many_known_ones_does_not_fill_the_memory(journal: Journal) -> None:
    journal.put({f"key {number}": str(2 * number).encode() for number in range(1, 5000)})
    drawn = 0

    def work() -> Iterator[int]:
        nonlocal drawn
        for number in range(5000):
            drawn = number
            yield number

    outcomes = run_job(Doubling(), work(), journal=journal, batch_size=64, workers=2)
    assert next(outcomes).result == 0
    assert drawn < 1100
    assert sum(outcome.cached for outcome in outcomes) == 4999


def test_the_threads_are_gone_when_the_caller_stops() -> None:
    before = threading.active_count()
    progress = Counting()
    outcomes = run_job(Doubling(), count(), workers=3, progress=progress)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert progress.finished == 1


def test_preparing_goes_on_while_a_batch_runs() -> None:
    running, met = threading.Event(), threading.Event()

    def bad(number: int) -> None:
        if number == 18:  # the last that is in flight when the first batch of 4 runs
            met.set() if running.wait(timeout=60) else None

    def fails(number: int) -> None:
        running.set()
        assert met.wait(timeout=60)

    found = list(run_job(Doubling(bad=bad, fails=fails), range(24), batch_size=4, workers=2))
    assert [outcome.error for outcome in found] == [None] * 24


# --- resume -------------------------------------------------------------------------------------------------


def test_a_second_run_computes_nothing(journal: Journal) -> None:
    list(run_job(Doubling(), range(50), journal=journal))
    again, progress = Doubling(), Counting()
    found = list(run_job(again, range(60), journal=journal, progress=progress))
    assert [outcome.result for outcome in found] == list(range(0, 120, 2))
    assert sorted(again.computed) == sorted(again.prepared) == list(range(50, 60))
    assert [outcome.cached for outcome in found] == [True] * 50 + [False] * 10
    assert progress.counts == {"done": 10, "cached": 50, "failed": 0}


def test_equal_items_are_computed_once(journal: Journal) -> None:
    job = Doubling()
    found = list(run_job(job, [1, 2, 1, 3] * 500, journal=journal, batch_size=2))
    assert [outcome.result for outcome in found] == [2, 4, 2, 6] * 500
    assert set(job.computed.values()) == {1}
    assert sum(not outcome.cached for outcome in found) == 3


def test_equal_items_that_fail_all_say_so() -> None:
    job = Doubling(fails=lambda number: item_error("no") if number == 1 else None)
    assert [outcome.error for outcome in run_job(job, [1, 2, 1], batch_size=3)] == ["no", None, "no"]


def test_failures_are_not_remembered(journal: Journal) -> None:
    broken = Doubling(fails=lambda number: item_error("no") if number % 2 else None)
    first = list(run_job(broken, range(10), journal=journal, batch_size=4))
    assert [outcome.error for outcome in first] == [None, "no"] * 5
    mended = Doubling()
    second = list(run_job(mended, range(10), journal=journal))
    assert [outcome.result for outcome in second] == list(range(0, 20, 2))
    assert sorted(mended.computed) == [1, 3, 5, 7, 9]


def test_a_result_that_can_not_be_decoded_is_computed_again(journal: Journal) -> None:
    journal.put({"key 1": b"what is this"})
    assert [outcome.result for outcome in run_job(Doubling(), [1], journal=journal)] == [2]
    assert journal.get(["key 1"]) == {"key 1": b"2"}


def test_each_batch_is_recorded_before_the_next_begins(journal: Journal) -> None:
    seen: list[int] = []
    job = Doubling(fails=lambda number: seen.append(len(journal)))
    list(run_job(job, range(12), journal=journal, batch_size=4))
    assert seen == [0] * 4 + [4] * 4 + [8] * 4


# --- errors -------------------------------------------------------------------------------------------------


def test_loading_is_retried_when_that_may_help() -> None:
    class Flaky(Doubling):
        def load(self, work: int) -> tuple[str, int]:
            loaded = super().load(work)
            if self.loaded[work] <= work:
                raise ConnectionError("the network is away")
            return loaded

    found = list(run_job(Flaky(), [0, 1, 2, 3], retries=2))
    assert [outcome.result for outcome in found] == [0, 2, 4, None]
    assert found[3].error == "ConnectionError: the network is away"


def test_running_out_of_memory_costs_no_item() -> None:
    job = Doubling(capacity=5)
    progress = Counting()
    found = list(run_job(job, range(40), batch_size=16, progress=progress))
    assert [outcome.result for outcome in found] == list(range(0, 80, 2))
    assert max(map(len, job.batches[8:])) <= 4  # never tried again at a size that did not fit
    assert progress.counts == {"done": 40, "failed": 0, "cached": 0}


def test_an_item_too_large_for_memory_fails_alone() -> None:
    job = Doubling(cost=lambda number: 100 if number == 5 else 1, capacity=50)
    errors = [outcome.error for outcome in run_job(job, range(10), batch_size=10)]
    assert errors[5] == "it does not fit into memory, even alone (OutOfMemoryError: full)"
    assert errors[:5] + errors[6:] == [None] * 9


def test_errors_about_the_run_end_it_and_keep_what_was_done(journal: Journal) -> None:
    def fails(number: int) -> None:
        if number == 9:
            raise WeightsError("gone")

    progress = Counting()
    with pytest.raises(WeightsError, match="gone"):
        list(run_job(Doubling(fails=fails), range(20), journal=journal, batch_size=4, progress=progress))
    assert len(journal) == 8
    assert progress.finished == 1


def test_a_journal_that_can_not_be_written_ends_the_run(journal: Journal) -> None:
    journal._database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(JournalError, match="the disk is full"):
        list(run_job(Doubling(), range(20_000), journal=journal, batch_size=512))


def test_control_c_leaves_the_journal_whole(journal: Journal) -> None:
    before = threading.active_count()

    def fails(number: int) -> None:
        if number == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_job(Doubling(fails=fails), range(20), journal=journal, batch_size=4))
    assert len(journal) == 8
    assert threading.active_count() == before
    assert len(list(run_job(Doubling(), range(20), journal=journal))) == 20


def test_a_source_that_breaks_off_is_finished_first(journal: Journal) -> None:
    def source() -> Iterator[int]:
        yield from range(10)
        raise InputError("row 11 is wrong")

    outcomes = run_job(Doubling(), source(), journal=journal, batch_size=64)
    assert [next(outcomes).result for _ in range(10)] == list(range(0, 20, 2))
    with pytest.raises(InputError, match="row 11"):
        next(outcomes)


def test_a_result_that_can_not_be_encoded_is_that_items_error(journal: Journal) -> None:
    class Odd(Doubling):
        def encode(self, result: int) -> bytes:
            if result == 4:
                raise TypeError("no such type")
            return super().encode(result)

    found = list(run_job(Odd(), range(4), journal=journal, batch_size=4))
    assert [outcome.error for outcome in found] == [None, None, "TypeError: no such type", None]
    assert len(journal) == 3


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"retries": -1}, {"workers": 0}])
def test_impossible_settings_are_refused_before_anything_runs(options: dict[str, int]) -> None:
    with pytest.raises(InputError):
        run_job(Doubling(), [1], **options)  # type: ignore[arg-type]


def test_time_is_shared_out_among_the_batch() -> None:
    found = list(run_job(Doubling(seconds=0.02), [1, 2, 1], batch_size=2))
    assert found[0].seconds == found[1].seconds >= 0.01
    assert found[2].seconds == 0
