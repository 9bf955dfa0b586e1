"""Draws from a few choices; all chance is the generator's that is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    """One of them."""
    return choices[int(rng.integers(len(choices)))]


def pair_of(choices: Sequence[T], rng: np.random.Generator) -> tuple[T, T]:
    """Two different ones, in either order."""
    one, two = rng.choice(len(choices), size=2, replace=False)
    return choices[int(one)], choices[int(two)]


def perhaps(choices: Sequence[T], rng: np.random.Generator, chance: float) -> T | None:
    """One of them with this chance, else None."""
    return pick(choices, rng) if rng.random() < chance else None
