"""Rows in the order in which the loops of ``kernels`` walk over them: sorted once, for all resamples.

Each class is a statistic of every group of one grouping: a function from a block of prompt weights (``[c, lanes]``,
see ``kernels``) to ``[g, lanes]`` values, NaN where a resample does not define one. Threads may share it.
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

LARGEST = 2**26
"""Rows whose doubled ranks fit into 32 bits even if a prompt that has all of them is drawn 15 times."""
LANES = (32, 16)
"""Resamples that one pass over the rows serves: the first if the ranks then take no more than ``RANK_BYTES``."""
RANK_BYTES = 64_000_000


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
        lanes: how many resamples a block should have.

    Raises:
        StatisticsError: too many rows.
    """

    def __init__(
        self, x: Floats, y: Floats, prompts: Groups, groups: Groups, ascending: tuple[Ints, Ints]
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
        place[rows] = np.arange(x.size) - np.repeat(self._starts[:-1], self.sizes)
        self._y = _Sorted.of(y, rows, prompts, self._starts)
        rows = _within(by_x, groups)
        self._x_place = place[rows]
        self._x = _Sorted.of(x, rows, prompts, self._starts)
        self.reasons = tuple(self._reason(g) for g in range(len(groups)))
        widest = int(self.sizes.max(initial=0))
        self.lanes = LANES[0] if 4 * LANES[0] * widest <= RANK_BYTES else LANES[-1]
        self._ranks = _Space(widest * self.lanes)

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of at most ``lanes`` resamples."""
        x, y, lanes = self._x, self._y, block.shape[1]
        with self._ranks.lent() as space:
            ranks = space[: space.size // lanes * lanes].reshape(-1, lanes)
            found: Floats = kernels.rank_correlations(
                ranks, block, self._starts, x.prompts, self._x_place, x.last, y.prompts, y.last
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
    ascending = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    return [GroupedRanks(x, y, prompts, groups, ascending) for groups in groupings]


class GroupedMeans:
    """The mean of every group.

    Args:
        values: [n] finite.
        prompts: of the rows.
        groups: of the rows.

    Attributes:
        sizes: [g] rows of each group.
        reasons: [g] why a group has no mean; None where it has one.
        lanes: how many resamples a block should have.
    """

    lanes = LANES[0]

    def __init__(self, values: Floats, prompts: Groups, groups: Groups) -> None:
        c = len(prompts)
        cells = groups.codes * c + prompts.codes
        order = np.argsort(cells)
        cells = cells[order]
        first = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
        self._starts = np.searchsorted(cells[first], np.arange(len(groups) + 1) * c)
        self._prompts = (cells[first] % c).astype(np.int32)
        self._counts = np.diff(first, append=cells.size).astype(np.float64)
        self._sums = np.add.reduceat(values[order], first)
        self.sizes = np.bincount(groups.codes, minlength=len(groups))
        self.reasons = tuple(None if n else "no image has a score" for n in self.sizes)

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of resamples."""
        found: Floats = kernels.weighted_means(block, self._starts, self._prompts, self._sums, self._counts)
        return found


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
        lanes: how many resamples a block should have.
    """

    lanes = LANES[0]

    def __init__(self, p: Floats, yes: Floats, prompts: Groups, groups: Groups, ascending: Ints) -> None:
        self.sizes = np.bincount(groups.codes, minlength=len(groups))
        self._starts = np.concatenate(([0], np.cumsum(self.sizes)))
        rows = _within(ascending, groups)
        self._p, self._yes = _Sorted.of(p, rows, prompts, self._starts), yes[rows] == 1
        said = np.bincount(groups.codes, yes, len(groups))
        self.reasons = tuple(
            f"people say {'yes' if yeses else 'no'} to all {n} items" if yeses in (0, n) else None
            for n, yeses in zip(self.sizes.tolist(), said.tolist(), strict=True)
        )

    def __call__(self, block: Block) -> Floats:
        """[g, lanes] of a block of resamples."""
        found: Floats = kernels.areas(block, self._starts, self._p.prompts, self._p.last, self._yes)
        return found


@dataclass(frozen=True)
class _Sorted:
    """The rows by group, then by one column.

    Attributes:
        prompts: [n] of the rows.
        last: [n] whether a row is the last one of its group with its value.
        least: [g] the smallest value of each group; NaN where it has no row.
    """

    prompts: NDArray[np.int32]
    last: NDArray[np.bool_]
    least: Floats

    @classmethod
    def of(cls, values: Floats, rows: Ints, prompts: Groups, starts: Ints) -> _Sorted:
        ordered = values[rows]
        last = np.empty(rows.size, np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=last[:-1])
        filled = starts[1:] > starts[:-1]
        last[starts[1:][filled] - 1] = True
        least = np.full(filled.size, np.nan)
        least[filled] = ordered[starts[:-1][filled]]
        return cls(prompts.codes[rows].astype(np.int32), last, least)


class _Space:
    """Memory for the ranks of a group, kept between blocks: fresh pages cost as much as what is written to them.

    One thread at a time gets it if it is large; the others meanwhile work on other groupings.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[NDArray[np.int32]] = []
        self._turns = threading.Semaphore(1 if 4 * size > RANK_BYTES else 1_000)

    @contextmanager
    def lent(self) -> Iterator[NDArray[np.int32]]:
        with self._turns:
            space = self._free.pop() if self._free else np.empty(self._size, np.int32)
            yield space
            self._free.append(space)


def _within(ascending: Ints, groups: Groups) -> Ints:
    """[n] rows that ascend, by group."""
    # numpy sorts numbers of 16 bits by their digits, in linear time
    codes = groups.codes.astype(np.uint16 if len(groups) <= 2**16 else np.int64)
    rows: Ints = ascending[np.argsort(codes[ascending], kind="stable")]
    return rows
