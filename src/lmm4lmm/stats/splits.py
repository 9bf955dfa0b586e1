"""Folds for cross-validation: over images, or over groups (prompts, generators) that must not be split."""

from __future__ import annotations

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Ints, Labels, groups


def folds(n: int, k: int, rng: np.random.Generator) -> Ints:
    """[n] the fold, 0 .. k - 1, of each of n items: random, sizes differ by at most one.

    Raises:
        StatisticsError: fewer than two folds, or fewer items than folds.
    """
    _check(n, k, "items")
    return np.asarray(rng.permutation(np.arange(n) % k), dtype=np.intp)


def grouped_folds(labels: Labels, k: int, rng: np.random.Generator) -> Ints:
    """[n] the fold of each item such that equal labels share a fold.

    Groups are taken in random order, larger ones first, each into the fold that has fewest items.

    Args:
        labels: [n] what must stay together. Prompts by their text, so that equal prompts with different
            numbers stay together.
        k: number of folds.
        rng: the only source of chance.

    Raises:
        StatisticsError: fewer than two folds, or fewer groups than folds.
    """
    found = groups(labels, len(labels), "labels")
    _check(len(found), k, "groups")
    sizes = np.bincount(found.codes, minlength=len(found))
    order = rng.permutation(len(found))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(k, dtype=np.intp)
    fold_of = np.empty(len(found), dtype=np.intp)
    for group in order:
        fold_of[group] = np.argmin(filled)
        filled[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[found.codes], dtype=np.intp)


def _check(n: int, k: int, what: str) -> None:
    if k < 2:
        raise StatisticsError(f"needs at least 2 folds; asked for {k}")
    if n < k:
        raise StatisticsError(f"{k} folds need at least {k} {what}; there are {n}")
