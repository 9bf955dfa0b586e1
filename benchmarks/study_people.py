"""Simulated raters whose truth is known: qualities of images, and people with bias, noise, or no wish to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from zlib import crc32

import numpy as np

BOTH = ("perception", "correspondence")
Levels: TypeAlias = Mapping[str, tuple[float, float]]
"""Item -> perception and correspondence, on the scale of 1 to 5 but not rounded."""
Manner: TypeAlias = Literal["honest", "random", "straight", "inverted"]


def draw_truth(generator: Mapping[str, str], rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """A quality for each image, by its generator and by itself: SD .7 and .6 levels, both dimensions related.

    The numbers are drawn, nobody looked: people's scores made from them say nothing about the pictures.
    """
    names = sorted(set(generator.values()))
    of_maker = dict(zip(names, rng.normal(0, 0.7, (len(names), 2)), strict=True))
    found = {}
    for item, maker in generator.items():
        shared, own = rng.normal(0, 0.4), rng.normal(0, 0.45, 2)
        look, match = np.clip(3.0 + of_maker[maker] + shared + own, 1.0, 5.0)
        found[item] = (float(look), float(match))
    return found


@dataclass
class Rater:
    """Somebody who rates; what they say of an item depends on neither the order of items nor on who else is there.

    Attributes:
        manner: ``random`` clicks at random, ``straight`` gives 4 nineteen times in twenty, ``inverted`` has the
            scale the wrong way round. These three don't read.
        bias: levels added to all ratings.
        noise: SD of what is added anew each time, in levels.
        seed: decides their noise.
        asked: item -> how often it was shown to them.
    """

    manner: Manner
    bias: float
    noise: float
    seed: int
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, item: str, levels: tuple[float, float]) -> dict[str, int]:
        """Their marks for an image of these qualities."""
        self.asked[item] += 1
        rng = np.random.default_rng([self.seed, crc32(item.encode()), self.asked[item]])
        if self.manner == "random":
            return dict(zip(BOTH, map(int, rng.integers(1, 6, 2)), strict=True))
        if self.manner == "straight":
            return dict.fromkeys(BOTH, 4 if rng.random() < 0.95 else 3)
        seen = np.array(levels) + self.bias + rng.normal(0, self.noise, 2)
        if self.manner == "inverted":
            seen = 6.0 - seen
        return dict(zip(BOTH, map(int, np.clip(np.rint(seen), 1, 5)), strict=True))

    def obey(self, item: str) -> dict[str, int]:
        """Their answer where the text asks for Bad."""
        return dict.fromkeys(BOTH, 1) if self.manner == "honest" else self.answer(item, (3.0, 3.0))


def draw_raters(manners: Sequence[Manner], rng: np.random.Generator) -> list[Rater]:
    """One rater a manner: biases of SD .35, noise of .5 to .9 levels."""
    return [
        Rater(manner, float(rng.normal(0, 0.35)), float(rng.uniform(0.5, 0.9)), int(rng.integers(2**31)))
        for manner in manners
    ]
