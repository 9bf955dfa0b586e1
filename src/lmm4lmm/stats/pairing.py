"""All pairs of items, or all pairs within groups, as two columns of positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Groups, Ints

MOST_PAIRS = 20_000_000
"""More pairs than this are refused: a column of them takes 160 MB, and a statistic needs several."""


@dataclass(frozen=True)
class ItemPairs:
    """Pairs of items of one group.

    Attributes:
        first: [p] position of one item.
        second: [p] position of the other.
        group: [p] the number of the group they are of.
    """

    first: Ints
    second: Ints
    group: Ints


def item_pairs(groups: Groups) -> ItemPairs:
    """Every pair of items of one group, each once; groups of one item have none.

    Args:
        groups: [n] the group of each item; one group for all gives all pairs.

    Raises:
        StatisticsError: there are more than ``MOST_PAIRS``.
    """
    sizes = np.bincount(groups.codes, minlength=len(groups))
    total = int((sizes * (sizes - 1) // 2).sum())
    if total > MOST_PAIRS:
        raise StatisticsError(
            f"{total:,} pairs are too many to list (at most {MOST_PAIRS:,}): compare within groups, "
            "say within prompts, or on fewer items"
        )
    order, start = np.argsort(groups.codes, kind="stable"), np.cumsum(sizes) - sizes
    first, second, group = [], [], []
    # groups of one size form a matrix, so the loop runs over the few sizes and not over all groups
    for size in np.unique(sizes[sizes > 1]):
        chosen = np.flatnonzero(sizes == size)
        members = order[start[chosen][:, None] + np.arange(size)]
        i, j = np.triu_indices(int(size), 1)
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
        group.append(np.repeat(chosen, i.size))
    if not first:
        nothing = np.empty(0, dtype=np.intp)
        return ItemPairs(nothing, nothing, nothing)
    return ItemPairs(*(np.concatenate(part).astype(np.intp) for part in (first, second, group)))


def one_group(n: int) -> Groups:
    """All items together."""
    return Groups(np.zeros(n, dtype=np.intp), ("all",))


def gaps(values: Floats, pairs: ItemPairs) -> Floats:
    """[p] the first item's value minus the second's."""
    return np.asarray(values[pairs.first] - values[pairs.second], dtype=np.float64)
