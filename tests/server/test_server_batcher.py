"""The queue: batches form, memory and places are bounded, what nobody waits for is dropped, pairs stay pairs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from server_fakes import Known, expected, png, until

from lmm4lmm.core.errors import ItemError, OutOfMemoryError
from lmm4lmm.core.records import Item
from lmm4lmm.server.batcher import Batcher
from lmm4lmm.server.limits import Limits
from lmm4lmm.server.memory import Memory
from lmm4lmm.server.refusals import Refused
from lmm4lmm.server.watching import Watch


class Desk:
    """A running batcher and a short way to submit."""

    def __init__(self, metric: Known, **limits: Any) -> None:
        self.metric = metric
        self.batcher = Batcher(metric, Limits(**limits), Watch())
        self.batcher.start()

    def items(self, *prompts: str) -> list[tuple[Item, Any]]:
        return [
            (Item(id=p, path=Path(p), image=p, prompt=p), lambda n=n: png(n)) for n, p in enumerate(prompts)
        ]

    def ask(self, *prompts: str) -> list[Any]:
        with self.batcher.admitted(len(prompts)) as stay:
            futures = [stay.submit(item, content) for item, content in self.items(*prompts)]
            return [future.result(30) for future in futures]


@pytest.fixture
def desks() -> Iterator[Any]:
    made: list[Desk] = []

    def make(metric: Known | None = None, **limits: Any) -> Desk:
        made.append(Desk(metric or Known(), **limits))
        return made[-1]

    yield make
    for desk in made:
        desk.metric.gate.set()
        desk.batcher.stop()


def test_a_crowd_shares_batches_and_everybody_gets_their_own(desks: Any) -> None:
    desk = desks(Known(seconds=0.005), batch=8, queue=500)
    with ThreadPoolExecutor(32) as crowd:
        found = list(crowd.map(lambda n: desk.ask(f"prompt {n}")[0], range(300)))
    assert found == [expected(0, f"prompt {n}") for n in range(300)]
    sizes = [len(batch) for batch in desk.metric.batches]
    assert max(sizes) <= 8
    assert sum(sizes) / len(sizes) > 3, "they hardly met"


def test_a_lone_client_does_not_wait_for_company(desks: Any) -> None:
    desk = desks(wait_seconds=60.0)
    began = time.monotonic()
    desk.ask("alone")
    assert time.monotonic() - began < 30


def test_the_model_waits_for_items_that_are_about_to_be_ready_but_not_for_ever(desks: Any) -> None:
    desk = desks(wait_seconds=3.0, workers=1)
    desk.ask(*"abcdef")
    assert [len(batch) for batch in desk.metric.batches] == [6]
    never = threading.Event()
    desk = desks(wait_seconds=0.05, workers=2)
    with desk.batcher.admitted(2) as stay:
        (fast, content), (slow, _) = desk.items("fast", "slow")
        stay.submit(slow, lambda: png(never.wait(20)))
        assert stay.submit(fast, content).result(10) == expected(0, "fast")
        never.set()


def test_places_are_all_or_nothing_and_come_back(desks: Any) -> None:
    desk = desks(queue=5, items=5)
    with desk.batcher.admitted(3):
        with pytest.raises(Refused) as refused, desk.batcher.admitted(3):
            pass
        assert (refused.value.status, refused.value.code) == (429, "overloaded")
        assert int(refused.value.headers["Retry-After"]) >= 1
        with desk.batcher.admitted(2):
            assert desk.batcher.waiting == 5
    assert desk.batcher.waiting == 0


def test_a_queue_that_would_take_longer_than_a_request_may_is_full(desks: Any) -> None:
    desk = desks(Known(seconds=0.2), batch=1, seconds=0.5, queue=1000)
    desk.ask("to load what is loaded at first")
    with desk.batcher.admitted(20), desk.batcher.admitted(1):
        pass  # one batch, that may have been slow for once, tells nothing yet
    desk.ask("to learn the pace")
    with desk.batcher.admitted(20), pytest.raises(Refused) as refused, desk.batcher.admitted(1):
        pass
    assert refused.value.status == 429
    assert 3 <= int(refused.value.headers["Retry-After"]) <= 60
    desk.ask("an empty queue takes anything")


def test_what_nobody_waits_for_is_never_computed(desks: Any) -> None:
    desk = desks(batch=1, workers=1)
    desk.metric.gate.clear()
    with desk.batcher.admitted(8) as stay:
        for item, content in desk.items(*"abcdefgh"):
            stay.submit(item, content)
        until(lambda: desk.metric.batches)
    assert desk.batcher.waiting == 0
    desk.metric.gate.set()
    desk.ask("next")
    assert desk.metric.scored == ["a", "next"]


def test_who_has_left_can_not_submit(desks: Any) -> None:
    desk = desks()
    with desk.batcher.admitted(1) as stay:
        pass
    with pytest.raises(ItemError, match="nobody waits"):
        stay.submit(*desk.items("late")[0])


def test_only_a_few_items_are_decoded_ahead(desks: Any) -> None:
    desk = desks(batch=2, queue=64, wait_seconds=0)
    desk.metric.gate.clear()
    opened = []
    with desk.batcher.admitted(40) as stay:
        for number, (item, _) in enumerate(desk.items(*map(str, range(40)))):
            stay.submit(item, lambda n=number: opened.append(n) or png(n))
        until(lambda: len(opened) >= 5)
        time.sleep(0.2)
        assert len(opened) <= 2 + 2 * 2  # with the model, and two batches ahead
        desk.metric.gate.set()


def test_a_batch_that_does_not_fit_is_halved(desks: Any) -> None:
    class Small(Known):
        def score(self, batch: Any) -> Any:
            if len(batch) > 2:
                raise OutOfMemoryError("full")
            return super().score(batch)

    desk = desks(Small(), batch=8, wait_seconds=2.0)
    assert desk.ask(*"abcdefgh") == [expected(n, p) for n, p in enumerate("abcdefgh")]
    desk.ask(*"ijkl")
    assert max(map(len, desk.metric.batches)) == 2


def test_closing_refuses_new_work_and_finishes_the_old(desks: Any) -> None:
    desk = desks()
    desk.metric.gate.clear()
    with desk.batcher.admitted(1) as stay:
        future = stay.submit(*desk.items("old")[0])
        desk.batcher.close()
        assert not desk.batcher.accepting
        with pytest.raises(Refused) as refused, desk.batcher.admitted(1):
            pass
        assert refused.value.status == 503
        desk.metric.gate.set()
        assert future.result(10) == expected(0, "old")


def test_stopping_cancels_what_waits_and_ends_the_threads(desks: Any) -> None:
    desk = desks(batch=1, workers=1)
    desk.metric.gate.clear()
    with desk.batcher.admitted(6) as stay:
        futures = [stay.submit(item, content) for item, content in desk.items(*"abcdef")]
        until(lambda: desk.metric.batches)
        threading.Timer(0.1, desk.metric.gate.set).start()
        desk.batcher.stop()
        assert futures[0].result(10) == expected(0, "a")
        assert all(future.cancelled() for future in futures[2:])
    assert not desk.batcher.alive


def test_memory_is_counted_and_given_back() -> None:
    memory = Memory(1_000_000)
    with memory.hold() as first:
        first.grow(500_000)
        with memory.hold() as second:
            with pytest.raises(Refused) as refused:
                second.grow(400_000)
            assert refused.value.status == 429
            assert "Retry-After" in refused.value.headers
            second.grow(300_000)
    assert memory.held == 0
    with pytest.raises(Refused):
        first.grow(1)
    assert memory.held == 0


def test_even_empty_requests_are_bounded() -> None:
    memory = Memory(1_000_000)
    with ExitStack() as stack:

        def crowd() -> None:
            for _ in range(20):
                stack.enter_context(memory.hold())

        with pytest.raises(Refused):
            crowd()
        assert memory.held <= 1_000_000
    assert memory.held == 0
