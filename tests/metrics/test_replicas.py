"""Several copies of a metric as one: right order, right errors, and scores that do not depend on the copies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lmm4lmm.core.errors import InputError, ItemError, OutOfMemoryError
from lmm4lmm.core.records import Dimension, Estimate, Item, Score
from lmm4lmm.metrics.replicas import Replicas, every_gpu, split, wants_every_gpu
from lmm4lmm.running.executors import ThreadExecutor
from lmm4lmm.running.in_memory import items_of
from lmm4lmm.running.scoring import score_manifest


class Echo:
    """A metric whose score is the prepared number, and that remembers its shares."""

    dimensions: tuple[Dimension, ...] = ("perception",)

    def __init__(
        self, device: str = "cpu", fails: Callable[[Sequence[float]], None] = lambda _: None
    ) -> None:
        self.fingerprint, self.device, self._fails = "echo-1", device, fails
        self.shares: list[list[float]] = []

    def prepare(self, item: Item, image: Image.Image) -> float:
        return float(item.prompt)

    def size(self, prepared: float) -> int:
        return 1

    def score(self, batch: Sequence[float]) -> list[Score]:
        self.shares.append(list(batch))
        self._fails(batch)
        return [Score(perception=Estimate(number)) for number in batch]


def values(scores: Iterable[Score]) -> list[float]:
    return [score.perception.score for score in scores if score.perception]


@given(st.integers(0, 40), st.integers(1, 9))
def test_shares_are_contiguous_and_nearly_equal(items: int, count: int) -> None:
    shares = split(range(items), count)
    assert [one for share in shares for one in share] == list(range(items))
    assert len(shares) == min(count, items)
    assert not shares or max(map(len, shares)) - min(map(len, shares)) <= 1


def test_every_replica_gets_its_share_and_the_order_stays() -> None:
    metrics = [Echo("a"), Echo("b"), Echo("c")]
    together = Replicas(metrics, ThreadExecutor(3))
    assert values(together.score([5.0, 1.0, 4.0, 2.0, 3.0])) == [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [metric.shares for metric in metrics] == [[[5.0]], [[1.0, 4.0]], [[2.0, 3.0]]]
    assert together.score([]) == []
    assert values(together.score([7.0])) == [7.0]


def test_it_looks_like_one_of_them() -> None:
    together = Replicas([Echo("cuda:0"), Echo("cuda:1")], ThreadExecutor(2))
    assert (together.fingerprint, together.dimensions) == ("echo-1", ("perception",))
    assert together.device == "2 replicas: cuda:0; cuda:1"
    (item,) = items_of("x.png", "4.5")
    assert together.prepare(item, Image.new("RGB", (1, 1))) == 4.5
    assert together.size(4.5) == 1


def test_shares_run_at_once() -> None:
    meeting = threading.Barrier(3, timeout=60)  # broken, and so an error, unless all three are there
    together = Replicas([Echo(fails=lambda _: meeting.wait()) for _ in range(3)], ThreadExecutor(3))
    assert values(together.score([1.0, 2.0, 3.0])) == [1.0, 2.0, 3.0]


def test_the_work_goes_through_the_executor_it_is_given() -> None:
    class Backwards:
        def map(self, function: Callable[[Any], Any], work: Iterable[Any]) -> Iterator[Any]:
            return reversed([function(one) for one in reversed(list(work))])

    metrics = [Echo(), Echo()]
    assert values(Replicas(metrics, Backwards()).score([1.0, 2.0])) == [1.0, 2.0]


def raising(error: Exception) -> Callable[[Sequence[float]], None]:
    def fail(_: Sequence[float]) -> None:
        raise error

    return fail


@pytest.mark.parametrize("full", [OutOfMemoryError("full"), MemoryError()])
def test_out_of_memory_of_any_share_comes_first(full: Exception) -> None:
    third = Echo()
    metrics = [Echo(fails=raising(ValueError("odd"))), Echo(fails=raising(full)), third]
    with pytest.raises(type(full)):
        Replicas(metrics, ThreadExecutor(3)).score([1.0, 2.0, 3.0])
    assert third.shares == [[3.0]]


def test_else_the_first_error_in_the_order_of_the_batch() -> None:
    first_is_late = threading.Event()

    def late(_: Sequence[float]) -> None:
        first_is_late.wait(60)
        raise ItemError("the first share's")

    def early(_: Sequence[float]) -> None:
        first_is_late.set()
        raise ValueError("the second share's")

    with pytest.raises(ItemError, match="the first"):
        Replicas([Echo(fails=late), Echo(fails=early)], ThreadExecutor(2)).score([1.0, 2.0])


def test_a_replica_that_drops_a_score_is_found() -> None:
    class Short(Echo):
        def score(self, batch: Sequence[float]) -> list[Score]:
            return super().score(batch)[1:]

    with pytest.raises(RuntimeError, match="2 items gave 1 scores"):
        Replicas([Short(), Echo()], ThreadExecutor(2)).score([1.0, 2.0, 3.0, 4.0])


def test_unequal_metrics_are_refused() -> None:
    other = Echo("cuda:1")
    other.fingerprint = "echo-1-float16"
    with pytest.raises(InputError, match=r"echo-1 .* on cpu and echo-1-float16 .* on cuda:1"):
        Replicas([Echo(), other], ThreadExecutor(2))
    with pytest.raises(InputError, match="no metric"):
        Replicas([], ThreadExecutor(1))


def test_the_engine_halves_when_one_device_is_full_and_every_row_is_right() -> None:
    def small(share: Sequence[float]) -> None:
        if len(share) > 1:
            raise OutOfMemoryError("full")

    together = Replicas([Echo(), Echo(fails=small)], ThreadExecutor(2))
    prompts = [str(number) for number in range(30)]
    rows = list(score_manifest(together, items_of(Image.new("RGB", (2, 2)), prompts), batch_size=8))
    assert [row.error for row in rows] == [None] * 30
    assert [row.perception.score for row in rows if row.perception] == [float(p) for p in prompts]


def test_a_bad_item_costs_only_itself() -> None:
    def picky(share: Sequence[float]) -> None:
        if 11.0 in share:
            raise ValueError("eleven")

    together = Replicas([Echo(fails=picky), Echo(fails=picky)], ThreadExecutor(2))
    prompts = [str(number) for number in range(20)]
    items = items_of(Image.new("RGB", (2, 2)), prompts)
    rows = list(score_manifest(together, items, batch_size=6, retries=0))
    assert [row.id for row in rows if row.error] == ["11"]


def test_only_marked_loaders_want_every_gpu() -> None:
    def plain() -> None: ...

    assert not wants_every_gpu(plain)
    assert every_gpu(plain) is plain
    assert wants_every_gpu(plain)


def test_two_nanos_score_as_one(nano_base_folder: Path) -> None:
    import lmm4lmm

    two = lmm4lmm.load_metric("nano", device="cpu,cpu")
    assert isinstance(two, Replicas)
    one = two.metrics[0]
    assert (one.fingerprint, one.dimensions) == (two.fingerprint, two.dimensions)
    pictures = [Image.effect_mandelbrot((96, 64), (-3, -2.5, 2, 2.5), n) for n in (5, 20, 60)]
    prompts = ["a black circle", "", "a fractal on a dark ground, " * 6]
    prepared = [one.prepare(i, i.held.read()) for i in items_of(pictures, prompts, "Is it?")]  # type: ignore[attr-defined]
    for alone, shared in zip(one.score(prepared), two.score(prepared), strict=True):
        assert shared.perception.score == pytest.approx(alone.perception.score, abs=1e-3)
        assert shared.answer.p_yes == pytest.approx(alone.answer.p_yes, abs=1e-3)
        assert (shared.correspondence is None) == (alone.correspondence is None)
        if shared.correspondence is not None:
            assert shared.correspondence.score == pytest.approx(alone.correspondence.score, abs=1e-3)
