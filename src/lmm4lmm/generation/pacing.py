"""When the next request may go out: backoff with jitter, and what a service says about its limits."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping

from lmm4lmm.core.retrying import backoff, plain_number

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LIMITS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-images", "x-ratelimit-reset-images"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
)
"""Headers that say how much is left, and when there will be more."""


class Pace:
    """One clock for all threads: who meets a limit holds the others back, too.

    Args:
        first: seconds before the first retry; doubles from one to the next.
        most: seconds that backoff never passes.
        clock, sleep: for tests.
    """

    def __init__(
        self,
        *,
        first: float = 1.0,
        most: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._first, self._most = first, most
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._not_before = 0.0

    def wait(self) -> None:
        """Returns when a request may go out."""
        while True:
            with self._lock:
                left = self._not_before - self._clock()
            if left <= 0:
                return
            self._sleep(left)

    def hold(self, seconds: float) -> None:
        """Nobody asks for so long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def back_off(self, attempt: int) -> None:
        """Lets this thread wait after its ``attempt``-th failure, from 0: half to all of a doubling time."""
        self._sleep(backoff(attempt, first=self._first, most=self._most))


def limit_wait(headers: Mapping[str, str]) -> float:
    """Seconds until there is something left again, by the headers of any answer; 0 where there is."""
    waits = [
        duration(headers.get(reset, "")) or 0.0
        for left, reset in _LIMITS
        if plain_number(headers.get(left)) == 0.0
    ]
    return max(waits, default=0.0)


def duration(text: str) -> float | None:
    """Seconds of ``1m30s``, ``20ms`` or a plain number (in some services a date in seconds since 1970)."""
    if (plain := plain_number(text)) is not None:
        return max(0.0, plain - time.time()) if plain > 1e9 else plain
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
