"""What every statistic does first: bring input to arrays, check it, drop missing pairs and count them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Labels: TypeAlias = Sequence[Any] | NDArray[Any]
"""One hashable label an item: prompts, generators, tasks."""


LARGEST = 1e100
"""Scores beyond this, or all within its inverse of each other, are a mistake: their squares leave the floats."""


@dataclass(frozen=True)
class Pairs:
    """Two columns of numbers without missing values.

    Attributes:
        x: [n] the first column, in practice what a metric predicts.
        y: [n] the second column, in practice what people say.
        kept: [n + n_dropped] which of the rows given are in ``x`` and ``y``.
        n_dropped: rows where either value is missing (NaN).
    """

    x: Floats
    y: Floats
    kept: NDArray[np.bool_]

    @property
    def n_dropped(self) -> int:
        return int(self.kept.size - self.x.size)


@dataclass(frozen=True)
class Groups:
    """Labels as numbers.

    Attributes:
        codes: [n] 0 .. len(names) - 1.
        names: the label of each code, in order of first appearance.
    """

    codes: Ints
    names: tuple[Hashable, ...]

    def __len__(self) -> int:
        return len(self.names)

    def of(self, kept: NDArray[np.bool_]) -> Groups:
        """The groups that are left among the kept rows, numbered anew."""
        used, codes = np.unique(self.codes[kept], return_inverse=True)
        return Groups(codes.astype(np.intp), tuple(self.names[i] for i in used))


def as_groups(labels: Labels | Groups | None, n: int, what: str) -> Groups:
    """Labels as numbers, unless they are that already.

    Raises:
        StatisticsError: there is not one label an item, or a label is None.
    """
    if not isinstance(labels, Groups):
        return groups(labels, n, what)
    if labels.codes.size != n:
        raise StatisticsError(f"there are {labels.codes.size} {what} for {n} items; each item needs one")
    return labels


def crossed(first: Groups, second: Groups) -> Groups:
    """The cells of two groupings of the same items, those that occur; a label is the pair of labels."""
    used, cells = np.unique(first.codes * len(second) + second.codes, return_inverse=True)
    names = tuple((first.names[k // len(second)], second.names[k % len(second)]) for k in used.tolist())
    return Groups(cells.astype(np.intp), names)


def column(values: ArrayLike, what: str) -> Floats:
    """One column of numbers as float64; NaN (or None) is a missing value.

    Raises:
        StatisticsError: it is not one-dimensional, holds something that is no number, an infinity, or a number
            whose square leaves the range of a float.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{what} must be numbers: {error}") from error
    if array.ndim != 1:
        raise StatisticsError(f"{what} must be one column of numbers; its shape is {array.shape}")
    if np.isinf(array).any():
        place = int(np.flatnonzero(np.isinf(array))[0])
        raise StatisticsError(f"{what} holds {array[place]} at position {place}; scores must be finite")
    if (np.abs(array) > LARGEST).any():
        place = int(np.flatnonzero(np.abs(array) > LARGEST)[0])
        raise StatisticsError(f"{what} holds {array[place]:g} at position {place}: too large to compute with")
    return array


def table(values: ArrayLike, what: str) -> Floats:
    """A table of numbers as float64, in practice items by raters; NaN (or None) is a missing value.

    Raises:
        StatisticsError: it is not two-dimensional, is empty, holds something that is no number, an infinity, or a
            number whose square leaves the range of a float.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{what} must be numbers: {error}") from error
    if array.ndim != 2:
        raise StatisticsError(f"{what} must be a table of items by raters; its shape is {array.shape}")
    if not array.size:
        raise StatisticsError(
            f"{what} is an empty table of {array.shape[0]} items by {array.shape[1]} raters"
        )
    wrong = np.abs(array) > LARGEST
    if wrong.any():
        row, rater = np.argwhere(wrong)[0].tolist()
        raise StatisticsError(
            f"{what} holds {array[row, rater]:g} at item {row}, rater {rater}; ratings must be finite numbers"
        )
    return array


def pairs(predicted: ArrayLike, human: ArrayLike) -> Pairs:
    """Two columns of equal length, without the rows where either value is missing.

    Where nothing is missing they are the caller's arrays and no copies: read them, don't write to them.

    Raises:
        StatisticsError: the lengths differ, or a column is not numbers.
    """
    x, y = column(predicted, "predicted"), column(human, "human")
    if x.size != y.size:
        raise StatisticsError(f"predicted has {x.size} values and human {y.size}: not the same items")
    kept = ~(np.isnan(x) | np.isnan(y))
    return Pairs(x, y, kept) if kept.all() else Pairs(x[kept], y[kept], kept)


def groups(labels: Labels | None, n: int, what: str) -> Groups:
    """Labels as numbers; without labels every item is a group of its own.

    Raises:
        StatisticsError: there is not one label an item, or a label is None.
    """
    if labels is None:
        return Groups(np.arange(n, dtype=np.intp), tuple(range(n)))
    if len(labels) != n:
        raise StatisticsError(f"there are {len(labels)} {what} for {n} items; each item needs one")
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
        return _numbered(labels)
    listed = labels.tolist() if isinstance(labels, np.ndarray) else labels
    index: dict[Hashable, int] = {label: code for code, label in enumerate(dict.fromkeys(listed))}
    codes = np.fromiter(map(index.__getitem__, listed), np.intp, n)
    if None in index:
        raise StatisticsError(f"{what}: item {int(np.flatnonzero(codes == index[None])[0])} has none")
    return Groups(codes, tuple(index))


def _numbered(labels: NDArray[Any]) -> Groups:
    """Labels that are whole numbers, in a tenth of the time."""
    values, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(order.size, np.intp)
    place[order] = np.arange(order.size)
    return Groups(place[codes.ravel()], tuple(values[order].tolist()))


def dot(a: Floats, b: Floats) -> float:
    """The sum of products. BLAS would wake its threads for 10,000 numbers, which costs more than the sum itself."""
    return float(np.einsum("i,i->", a, b))


def need_yes_no(values: Floats) -> None:
    """Refuses people's answers that are anything but yes (1) or no (0).

    Raises:
        StatisticsError: another value, or none at all.
    """
    if not values.size:
        raise StatisticsError("no item has both answers")
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        raise StatisticsError(f"human must be 1 (yes) or 0 (no); it holds {values[wrong][0]:g}")


def need(x: Floats, y: Floats, at_least: int) -> None:
    """Refuses columns that no correlation is defined on.

    Raises:
        StatisticsError: fewer than ``at_least`` pairs, or a column that is constant.
    """
    if x.size < at_least:
        raise StatisticsError(f"needs at least {at_least} pairs of values; there are {x.size}")
    for values, what in ((x, "predicted"), (y, "human")):
        if np.ptp(values) < 1.0 / LARGEST:
            raise StatisticsError(f"{what} is constant ({values[0]:g} for all {values.size} items)")
