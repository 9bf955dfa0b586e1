"""Simulated panels of raters: every rater has a bias, a use of the scale and an inconsistency; a few don't care.

A rating is the truth on the rater's own scale, with noise, rounded and clipped to the scale. MOS is the plain mean
and goes back to 0 to 100. Yes/no answers are flipped with the rater's own error rate; the majority counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.synthetic.vocabulary import stream

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Raters, one entry each.

    Attributes:
        bias: added to every rating, in shares of the scale.
        stretch: factor on the distance from the scale's middle.
        inconsistency: standard deviation of the noise, in shares of the scale.
        mistaken: probability of a wrong yes/no answer, 0 to 1.
        careless: whether ratings and answers are mere chance.
        low, high: the integer scale.
    """

    bias: Floats
    stretch: Floats
    inconsistency: Floats
    mistaken: Floats
    careless: npt.NDArray[np.bool_]
    low: int
    high: int

    def __len__(self) -> int:
        return len(self.bias)


@dataclass(frozen=True)
class Opinion:
    """What a panel says of one image: MOS and standard deviation of the ratings, 0 to 100; the majority's answer."""

    perception: float
    perception_std: float
    correspondence: float
    correspondence_std: float
    answer: bool


def panel(seed: int, n: int = 15, *, low: int = 1, high: int = 5, careless: float = 0.06) -> Panel:
    """A panel.

    Args:
        seed: decides who they are.
        n: how many, at least 2.
        low, high: the integer scale, say 1 to 5 or 0 to 100.
        careless: share of raters who rate by chance, rounded down to whole raters, 0 to 1.

    Raises:
        InputError: fewer than 2 raters, or a scale without steps.
    """
    if n < 2:
        raise InputError(f"a panel needs 2 raters or more, not {n}")
    if high <= low:
        raise InputError(f"a scale from {low} to {high} has no steps")
    rng = stream(seed, "panel")
    idle = np.zeros(n, bool)
    idle[rng.permutation(n)[: int(careless * n + 0.5)]] = True
    return Panel(
        bias=rng.normal(0, 0.06, n),
        stretch=rng.lognormal(-0.05, 0.12, n),
        inconsistency=0.05 + rng.gamma(4, 0.015, n),
        mistaken=np.clip(rng.gamma(2, 0.02, n), 0, 0.3),
        careless=idle,
        low=low,
        high=high,
    )


def rate(raters: Panel, truth: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """One rating a rater [raters], of a truth of 0 to 100."""
    share = 0.5 + (truth / 100 - 0.5) * raters.stretch + raters.bias
    share = share + rng.normal(0, 1, len(raters)) * raters.inconsistency
    span = raters.high - raters.low
    ratings = np.clip(np.rint(raters.low + span * share), raters.low, raters.high).astype(np.int64)
    return np.where(raters.careless, rng.integers(raters.low, raters.high + 1, len(raters)), ratings)


def answer(raters: Panel, truth: bool, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """One yes (true) or no a rater [raters]."""
    wrong = rng.random(len(raters)) < np.where(raters.careless, 0.5, raters.mistaken)
    return np.where(wrong, not truth, truth)


def opinion(
    raters: Panel, perception: float, correspondence: float, truth: bool, rng: np.random.Generator
) -> Opinion:
    """The panel's opinion of an image with these truths; with a tie the answer is that of the first rater."""
    quality, match = (_recovered(raters, rate(raters, value, rng)) for value in (perception, correspondence))
    answers = answer(raters, truth, rng)
    yes = int(answers.sum())
    majority = bool(answers[0]) if 2 * yes == len(raters) else 2 * yes > len(raters)
    return Opinion(*quality, *match, majority)


def _recovered(raters: Panel, ratings: npt.NDArray[np.int64]) -> tuple[float, float]:
    points = (ratings - raters.low) * (100 / (raters.high - raters.low))
    return round(float(points.mean()), 4), round(float(points.std(ddof=1)), 4)
