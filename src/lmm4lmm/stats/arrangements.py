"""Rows in the order in which the loops of ``kernels`` walk over them: sorted once, for all resamples.

Each class is a statistic of every group of one grouping: a function from a block of prompt weights (``[c, lanes]``,
see ``kernels``) to ``[g, lanes]`` values, NaN where a resample does not define one. Threads may share it.
What is kept of each row is as narrow as it can be, for there may be millions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats import kernels
from lmm4lmm.stats.arrays import Floats, Groups, Ints

Block: TypeAlias = NDArray[np.uint8]
"""[c, lanes]: how often each prompt was drawn, in each of several resamples."""

Rows: TypeAlias = NDArray[np.int32]
"""Which rows, in some order."""


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
        rows = within(ascending, groups)
        self._last = Runs.of(p, rows, self._starts).last
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
class Runs:
    """Where equal values end in the rows by group, then by one column.

    Attributes:
        last: [n] whether a row is the last one of its group with its value.
        least: [g] the smallest value of each group; NaN where it has no row.
    """

    last: NDArray[np.bool_]
    least: Floats

    @classmethod
    def of(cls, values: Floats, rows: Rows, starts: Ints) -> Runs:
        ordered = values[rows]
        last = np.empty(rows.size, np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=last[:-1])
        filled = starts[1:] > starts[:-1]
        last[starts[1:][filled] - 1] = True
        least = np.full(filled.size, np.nan)
        least[filled] = ordered[starts[:-1][filled]]
        return cls(last, least)


def within(ascending: Rows, groups: Groups) -> Rows:
    """[n] rows that ascend, by group."""
    if len(groups) == 1:
        return ascending
    # numpy sorts numbers of 16 bits by their digits, in linear time
    codes = groups.codes.astype(np.uint16 if len(groups) <= 2**16 else np.int64)
    return ascending[np.argsort(codes[ascending], kind="stable")]
