"""SRCC of every group: rows in the order of both columns, and where the ranks of a resample are written down.

At millions of rows the ranks of the largest group are most of the memory, and fetching them most of the time. So
they take 16 bits where they fit: what lies beyond the rank at which their chunk of rows begins (see ``kernels``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import kernels
from lmm4lmm.stats.arrangements import Block, Rows, Runs, ascending_rows, within
from lmm4lmm.stats.arrays import Floats, Groups
from lmm4lmm.stats.correlation import LEAST_PAIRS

LARGEST = 2**26
"""Rows whose doubled ranks fit into 32 bits even if a prompt that has all of them is drawn 15 times."""
LANES = (32, 16, 8)
"""Resamples that one pass over the rows serves: the first if the ranks then take no more than ``CACHE_BYTES``, the
second up to ``MOST_BYTES``. Fewer than 16 take twice as long each, more than 32 gain nothing."""
CACHE_BYTES = 16_000_000
"""Ranks of 32 MB took twice the time a row that those of 16 MB took, on a processor with 2 MB of its own a core."""
ALONE_BYTES = 64_000_000
"""If the ranks take more than this, one thread at a time has them."""
MOST_BYTES = 200_000_000
"""Ranks of 32 bits that would take more than this are made for fewer resamples at a time."""
CHUNK_BITS = 10
"""The rows of a chunk, 1,024: the ranks where chunks begin then take little room in the caches."""


class GroupedRanks:
    """SRCC within every group.

    Args:
        x: [n] finite, in practice what a metric predicts.
        y: [n] finite, in practice what people say.
        prompts: of the rows.
        groups: of the rows.
        ascending: rows by x and rows by y; groupings of the same rows share them.

    Attributes:
        sizes: [g] rows of each group.
        reasons: [g] why a group has no SRCC; None where it has one.

    Raises:
        StatisticsError: too many rows.
    """

    def __init__(
        self, x: Floats, y: Floats, prompts: Groups, groups: Groups, ascending: tuple[Rows, Rows]
    ) -> None:
        if x.size > LARGEST:
            raise StatisticsError(
                f"{x.size:,} images are more than the {LARGEST:,} that can be ranked at once"
            )
        by_x, by_y = ascending
        self.sizes = np.bincount(groups.codes, minlength=len(groups))
        self._starts = np.concatenate(([0], np.cumsum(self.sizes)))
        rows = within(by_x, groups)
        self._x_prompt = prompts.codes[rows].astype(np.int32)
        place = np.empty(x.size, np.int32)
        place[rows] = np.arange(x.size, dtype=np.int32)
        place -= self._starts[:-1].astype(np.int32)[groups.codes]
        of_x = Runs.of(x, rows, self._starts)
        rows = within(by_y, groups)
        self._y_place = place[rows]
        of_y = Runs.of(y, rows, self._starts)
        del rows, place
        self.reasons = tuple(self._reason(g, of_x, of_y) for g in range(len(groups)))
        for numbers, runs in ((self._x_prompt, of_x), (self._y_place, of_y)):
            np.invert(numbers, out=numbers, where=runs.last)
        self._widest = int(self.sizes.max(initial=0))
        self._span = min(self._widest, _longest_span(of_x.last))
        item = self._bytes(weight=1)
        self._ranks = _Space(item * self._widest * _lanes(item * self._widest))

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of resamples."""
        item = self._bytes(int(block.max(initial=0)))
        lanes = self._ranks.size // max(1, item * self._widest)
        narrow = [block[:, at : at + lanes] for at in range(0, block.shape[1], lanes)]
        return np.concatenate([self._of(np.ascontiguousarray(part), item) for part in narrow], axis=1)

    def _bytes(self, weight: int) -> int:
        """Of one rank, if no prompt is drawn more often than ``weight``."""
        return 2 if 2 * self._span * weight <= np.iinfo(np.uint16).max else 4

    def _of(self, block: Block, item: int) -> Floats:
        """[g, lanes] of a block of no more resamples than there is space for."""
        lanes, bits = block.shape[1], CHUNK_BITS if item == 2 else 31
        bases = np.empty(((self._widest >> bits) + 1, lanes), np.int32)
        with self._ranks.lent() as space:
            ranks = space[: item * self._widest * lanes].view(np.uint16 if item == 2 else np.int32)
            found: Floats = kernels.rank_correlations(
                ranks.reshape(-1, lanes), bases, bits, block, self._starts, self._x_prompt, self._y_place
            )
        return found

    def _reason(self, g: int, of_x: Runs, of_y: Runs) -> str | None:
        n, begin = int(self.sizes[g]), int(self._starts[g])
        if n < LEAST_PAIRS:
            return f"needs at least {LEAST_PAIRS} pairs of values; there are {n}"
        for order, what in ((of_x, "predicted"), (of_y, "human")):
            if not order.last[begin : begin + n - 1].any():
                return f"{what} is constant ({order.least[g]:g} for all {n} items)"
        return None


def grouped_ranks(x: Floats, y: Floats, prompts: Groups, groupings: Sequence[Groups]) -> list[GroupedRanks]:
    """SRCC within every group of several groupings of the same rows; see ``GroupedRanks``."""
    ascending = ascending_rows(x), ascending_rows(y)
    return [GroupedRanks(x, y, prompts, groups, ascending) for groups in groupings]


def _longest_span(last: NDArray[np.bool_]) -> int:
    """Most rows from the first with the value that begins a chunk to the last with the one that ends it.

    An upper bound, and no bound at all (all rows) where hundreds of rows share a value.

    Args:
        last: [n] whether a row is the last one with its value.
    """
    window = max(1, 2**CHUNK_BITS // 4)
    ends = np.logical_or.reduceat(last, np.arange(0, last.size, window))
    return 2**CHUNK_BITS + 2 * (2 * window - 2) if ends.all() else last.size


def _lanes(bytes_a_lane: int) -> int:
    """How many resamples a pass serves."""
    if LANES[0] * bytes_a_lane <= CACHE_BYTES:
        return LANES[0]
    return LANES[1] if LANES[1] * bytes_a_lane <= MOST_BYTES else LANES[2]


class _Space:
    """Memory for the ranks of a group, kept between blocks: fresh pages cost as much as what is written to them.

    One thread at a time gets it if it is large; the others meanwhile work on other groupings.

    Args:
        size: bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free: list[NDArray[np.uint8]] = []
        self._turns = threading.Semaphore(1 if size > ALONE_BYTES else 1_000)

    @contextmanager
    def lent(self) -> Iterator[NDArray[np.uint8]]:
        with self._turns:
            space = self._free.pop() if self._free else np.empty(self.size, np.uint8)
            yield space
            self._free.append(space)
