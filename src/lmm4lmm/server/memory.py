"""The bytes of requests that are in memory at a time: taken before they are read, given back when answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lmm4lmm.server.limits import LEAST_HELD
from lmm4lmm.server.refusals import overloaded


class Memory:
    """Counts bytes held, up to a limit. Thread-safe.

    Args:
        most: bytes that may be held at a time.
    """

    def __init__(self, most: int) -> None:
        self._most, self.held = most, 0
        self._lock = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """Room for one request; all of it is given back at the end.

        Raises:
            Refused: 429, there is none.
        """
        hold = Hold(self)
        hold.grow(LEAST_HELD)
        try:
            yield hold
        finally:
            self._give_back(hold)

    def take(self, hold: Hold, count: int) -> bool:
        """Takes so many bytes for a request; False, and nothing taken, if they don't fit or it has ended."""
        with self._lock:
            if hold.ended or self.held + count > self._most:
                return False
            self.held += count
            hold.size += count
            return True

    def _give_back(self, hold: Hold) -> None:
        with self._lock:
            hold.ended = True
            self.held -= hold.size


class Hold:
    """What one request holds.

    Attributes:
        size: bytes.
        ended: they were given back; a thread that still fetches for this request gets no more.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.size, self.ended = 0, False

    def grow(self, count: int) -> None:
        """Takes more.

        Raises:
            Refused: 429, it does not fit now.
        """
        if not self._memory.take(self, count):
            raise overloaded(1, "the server holds as many images as it has memory for")
