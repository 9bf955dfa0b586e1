"""Where work runs: threads of this process; others fit the same seam, ``core.protocols.Executor``."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from lmm4lmm.core.errors import InputError

In = TypeVar("In")
Out = TypeVar("Out")


class ThreadExecutor:
    """Threads for work that leaves Python's lock alone: reading, hashing, decoding, waiting for a server.

    Args:
        workers: threads; as many as this process may use processors, up to 8, when None.
        in_flight: works taken from the input whose results were not yet asked for; four a thread when None.
    """

    def __init__(self, workers: int | None = None, *, in_flight: int | None = None) -> None:
        self.workers = _processors() if workers is None else workers
        self.in_flight = 4 * self.workers if in_flight is None else in_flight
        if self.workers < 1 or self.in_flight < 1:
            raise InputError(f"at least 1 worker is needed (workers={workers}, in_flight={in_flight})")

    def map(self, function: Callable[[In], Out], work: Iterable[In]) -> Iterator[Out]:
        """Results in the order of ``work``, which is drawn from only as results are asked for.

        ``work`` is advanced by the caller's thread alone. When the caller stops early, what waits is dropped
        and what runs is waited for.
        """
        source = iter(work)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="lmm4lmm")
        try:
            pending: deque[Future[Out]] = deque()
            while True:
                free = self.in_flight - len(pending)
                pending.extend(pool.submit(function, one) for one in islice(source, free))
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, allowed)
