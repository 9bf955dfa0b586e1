"""Counts of concordant and discordant pairs in O(n log n), overall and for each item.

Kendall's tau, pairwise accuracy and the bootstrap of both rest on these counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats, Ints


@dataclass(frozen=True)
class PairCounts:
    """For each item, over the n - 1 others.

    Attributes:
        concordant: [n] others that both columns order alike.
        discordant: [n] others that the columns order in opposite ways.
        untied_x: [n] others with another x.
        untied_y: [n] others with another y.
        tied_both: [n] others equal in x and in y.
    """

    concordant: Ints
    discordant: Ints
    untied_x: Ints
    untied_y: Ints
    tied_both: Ints


def pair_counts(x: Floats, y: Floats) -> PairCounts:
    """Counts of pairs by item.

    Args:
        x: [n] finite values.
        y: [n] finite values.
    """
    n, (group_x, tied_x), (group_y, tied_y) = x.size, _ties(x), _ties(y)
    _, tied_both = _ties(group_x * n + group_y)
    concordant = _smaller_in_both(x, y) + _smaller_in_both(-x, -y)
    untied_in_both = n - tied_x - tied_y + tied_both
    return PairCounts(
        concordant=concordant,
        discordant=untied_in_both - concordant,
        untied_x=n - tied_x,
        untied_y=n - tied_y,
        tied_both=tied_both - 1,
    )


def _ties(values: NDArray[Any]) -> tuple[Ints, Ints]:
    """[n] the number of each item's tie, and how many items are in it."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    return group.astype(np.intp), size[group].astype(np.intp)


def _smaller_in_both(x: Floats, y: Floats) -> Ints:
    """[n] how many items have a smaller x and a smaller y than this one, both strictly.

    One stable radix partition by x runs over the items in order of y (a wavelet tree): an item that goes
    right at a level counts the items of its node that went left before it. Ties must not count, so equal
    x are numbered against the order of y, and equal y stand against the order of x.
    """
    n = x.size
    place = np.empty(n, dtype=np.intp)
    place[np.lexsort((-y, x))] = np.arange(n)
    item = np.lexsort((-place, y))
    key = place[item]
    counts = np.zeros(n, dtype=np.intp)
    index = np.arange(n)
    for bit in range(max(n - 1, 1).bit_length() - 1, -1, -1):
        goes_right = (key >> bit) & 1 == 1
        left_before = np.concatenate(([0], np.cumsum(~goes_right)))
        # keys are 0 .. n-1 once each, so the node that shares the upper bits starts where its least key lies
        start = (key >> (bit + 1)) << (bit + 1)
        left_in_node = left_before[:-1] - left_before[start]
        counts[item[goes_right]] += left_in_node[goes_right]
        target = start + np.where(goes_right, (1 << bit) + (index - start - left_in_node), left_in_node)
        moved_item, moved_key = np.empty_like(item), np.empty_like(key)
        moved_item[target], moved_key[target] = item, key
        item, key = moved_item, moved_key
    return counts
