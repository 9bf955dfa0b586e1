"""One engine for everything that runs item by item: prepare in parallel, batch, retry, remember.

It knows nothing of images or scores: a ``Job`` says what an item is, and what is done with it. The caller's
thread draws the work, runs the batches and writes the journal; other threads load and prepare. However long
the work is, only a window of it is in memory.

What happens to errors:

* ``ItemError`` (the item is bad) is final for this run: recorded in its outcome, not retried.
* ``OutOfMemoryError`` or ``MemoryError`` halves the batch, for good; an item that does not fit alone
  has failed.
* Other ``Lmm4lmmError`` (weights missing, journal full) are about the run: they end it.
* Any other exception may pass: a batch is run again item by item, an item again ``retries`` times.

Failures are never written to the journal, so the next run tries them again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Generic, Literal, TypeVar

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.protocols import Executor
from lmm4lmm.running.batching import BatchSize, Failure, Window, attempt, run_batch
from lmm4lmm.running.executors import ThreadExecutor
from lmm4lmm.running.jobs import Job, Outcome
from lmm4lmm.running.journal import Journal
from lmm4lmm.running.progress import Progress, Silence

W = TypeVar("W")
L = TypeVar("L")
P = TypeVar("P")
R = TypeVar("R")

_WINDOW_BATCHES = 4  # items that wait, in batches: enough to find some of like size
_PENDING = 1024  # outcomes that may wait for an earlier item


def run_job(
    job: Job[W, L, P, R],
    work: Iterable[W],
    *,
    journal: Journal | None = None,
    batch_size: int | Literal["auto"] = "auto",
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    retries: int = 1,
    total: int | None = None,
) -> Iterator[Outcome[W, R]]:
    """Runs a job over any number of items.

    Nothing happens until the first outcome is asked for; to stop early is fine at any point.

    Args:
        job: what to do.
        work: the items; drawn lazily, by the caller's thread.
        journal: where results are kept and looked up; without one, only equal items near each other are
            computed once. The caller opens and closes it.
        batch_size: items a batch; "auto" doubles it while that gives more speed and memory is left.
        workers: threads that load and prepare; None chooses. Ignored when an executor is given.
        executor: where loading and preparing runs.
        progress: what to report to; None reports nothing.
        retries: how often an error that may pass is tried again.
        total: how many items there are, for the progress; asked of ``work`` itself when None.

    Yields:
        One outcome an item, in the order of ``work``. If drawing from ``work`` raises, the items drawn before
        are finished first, then the error is raised.

    Raises:
        InputError: ``batch_size``, ``workers`` or ``retries`` is out of range.
        JournalError: a result can't be recorded.
    """
    if batch_size != "auto" and batch_size < 1:
        raise InputError(f"the batch size is at least 1, or 'auto' (found {batch_size})")
    if retries < 0:
        raise InputError(f"retries can't be negative (found {retries})")
    size = BatchSize(1, grow=True) if batch_size == "auto" else BatchSize(batch_size, grow=False)
    run = _Run(job, journal, size, progress or Silence(), retries)
    if total is None and isinstance(work, Sized):
        total = len(work)
    return run.outcomes(_Source(work), executor or ThreadExecutor(workers), total)


@dataclass(slots=True)
class _Slot(Generic[W, P, R]):
    """One item on its way to an outcome."""

    work: W
    key: str = ""
    prepared: P | None = None
    size: int = 0
    outcome: Outcome[W, R] | None = None


class _Source(Generic[W]):
    """Draws work until it ends or raises, and keeps the error for later."""

    def __init__(self, work: Iterable[W]) -> None:
        self._work = work
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[W]:
        try:
            yield from self._work
        except Exception as error:
            self.error = error


class _Run(Generic[W, L, P, R]):
    def __init__(
        self, job: Job[W, L, P, R], journal: Journal | None, size: BatchSize, progress: Progress, retries: int
    ) -> None:
        self._job, self._journal, self._size = job, journal, size
        self._progress, self._retries = progress, retries
        self._slots: deque[_Slot[W, P, R]] = deque()  # not yet yielded, in input order
        self._window: Window[_Slot[W, P, R]] = Window()  # of these, the ones to be run
        self._same: dict[str, list[_Slot[W, P, R]]] = {}  # key in the window -> later slots of that key

    def outcomes(self, source: _Source[W], executor: Executor, total: int | None) -> Iterator[Outcome[W, R]]:
        self._progress.start(total)
        opened = executor.map(self._open, source)
        try:
            for slot in opened:
                self._admit(slot)
                yield from self._settled()
                while self._is_full():
                    self._run_batch()
                    yield from self._settled()
            while self._window:
                self._run_batch()
                yield from self._settled()
            if source.error is not None:
                raise source.error
        finally:
            _close(opened)
            self._progress.finish()

    def _open(self, work: W) -> _Slot[W, P, R]:
        """In a thread: load, look up, prepare."""
        slot: _Slot[W, P, R] = _Slot(work)
        loaded = attempt(partial(self._job.load, work), retries=self._retries)
        if isinstance(loaded, Failure):
            slot.outcome = Outcome(work, error=loaded.reason)
            return slot
        slot.key, content = loaded
        if self._recall(slot):
            return slot
        ready = attempt(partial(self._prepare, work, content), retries=self._retries)
        if isinstance(ready, Failure):
            slot.outcome = Outcome(work, error=ready.reason)
        else:
            slot.prepared, slot.size = ready
        return slot

    def _prepare(self, work: W, content: L) -> tuple[P, int]:
        prepared = self._job.prepare(work, content)
        return prepared, self._job.size(prepared)

    def _recall(self, slot: _Slot[W, P, R]) -> bool:
        """Whether the journal has the result; one that can't be decoded is computed again."""
        found = self._journal.get([slot.key]) if self._journal is not None else {}
        if slot.key not in found:
            return False
        result = attempt(partial(self._job.decode, found[slot.key]), retries=0)
        if isinstance(result, Failure):
            return False
        slot.outcome = Outcome(slot.work, result=result, cached=True)
        return True

    def _admit(self, slot: _Slot[W, P, R]) -> None:
        self._slots.append(slot)
        if slot.outcome is None and slot.key in self._same:
            slot.prepared = None
            self._same[slot.key].append(slot)
        # Looked up again: the same content may have been computed since the thread looked.
        elif slot.outcome is not None or self._recall(slot):
            slot.prepared = None
            self._report(slot)
        else:
            self._same[slot.key] = []
            self._window.add(slot, slot.size)

    def _is_full(self) -> bool:
        waiting = len(self._window)
        return waiting > 0 and (
            waiting >= _WINDOW_BATCHES * self._size.size or len(self._slots) >= max(_PENDING, waiting)
        )

    def _run_batch(self) -> None:
        batch = self._window.take(self._size.size)
        prepared = [_prepared(slot) for slot, _ in batch]
        began = perf_counter()
        results = run_batch(self._job.run, prepared, retries=self._retries, shrink=self._size.shrink)
        seconds = perf_counter() - began
        if not any(isinstance(result, Failure) for result in results):
            self._size.learn(len(batch), sum(cost for _, cost in batch), seconds)
        kept = self._record([slot.key for slot, _ in batch], results)
        for (slot, _), result in zip(batch, kept, strict=True):
            self._settle(slot, result, seconds / len(batch))

    def _record(self, keys: Sequence[str], results: Sequence[R | Failure]) -> list[R | Failure]:
        """Writes the batch's results to the journal, in one transaction."""
        kept, encoded = list(results), dict[str, bytes]()
        for index, (key, result) in enumerate(zip(keys, results, strict=True)):
            if isinstance(result, Failure) or self._journal is None:
                continue
            data = attempt(partial(self._job.encode, result), retries=0)
            if isinstance(data, Failure):
                kept[index] = data
            else:
                encoded[key] = data
        if self._journal is not None:
            self._journal.put(encoded)
        return kept

    def _settle(self, slot: _Slot[W, P, R], result: R | Failure, seconds: float) -> None:
        for one in (slot, *self._same.pop(slot.key)):
            if isinstance(result, Failure):
                one.outcome = Outcome(one.work, error=result.reason)
            elif one is slot:
                one.outcome = Outcome(one.work, result=result, seconds=seconds)
            else:
                one.outcome = Outcome(one.work, result=result, cached=True)
            one.prepared = None
            self._report(one)

    def _report(self, slot: _Slot[W, P, R]) -> None:
        outcome = slot.outcome
        if outcome is not None:
            kind = "failed" if outcome.error is not None else "cached" if outcome.cached else "done"
            self._progress.advance(**{kind: 1})

    def _settled(self) -> Iterator[Outcome[W, R]]:
        while self._slots and (outcome := self._slots[0].outcome) is not None:
            self._slots.popleft()
            yield outcome


def _prepared(slot: _Slot[Any, P, Any]) -> P:
    return slot.prepared  # type: ignore[return-value]  # P itself may be None


def _close(results: Iterator[object]) -> None:
    """Stops an executor's threads now instead of whenever the garbage collector comes by."""
    close = getattr(results, "close", None)
    if close is not None:
        close()
