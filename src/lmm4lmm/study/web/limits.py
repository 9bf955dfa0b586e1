"""Rate limits: a bucket of tokens a key, and never more keys than fit."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """Lets ``burst`` events of a key pass at once and ``per_second`` in the long run.

    The key that was idle longest is forgotten when there are more than ``keys``, so that nobody can fill the
    memory with made-up addresses.

    Args:
        burst: events that may come at once; at least 1.
        per_second: how fast a used-up allowance comes back.
        keys: how many keys are remembered.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self, burst: float, per_second: float, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._rate, self._keys, self._clock = burst, per_second, keys, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> int:
        """Counts one event; 0 if it may pass, else the seconds (rounded up) until the next one may."""
        with self._lock:
            left = self._left(key)
            if left < 1:
                return max(1, math.ceil((1 - left) / self._rate))
            self._store(key, left - 1)
            return 0

    def wait(self, key: str) -> int:
        """As ``take``, without counting: for limits that count failures only."""
        with self._lock:
            left = self._left(key)
            return 0 if left >= 1 else max(1, math.ceil((1 - left) / self._rate))

    def __len__(self) -> int:
        return len(self._buckets)

    def _left(self, key: str) -> float:
        left, at = self._buckets.get(key, (self._burst, self._clock()))
        return min(self._burst, left + (self._clock() - at) * self._rate)

    def _store(self, key: str, left: float) -> None:
        self._buckets[key] = (left, self._clock())
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
