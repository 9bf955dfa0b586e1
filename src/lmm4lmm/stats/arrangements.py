"""Rows in the order in which the loops of ``kernels`` walk over them: sorted once, for all resamples.

Each class is a statistic of every group of one grouping: a function from a block of prompt weights (``[c, lanes]``,
see ``kernels``) to ``[g, lanes]`` values, NaN where a resample does not define one. Threads may share it.
What is kept of each row is as narrow as it can be, for there may be millions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import kernels
from lmm4lmm.stats.arrays import Floats, Groups, Ints
from lmm4lmm.stats.correlation import LEAST_PAIRS

Block: TypeAlias = NDArray[np.uint8]
"""[c, lanes]: how often each prompt was drawn, in each of several resamples."""

Rows: TypeAlias = NDArray[np.int32]
"""Which rows, in some order."""

LARGEST = 2**26
"""Rows whose doubled ranks fit into 32 bits even if a prompt that has all of them is drawn 15 times."""
LANES = (32, 16)
"""Resamples that one pass over the rows serves: the first if the ranks then take no more than ``CACHE_BYTES``. Fewer
than 16 take twice as long each, more than 32 gain nothing."""
CACHE_BYTES = 16_000_000
"""Ranks of 32 MB took twice the time a row that those of 16 MB took, on a processor with 2 MB of its own a core."""
ALONE_BYTES = 64_000_000
"""If the ranks take more than this, one thread at a time has them."""


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
        rows = _within(by_y, groups)
        place = np.empty(x.size, np.int32)
        place[rows] = np.arange(x.size, dtype=np.int32)
        place -= self._starts[:-1].astype(np.int32)[groups.codes]
        self._prompts = prompts.codes[rows].astype(np.int32)  # by y; those by x are found through the place
        self._y = _Runs.of(y, rows, self._starts)
        rows = _within(by_x, groups)
        self._x_place = place[rows]
        self._x = _Runs.of(x, rows, self._starts)
        self.reasons = tuple(self._reason(g) for g in range(len(groups)))
        widest = int(self.sizes.max(initial=0))
        self._lanes = LANES[0] if 4 * LANES[0] * widest <= CACHE_BYTES else LANES[-1]
        self._ranks = _Space(widest * self._lanes)

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of resamples."""
        narrow = [block[:, at : at + self._lanes] for at in range(0, block.shape[1], self._lanes)]
        return np.concatenate([self._of(np.ascontiguousarray(part)) for part in narrow], axis=1)

    def _of(self, block: Block) -> Floats:
        """[g, lanes] of a block of no more resamples than there is space for."""
        lanes = block.shape[1]
        with self._ranks.lent() as space:
            ranks = space[: space.size // lanes * lanes].reshape(-1, lanes)
            found: Floats = kernels.rank_correlations(
                ranks, block, self._starts, self._x_place, self._x.last, self._prompts, self._y.last
            )
        return found

    def _reason(self, g: int) -> str | None:
        n, begin = int(self.sizes[g]), int(self._starts[g])
        if n < LEAST_PAIRS:
            return f"needs at least {LEAST_PAIRS} pairs of values; there are {n}"
        for order, what in ((self._x, "predicted"), (self._y, "human")):
            if not order.last[begin : begin + n - 1].any():
                return f"{what} is constant ({order.least[g]:g} for all {n} items)"
        return None


def grouped_ranks(x: Floats, y: Floats, prompts: Groups, groupings: Sequence[Groups]) -> list[GroupedRanks]:
    """SRCC within every group of several groupings of the same rows; see ``GroupedRanks``."""
    ascending = ascending_rows(x), ascending_rows(y)
    return [GroupedRanks(x, y, prompts, groups, ascending) for groups in groupings]


def ascending_rows(values: Floats) -> Rows:
    """[n] the rows from the smallest value up; equal values in the order given."""
    return np.argsort(values, kind="stable").astype(np.int32)


class GroupedMeans:
    """The mean of every group.

    Args:
        values: [n] finite.
        entries: of the rows of these values.

    Attributes:
        sizes: [g] rows of each group.
        reasons: [g] why a group has no mean; None where it has one.
    """

    def __init__(self, values: Floats, entries: Entries) -> None:
        self._entries = entries
        self._sums = np.add.reduceat(values[entries.order], entries.first)
        self.sizes = entries.sizes
        self.reasons = tuple(None if n else "no image has a score" for n in self.sizes)

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of resamples."""
        its = self._entries
        found: Floats = kernels.weighted_means(block, its.starts, its.prompts, self._sums, its.counts)
        return found


class Entries:
    """What each group has of each prompt: one entry where it has any row. Scores of the same rows share it.

    Args:
        prompts: of the rows.
        groups: of the rows.

    Attributes:
        order: [n] the rows by group, then by prompt; empty after ``forget_rows``.
        first: [m] where in ``order`` each entry begins; empty after ``forget_rows``.
        starts: [g + 1] where each group's entries begin.
        prompts: [m] the prompt of each entry.
        counts: [m] its rows.
        sizes: [g] rows of each group.
    """

    def __init__(self, prompts: Groups, groups: Groups) -> None:
        c = len(prompts)
        cells = groups.codes * c + prompts.codes
        self.order: Rows = np.argsort(cells).astype(np.int32)
        cells = cells[self.order]
        self.first = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
        self.counts = np.diff(self.first, append=cells.size).astype(np.int32)
        cells = cells[self.first]
        self.starts = np.searchsorted(cells, np.arange(len(groups) + 1) * c)
        self.prompts = (cells % c).astype(np.int32)
        self.sizes = np.bincount(groups.codes, minlength=len(groups))

    def forget_rows(self) -> None:
        """Frees what only the making of a ``GroupedMeans`` needs."""
        self.order, self.first = self.order[:0].copy(), self.first[:0].copy()


class GroupedAreas:
    """The area under the ROC curve of every group.

    Args:
        p: [n] probability of yes.
        yes: [n] 1 for yes, 0 for no.
        prompts: of the rows.
        groups: of the rows.
        ascending: rows by p.

    Attributes:
        sizes: [g] rows of each group.
        reasons: [g] why a group has no area; None where it has one.
    """

    def __init__(self, p: Floats, yes: Floats, prompts: Groups, groups: Groups, ascending: Rows) -> None:
        self.sizes = np.bincount(groups.codes, minlength=len(groups))
        self._starts = np.concatenate(([0], np.cumsum(self.sizes)))
        rows = _within(ascending, groups)
        self._last = _Runs.of(p, rows, self._starts).last
        self._prompts, self._yes = prompts.codes[rows].astype(np.int32), yes[rows] == 1
        said = np.bincount(groups.codes, yes, len(groups))
        self.reasons = tuple(
            f"people say {'yes' if yeses else 'no'} to all {n} items" if yeses in (0, n) else None
            for n, yeses in zip(self.sizes.tolist(), said.tolist(), strict=True)
        )

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of resamples."""
        found: Floats = kernels.areas(block, self._starts, self._prompts, self._last, self._yes)
        return found


@dataclass(frozen=True)
class _Runs:
    """Where equal values end in the rows by group, then by one column.

    Attributes:
        last: [n] whether a row is the last one of its group with its value.
        least: [g] the smallest value of each group; NaN where it has no row.
    """

    last: NDArray[np.bool_]
    least: Floats

    @classmethod
    def of(cls, values: Floats, rows: Rows, starts: Ints) -> _Runs:
        ordered = values[rows]
        last = np.empty(rows.size, np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=last[:-1])
        filled = starts[1:] > starts[:-1]
        last[starts[1:][filled] - 1] = True
        least = np.full(filled.size, np.nan)
        least[filled] = ordered[starts[:-1][filled]]
        return cls(last, least)


class _Space:
    """Memory for the ranks of a group, kept between blocks: fresh pages cost as much as what is written to them.

    One thread at a time gets it if it is large; the others meanwhile work on other groupings.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[NDArray[np.int32]] = []
        self._turns = threading.Semaphore(1 if 4 * size > ALONE_BYTES else 1_000)

    @contextmanager
    def lent(self) -> Iterator[NDArray[np.int32]]:
        with self._turns:
            space = self._free.pop() if self._free else np.empty(self._size, np.int32)
            yield space
            self._free.append(space)


def _within(ascending: Rows, groups: Groups) -> Rows:
    """[n] rows that ascend, by group."""
    # numpy sorts numbers of 16 bits by their digits, in linear time
    codes = groups.codes.astype(np.uint16 if len(groups) <= 2**16 else np.int64)
    return ascending[np.argsort(codes[ascending], kind="stable")]
