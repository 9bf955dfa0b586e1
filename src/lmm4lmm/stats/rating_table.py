"""Ratings as a list of (item, rater, value), whatever the design: every method of ``mos`` works on this.

A list costs as much as there are ratings, so that 50,400 images with 15 ratings each are as quick when 15 people
rated all of them as when 800 people rated some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Ints, column, table

Repeats: TypeAlias = Literal["mean", "error"]
"""What becomes of a rater's second rating of an item."""

MOST_CELLS = 200_000_000
"""Cells of items by raters that repetitions are looked for in by ticking off: 200 MB."""


@dataclass(frozen=True)
class RatingTable:
    """At most one rating for each item and rater.

    Attributes:
        items: [r] number of the item of each rating, 0 to n_items - 1.
        raters: [r] number of its rater, 0 to n_raters - 1.
        values: [r] the rating, any unit, finite.
        n_items: items, rated or not.
        n_raters: raters, whether they rated or not.
        n_repeats: ratings given beyond the first of the same item by the same rater; they are in the means.
    """

    items: Ints
    raters: Ints
    values: Floats
    n_items: int
    n_raters: int
    n_repeats: int = 0

    @cached_property
    def item_counts(self) -> Floats:
        """[n_items] ratings of each item."""
        return self.per_item(np.ones(self.items.size))

    @cached_property
    def rater_counts(self) -> Floats:
        """[n_raters] ratings of each rater."""
        return self.per_rater(np.ones(self.items.size))

    def per_item(self, amounts: Floats) -> Floats:
        """[n_items] sums of what each rating brings."""
        return _sums(self.items, amounts, self.n_items)

    def per_rater(self, amounts: Floats) -> Floats:
        """[n_raters] sums of what each rating brings."""
        return _sums(self.raters, amounts, self.n_raters)

    def item_means(self, amounts: Floats) -> Floats:
        """[n_items]; NaN where an item has no rating."""
        return quotient(self.per_item(amounts), self.item_counts)

    def rater_means(self, amounts: Floats) -> Floats:
        """[n_raters]; NaN where a rater gave no rating."""
        return quotient(self.per_rater(amounts), self.rater_counts)

    def only(self, kept: NDArray[np.bool_]) -> RatingTable:
        """The same items and raters with some of the ratings: ``kept`` [r]."""
        return RatingTable(
            self.items[kept],
            self.raters[kept],
            self.values[kept],
            self.n_items,
            self.n_raters,
            self.n_repeats,
        )

    def matrix(self, amounts: Floats | None = None) -> Floats:
        """[n_items, n_raters] the ratings, or ``amounts`` in their place; NaN where there is none."""
        whole = np.full((self.n_items, self.n_raters), np.nan)
        whole[self.items, self.raters] = self.values if amounts is None else amounts
        return whole


def _sums(codes: Ints, amounts: Floats, size: int) -> Floats:
    """Of no ratings, bincount counts in whole numbers."""
    return np.bincount(codes, amounts, size).astype(np.float64, copy=False)


def quotient(top: Floats, bottom: Floats) -> Floats:
    """top / bottom; NaN where bottom is not above 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(bottom > 0, top / bottom, np.nan), dtype=np.float64)


def from_matrix(ratings: ArrayLike) -> RatingTable:
    """From a table of items by raters.

    Args:
        ratings: [n_items, n_raters] any unit; NaN where a rater did not rate an item.

    Raises:
        StatisticsError: not a table of finite numbers, or it is empty.
    """
    whole = table(ratings, "ratings")
    items, raters = np.nonzero(~np.isnan(whole))
    return RatingTable(items, raters, whole[items, raters], *whole.shape)


def from_long(
    items: Sequence[int] | Ints,
    raters: Sequence[int] | Ints,
    values: ArrayLike,
    *,
    n_items: int | None = None,
    n_raters: int | None = None,
    repeats: Repeats = "mean",
) -> RatingTable:
    """From one row a rating.

    Args:
        items: [r] numbers from 0.
        raters: [r] numbers from 0.
        values: [r] the ratings; NaN where there is none (the row only says that item and rater exist).
        n_items: how many items there are; None for those that are named.
        n_raters: how many raters there are; None for those that are named.
        repeats: "mean": several ratings of an item by one rater count as one, their mean, since a person who is
            asked twice is not two people; "error": they are a mistake.

    Raises:
        StatisticsError: columns of different lengths, numbers out of range, no rows, or a repetition that is
            called an error.
    """
    i, j, x = np.asarray(items, np.intp), np.asarray(raters, np.intp), column(values, "ratings")
    if not (i.shape == j.shape == x.shape):
        raise StatisticsError(
            f"there are {x.size} ratings, {i.size} items and {j.size} raters: one a row each"
        )
    if not x.size:
        raise StatisticsError("there are no ratings")
    counts = [_count(i, n_items, "item"), _count(j, n_raters, "rater")]
    known = ~np.isnan(x)
    i, j, x = i[known], j[known], x[known]
    keys = i * counts[1] + j
    n_repeats = int(keys.size - _distinct(keys, counts[0] * counts[1]))
    if n_repeats:
        cells, place = np.unique(keys, return_inverse=True)
        if repeats == "error":
            twice = cells[np.bincount(place) > 1][0]
            raise StatisticsError(f"rater {twice % counts[1]} rated item {twice // counts[1]} more than once")
        x = np.bincount(place, x) / np.bincount(place)
        i, j = cells // counts[1], cells % counts[1]
    return RatingTable(i, j, x, counts[0], counts[1], n_repeats)


def _distinct(keys: Ints, cells: int) -> int:
    """How many different keys there are; ticking cells off is ten times as quick as sorting."""
    if cells > MOST_CELLS:
        return int(np.unique(keys).size)
    seen = np.zeros(cells, np.bool_)
    seen[keys] = True
    return int(seen.sum())


def _count(codes: Ints, stated: int | None, what: str) -> int:
    least = int(codes.max()) + 1
    if codes.min() < 0 or (stated is not None and stated < least):
        raise StatisticsError(
            f"{what} numbers go from {codes.min()} to {least - 1}; there are {stated} {what}s"
        )
    return least if stated is None else stated


def components(ratings: RatingTable) -> tuple[int, Ints, Ints]:
    """Which items and raters hang together through ratings.

    Two raters who share no item, not even through others, can't be told apart in severity.

    Returns:
        Number of groups with a rating, group of each item, group of each rater (-1 without ratings).
    """
    from scipy.sparse import coo_array  # takes a while to import
    from scipy.sparse.csgraph import connected_components

    size = ratings.n_items + ratings.n_raters
    edges = (np.ones(ratings.items.size), (ratings.items, ratings.n_items + ratings.raters))
    _, labels = connected_components(coo_array(edges, shape=(size, size)), directed=False)
    rated = np.concatenate([ratings.item_counts, ratings.rater_counts]) > 0
    used, numbers = np.unique(labels[rated], return_inverse=True)
    found = np.full(size, -1, np.intp)
    found[rated] = np.asarray(numbers).ravel()
    return int(used.size), found[: ratings.n_items], found[ratings.n_items :]
