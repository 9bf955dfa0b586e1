"""Which items travel together, how many, and what happens when a batch fails."""

from __future__ import annotations

import logging
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lmm4lmm.core.errors import ItemError, Lmm4lmmError, OutOfMemoryError
from lmm4lmm.running.memory import Headroom

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")

_LOG = logging.getLogger(__name__)
_WARM_UP = 1  # batches that are not timed: the first one loads kernels and fills caches
_TRIALS = 2  # batches timed at each size; the better one counts, noise only ever slows
_WORTH_IT = 1.08  # a doubling must give this much more speed
_FIRST_WAIT_S = 0.2  # before a retry; doubles from one to the next


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one item has no result."""

    reason: str


class Window(Generic[T]):
    """Items that wait, kept by size, so that a batch pads little and the oldest item never waits long."""

    def __init__(self) -> None:
        self._by_size: list[tuple[int, int, T]] = []
        self._sizes: dict[int, int] = {}  # order of arrival -> size, oldest first
        self._arrived = 0

    def __len__(self) -> int:
        return len(self._by_size)

    def add(self, item: T, size: int) -> None:
        """Lets an item wait."""
        insort(self._by_size, (size, self._arrived, item), key=lambda entry: entry[:2])
        self._sizes[self._arrived] = size
        self._arrived += 1

    def take(self, count: int) -> list[tuple[T, int]]:
        """The oldest item and those nearest to it in size, at most ``count``, each with its size."""
        order, size = next(iter(self._sizes.items()))
        first = bisect_left(self._by_size, (size, order), key=lambda entry: entry[:2])
        last = first + 1
        while last - first < min(count, len(self._by_size)):
            if self._nearer_above(first, last, size):
                last += 1
            else:
                first -= 1
        chosen = self._by_size[first:last]
        del self._by_size[first:last]
        for _, arrived, _ in chosen:
            del self._sizes[arrived]
        return [(item, cost) for cost, _, item in chosen]

    def _nearer_above(self, first: int, last: int, size: int) -> bool:
        if last == len(self._by_size):
            return False
        return first == 0 or self._by_size[last][0] - size <= size - self._by_size[first - 1][0]


class BatchSize:
    """How many items a batch holds.

    Args:
        size: items a batch at the start.
        grow: double it while that gives more speed and memory is left.
        most: never more than this; also bounds what a killed run loses.
        fits: asked before each doubling.
    """

    def __init__(
        self, size: int, *, grow: bool, most: int = 64, fits: Callable[[], bool] | None = None
    ) -> None:
        self.size, self._growing, self._most = size, grow, most
        self._fits = fits or Headroom()
        self._best_size, self._best_rate = size, 0.0
        self._untimed, self._rates = _WARM_UP, list[float]()

    def learn(self, count: int, cost: int, seconds: float) -> None:
        """Takes note of a batch that went well: its items, the sum of their sizes and its time."""
        if not self._growing or count != self.size:
            return
        if self._untimed:
            self._untimed -= 1
            self._fits()  # what was loaded on first use is not the cost of a doubling
            return
        self._rates.append(cost / max(seconds, 1e-9))
        if len(self._rates) == _TRIALS:
            self._decide(max(self._rates))
            self._rates.clear()

    def shrink(self, failed: int) -> None:
        """A batch of ``failed`` items did not fit: from now on at most half of that."""
        self.size = min(self.size, max(1, failed // 2))
        self._growing = False

    def _decide(self, rate: float) -> None:
        if rate < self._best_rate * _WORTH_IT:
            self.size, self._growing = self._best_size, False
            return
        self._best_size, self._best_rate = self.size, rate
        self._growing = 2 * self.size <= self._most and self._fits()
        if self._growing:
            self.size *= 2


def attempt(function: Callable[[], T], *, retries: int) -> T | Failure:
    """Calls it; an error that may pass (any but ``ItemError``) is tried again, then becomes a failure.

    Raises:
        Lmm4lmmError: the errors that are about the run and not about one item.
    """
    wait = _FIRST_WAIT_S
    while True:
        result, error = _call(function)
        if error is None:
            return result  # type: ignore[return-value]  # no error: the function's own result
        if retries == 0 or isinstance(error, ItemError | OutOfMemoryError | MemoryError):
            return Failure(_reason(error))
        retries -= 1
        time.sleep(wait)
        wait *= 2


def run_batch(
    run: Callable[[Sequence[P]], Sequence[R | ItemError]],
    batch: Sequence[P],
    *,
    retries: int,
    shrink: Callable[[int], None],
) -> list[R | Failure]:
    """One result or failure an item, in order, whatever happens in between.

    Out of memory: halved until it fits. Any other error: item by item, so that a bad one costs only itself.
    """
    results, error = _call(lambda: _counted(run(batch), len(batch)))
    if error is None and results is not None:
        return [Failure(_reason(one)) if isinstance(one, ItemError) else one for one in results]
    if isinstance(error, OutOfMemoryError | MemoryError):
        shrink(len(batch))
        if len(batch) == 1:
            return [Failure(f"it does not fit into memory, even alone ({_reason(error)})")]
        middle = len(batch) // 2
        parts: list[Sequence[P]] = [batch[:middle], batch[middle:]]
    elif len(batch) == 1:
        if retries == 0 or isinstance(error, ItemError):
            return [Failure(_reason(error))]
        time.sleep(_FIRST_WAIT_S)
        return run_batch(run, batch, retries=retries - 1, shrink=shrink)
    else:
        parts = [[one] for one in batch]
    return [one for part in parts for one in run_batch(run, part, retries=retries, shrink=shrink)]


def _call(function: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """The result or the error; errors about the whole run are let through."""
    try:
        return function(), None
    except (ItemError, OutOfMemoryError) as error:
        return None, _lighter(error)
    except Lmm4lmmError:
        raise
    except Exception as error:
        _LOG.debug("an unexpected error, to be retried or recorded", exc_info=True)
        return None, _lighter(error)


def _lighter(error: Exception) -> Exception:
    # Its frames hold the batch that did not fit, and a retry needs that memory.
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _counted(results: Sequence[T], expected: int) -> Sequence[T]:
    if len(results) != expected:
        raise RuntimeError(f"{expected} items gave {len(results)} results")
    return results


def _reason(error: Exception | None) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ItemError) and text else f"{type(error).__name__}: {text}".rstrip(": ")
