"""Folds for cross-validation: over images, or over groups (prompts, generators) that must not be split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class CrossedFolds:
    """Folds of prompts and of generators at once.

    An item is tested with the block ``(prompt fold, generator fold)`` that it lies in. To train for a block, take
    the items that share neither with it: items that share one of both are left out, or the test would meet a
    prompt or a generator that was seen.

    Attributes:
        prompt: [n] the fold of each item's prompt.
        generator: [n] the fold of its generator.
    """

    prompt: Ints
    generator: Ints

    def test(self, prompt_fold: int, generator_fold: int) -> NDArray[np.bool_]:
        """[n] which items are tested in a block."""
        return np.asarray((self.prompt == prompt_fold) & (self.generator == generator_fold), dtype=np.bool_)

    def train(self, prompt_fold: int, generator_fold: int) -> NDArray[np.bool_]:
        """[n] which items may be trained on for that block."""
        return np.asarray((self.prompt != prompt_fold) & (self.generator != generator_fold), dtype=np.bool_)


def crossed_folds(prompts: Labels, generators: Labels, k: int, rng: np.random.Generator) -> CrossedFolds:
    """Folds that are disjoint in prompts and in generators.

    Args:
        prompts: [n] prompts by their text or group, so that equal prompts stay together.
        generators: [n] who made each image.
        k: folds on either side, so k * k blocks.
        rng: the only source of chance.

    Raises:
        StatisticsError: fewer than two folds, or fewer prompts or generators than folds.
    """
    if len(prompts) != len(generators):
        raise StatisticsError(
            f"there are {len(prompts)} prompts and {len(generators)} generators: not the same items"
        )
    return CrossedFolds(grouped_folds(prompts, k, rng), grouped_folds(generators, k, rng))


def _check(n: int, k: int, what: str) -> None:
    if k < 2:
        raise StatisticsError(f"needs at least 2 folds; asked for {k}")
    if n < k:
        raise StatisticsError(f"{k} folds need at least {k} {what}; there are {n}")
