"""One resident model with a bounded queue before it: items of many requests meet in one batch.

Threads: ``workers`` of them decode and prepare images; one runs the model, for as long as the server lives.
An item waits to be prepared (as the file's bytes), then to be scored (as what the metric prepared, of which
there are at most two batches), so memory is bounded by the queue, the limit on held bytes, and the pixels
that the workers decode.

The model takes what is ready. It waits, for a short time at most, only while other accepted items are about
to be ready: a lone client pays nothing for batching, and a crowd fills batches while the model is busy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from lmm4lmm.core.errors import ItemError, Lmm4lmmError
from lmm4lmm.core.images import read_image
from lmm4lmm.core.protocols import Metric
from lmm4lmm.core.records import Item, Score
from lmm4lmm.running.batching import BatchSize, Failure, Window, attempt, run_batch
from lmm4lmm.running.scoring import ScoringJob
from lmm4lmm.server.limits import Limits
from lmm4lmm.server.refusals import closing, overloaded
from lmm4lmm.server.watching import Watch

P = TypeVar("P")

_LOG = logging.getLogger(__name__)
_AHEAD = 2  # batches that may be ready while the model is busy
_NEWEST = 0.2  # weight of the last batch in the mean pace


@dataclass(eq=False, slots=True)
class Ticket:
    """One item on its way; its future is cancelled when nobody waits for it any more."""

    item: Item
    content: Callable[[], bytes]
    arrived: float
    future: Future[Score] = field(default_factory=Future)


class Batcher(Generic[P]):
    """The queue and the model's thread; ``start`` it, and ``stop`` it at the end.

    Args:
        metric: resident; only the model's thread calls its ``score``.
        limits: queue, batch, waiting, workers, pixels.
        watch: told what happens.
    """

    def __init__(self, metric: Metric[P], limits: Limits, watch: Watch) -> None:
        self._job, self._limits, self._watch = ScoringJob(metric), limits, watch
        self._size = BatchSize(limits.batch, grow=False)
        self._change = threading.Condition()
        # Everything below is written while holding it.
        self._raw: dict[Ticket, None] = {}  # oldest first
        self._preparing = 0
        self._ready: Window[tuple[Ticket, P]] = Window()
        self._places = 0
        self._open, self._stopped = True, False
        self._pace, self._last_end = (
            0.0,
            0.0,
        )  # seconds an item; when the last batch ended, 0 before the first
        self._threads = [threading.Thread(target=self._run_model, name="model", daemon=True)]
        self._threads += [
            threading.Thread(target=self._run_preparing, name=f"prepare {number}", daemon=True)
            for number in range(limits.workers)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """From now on new work is refused; what was accepted is finished."""
        with self._change:
            self._open = False

    def stop(self) -> None:
        """Ends the threads; what still waits is cancelled. Returns when the batch under way is done."""
        with self._change:
            self._open, self._stopped = False, True
            left = list(self._raw)
            if self._ready:
                left += [ticket for (ticket, _), _ in self._ready.take(len(self._ready))]
            self._change.notify_all()
        for ticket in left:
            ticket.future.cancel()
        for thread in self._threads:
            thread.join()

    @property
    def alive(self) -> bool:
        """Whether all threads run."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def accepting(self) -> bool:
        """Whether new work is taken."""
        return self._open and self.alive

    @property
    def waiting(self) -> int:
        """Items accepted and not yet answered."""
        return self._places

    @contextmanager
    def admitted(self, count: int) -> Iterator[Stay]:
        """Places for the items of one request, all or none; given back at the end, with what is unfinished.

        Raises:
            Refused: 429, the queue is full or would take longer than a request may; 503, the server is closing.
        """
        with self._change:
            if not self.accepting:
                raise closing()
            wait = self._places * self._pace
            if self._places + count > self._limits.queue or (self._places and wait > self._limits.seconds):
                raise overloaded(wait, f"{self._places} items are waiting already")
            self._places += count
            self._watch.waiting.set(self._places)
        stay = Stay(self._enqueue)
        try:
            yield stay
        finally:
            stay.leave()
            with self._change:
                self._places -= count
                self._watch.waiting.set(self._places)

    def _enqueue(self, item: Item, content: Callable[[], bytes]) -> Future[Score]:
        ticket = Ticket(item, content, time.monotonic())
        with self._change:
            if self._stopped:
                raise closing()
            self._raw[ticket] = None
            self._change.notify_all()
        ticket.future.add_done_callback(lambda _: self._forget(ticket))
        return ticket.future

    def _forget(self, ticket: Ticket) -> None:
        with self._change:
            self._raw.pop(ticket, None)

    def _run_preparing(self) -> None:
        while (ticket := self._next_raw()) is not None:
            ready = self._prepared(ticket)
            with self._change:
                self._preparing -= 1
                if ready is not None and not ticket.future.cancelled():
                    prepared, size = ready
                    self._ready.add((ticket, prepared), size)
                self._change.notify_all()

    def _next_raw(self) -> Ticket | None:
        """The oldest item, as soon as there is room for what becomes of it; None at the end."""
        with self._change:
            while not self._stopped:
                if self._raw and len(self._ready) + self._preparing < _AHEAD * self._limits.batch:
                    ticket = next(iter(self._raw))
                    del self._raw[ticket]
                    self._preparing += 1
                    return ticket
                self._change.wait()
            return None

    def _prepared(self, ticket: Ticket) -> tuple[P, int] | None:
        """What the metric made of an item; None where the item failed, which its future then says."""
        try:
            ready = attempt(partial(self._prepare, ticket), retries=0)
        except Lmm4lmmError as error:
            ready = Failure(str(error))
        if isinstance(ready, Failure):
            self._settle(ticket, ready)
            return None
        return ready

    def _prepare(self, ticket: Ticket) -> tuple[P, int]:
        item = ticket.item
        picture = read_image(ticket.content(), name=item.image, max_pixels=self._limits.pixels)
        prepared = self._job.prepare(item, picture)
        return prepared, self._job.size(prepared)

    def _run_model(self) -> None:
        while batch := self._next_batch():
            self._score(batch)

    def _next_batch(self) -> list[tuple[Ticket, P]]:
        """What is ready, once it is worth it; empty only at the end."""
        with self._change:
            while not self._stopped:
                if not self._ready:
                    self._change.wait()
                    continue
                self._wait_for_company()
                taken = self._ready.take(self._size.size) if self._ready else []
                self._change.notify_all()
                batch = [pair for pair, _ in taken if pair[0].future.set_running_or_notify_cancel()]
                if batch:
                    return batch
            return []

    def _wait_for_company(self) -> None:
        """Waits while accepted items are about to be ready and the batch has room, for a short time."""
        deadline = time.monotonic() + self._limits.wait_seconds
        while len(self._ready) < self._size.size and (self._raw or self._preparing) and not self._stopped:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._change.wait(left)

    def _score(self, batch: Sequence[tuple[Ticket, P]]) -> None:
        began = time.monotonic()
        results: Sequence[Score | Failure]
        try:
            results = run_batch(
                self._job.run, [prepared for _, prepared in batch], retries=0, shrink=self._size.shrink
            )
        except (
            Lmm4lmmError
        ) as error:  # about the metric as a whole, say its weights: these items fail, the server lives
            _LOG.exception("a batch failed")
            results = [Failure(str(error))] * len(batch)
        ended = time.monotonic()
        self._learn(ended, min(ticket.arrived for ticket, _ in batch), len(batch))
        self._watch.batch_items.observe(len(batch))
        self._watch.batch_seconds.observe(ended - began)
        for (ticket, _), result in zip(batch, results, strict=True):
            self._settle(ticket, result)

    def _learn(self, ended: float, arrived: float, count: int) -> None:
        """Takes note of a batch's pace; not of the first one's, which loads kernels and fills caches."""
        with self._change:
            if self._last_end:
                pace = (ended - max(self._last_end, arrived)) / count
                self._pace = pace if not self._pace else (1 - _NEWEST) * self._pace + _NEWEST * pace
            self._last_end = ended

    def _settle(self, ticket: Ticket, result: Score | Failure) -> None:
        """Answers; a future that was cancelled in the meantime stays as it is."""
        failed = isinstance(result, Failure)
        self._watch.items.labels("failed" if failed else "scored").inc()
        if not ticket.future.running() and not ticket.future.set_running_or_notify_cancel():
            return
        if isinstance(result, Failure):
            ticket.future.set_exception(ItemError(result.reason))
        else:
            ticket.future.set_result(result)


class Stay:
    """The items of one admitted request.

    Args:
        enqueue: takes an item and what reads its bytes (in a worker's thread).
    """

    def __init__(self, enqueue: Callable[[Item, Callable[[], bytes]], Future[Score]]) -> None:
        self._enqueue = enqueue
        self._futures: list[Future[Score]] = []
        self._left = False

    def submit(self, item: Item, content: Callable[[], bytes]) -> Future[Score]:
        """The item's score to come, or an ``ItemError``.

        Raises:
            ItemError: nobody waits for it any more.
        """
        if self._left:
            raise ItemError("nobody waits for this item")
        future = self._enqueue(item, content)
        self._futures.append(future)
        return future

    def leave(self) -> None:
        """Nobody waits any more: what is not under way is never computed."""
        self._left = True
        for future in self._futures:
            future.cancel()
