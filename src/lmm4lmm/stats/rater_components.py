"""Variance components from the ratings of a pilot, every rater having rated as many items as they liked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.rater_planning import Components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROUNDS = 2_000


def components_of(
    items: Ints,
    raters: Ints,
    ratings: Floats,
    *,
    generators: Sequence[str | None] | None = None,
    prompts: Sequence[str | None] | None = None,
) -> Components:
    """Components by moments: for a full table those of the two-way analysis of variance, with gaps close to them.

    Args:
        items, raters: whose rating it is [ratings], numbered from 0 without gaps.
        ratings: finite [ratings].
        generators, prompts: of the items; ``pair`` is estimated where two generators share two prompts or more,
            and is None elsewhere. An estimate below 0 counts as 0.

    Raises:
        StatisticsError: fewer than 2 items or raters, no rating beyond what items and raters explain, or
            nothing that they leave unexplained.
    """
    n_items, n_raters = int(items.max(initial=-1)) + 1, int(raters.max(initial=-1)) + 1
    free = len(ratings) - n_items - n_raters + 1
    if n_items < 2 or n_raters < 2 or free < 1:
        raise StatisticsError(
            f"a pilot needs 2 items, 2 raters and overlap among them; it has {n_items} items, {n_raters} raters "
            f"and {len(ratings)} ratings"
        )
    per_item, per_rater = np.bincount(items), np.bincount(raters)
    scores, biases = _additive(items, raters, ratings, per_item, per_rater)
    residual = float(np.sum((ratings - scores[items] - biases[raters]) ** 2)) / free
    if residual <= 1e-12 * (1 + float(np.max(np.abs(ratings)))) ** 2:
        raise StatisticsError(
            "the raters of the pilot agree to the point on every item, or differ by a constant each: it does not say "
            "how much ratings scatter, and any number of raters would look like enough"
        )
    item = max(0.0, float(np.var(scores, ddof=1)) - residual * float(np.mean(1 / per_item)))
    rater = max(0.0, float(np.var(biases, ddof=1)) - residual * float(np.mean(1 / per_rater)))
    pair = None
    if generators is not None and prompts is not None:
        pair = _pair(scores, residual / per_item, generators, prompts)
    return Components(math.sqrt(item), math.sqrt(rater), math.sqrt(residual), pair)


def _additive(
    items: Ints, raters: Ints, ratings: Floats, per_item: Ints, per_rater: Ints
) -> tuple[Floats, Floats]:
    """Least squares of item + rater, by turns until nothing moves; biases have the mean 0."""
    biases = np.zeros(len(per_rater))
    for _ in range(ROUNDS):
        scores = np.bincount(items, ratings - biases[raters]) / per_item
        after = np.bincount(raters, ratings - scores[items]) / per_rater
        after -= after.mean()
        moved = float(np.max(np.abs(after - biases)))
        biases = after
        if moved < 1e-9 * (1 + float(np.max(np.abs(ratings)))):
            break
    return np.bincount(items, ratings - biases[raters]) / per_item, biases


def _pair(
    scores: Floats, noise: Floats, generators: Sequence[str | None], prompts: Sequence[str | None]
) -> float | None:
    """Root mean square over pairs of generators of the SD of their difference over prompts, without the noise."""
    cells: dict[str, dict[str, int]] = {}
    for place, (generator, prompt) in enumerate(zip(generators, prompts, strict=True)):
        if generator and prompt:
            cells.setdefault(generator, {}).setdefault(prompt, place)  # one image a prompt, as in the plan
    total, weight = 0.0, 0
    for one, other in combinations(cells.values(), 2):
        shared = sorted(set(one) & set(other))
        if len(shared) < 2:
            continue
        a, b = [one[prompt] for prompt in shared], [other[prompt] for prompt in shared]
        variance = float(np.var(scores[a] - scores[b], ddof=1)) - float(np.mean(noise[a] + noise[b]))
        total += variance * (len(shared) - 1)
        weight += len(shared) - 1
    return math.sqrt(max(0.0, total / weight)) if weight else None
