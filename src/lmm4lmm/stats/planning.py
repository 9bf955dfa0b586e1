"""How many prompts it takes to see a difference: power of the paired t-test over prompts.

A comparison of two generators rests on the per-prompt differences of their scores (``comparisons``), so all that
matters is their standard deviation over prompts. With k images a prompt from each generator, the part of its variance
that comes from images of one prompt shrinks k-fold; the part that comes from prompts which suit one generator more
than the other does not. That is why more prompts help more than more images.

Power is exact for normal differences: the noncentral t distribution (Cohen, Statistical Power Analysis, 1988;
G*Power calls it "means: difference between two dependent means"). For several comparisons under Holm's rule, the
level is that of Holm's first step, 1 - confidence over their number: what suffices whatever the other comparisons
show. To plan for "not inferior" where there is no true difference, take the margin for the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Ints, column

MOST_PROMPTS = 10_000_000


@dataclass(frozen=True)
class Spread:
    """How far the difference of two generators varies from prompt to prompt.

    Attributes:
        sd: standard deviation over prompts with one image a prompt of each, in score units.
        share: how much of its square comes from images of one prompt, 0 to 1; None where nobody knows.
    """

    sd: float
    share: float | None

    def with_images(self, k: int) -> float:
        """The standard deviation with k images a prompt of each generator.

        Raises:
            StatisticsError: fewer than one image; more than one, and ``share`` is not known.
        """
        if k < 1:
            raise StatisticsError(f"needs at least one image a prompt; it is {k}")
        if k == 1:
            return self.sd
        if self.share is None:
            raise StatisticsError("how images of one prompt differ is not known: no prompt has several")
        return self.sd * math.sqrt(1.0 - self.share + self.share / k)


EVALMI: Mapping[str, Spread] = {
    "perception": Spread(10.02, 0.47),
    "correspondence": Spread(12.93, 0.22),
    "answer": Spread(0.530, 0.67),
}
"""People's scores in EvalMi-50K (arXiv 2504.08358; released table): root mean square over the 276 pairs of 24
generators, single pairs 6.5 to 14.2, 10.0 to 16.2 and 0.42 to 0.62; shares from the ten prompts that are there twice,
so to some 0.1. Recomputed by ``scripts/plan_variances.py``."""


def pilot_spread(new: Floats, new_prompts: Ints, old: Floats, old_prompts: Ints) -> Spread:
    """The spread in a pilot, over the prompts that both generators drew.

    Where some prompts have several images of one generator, what these tell of images of one prompt is taken apart
    (one-way variance components, pooled over prompts).

    Args:
        new: [n] scores of images by one generator, finite.
        new_prompts: [n] codes of their prompts.
        old: [m] scores by the other.
        old_prompts: [m] codes of their prompts, the same numbers.

    Raises:
        StatisticsError: fewer than two shared prompts, or differences that do not spread.
    """
    c = 1 + int(max(new_prompts.max(initial=-1), old_prompts.max(initial=-1)))
    a, b = _side(column(new, "new"), new_prompts, c), _side(column(old, "old"), old_prompts, c)
    shared = (a.counts > 0) & (b.counts > 0)
    if shared.sum() < 2:
        raise StatisticsError(f"a pilot needs at least two prompts that both drew; there are {shared.sum()}")
    observed = float((a.means - b.means)[shared].var(ddof=1))
    single, within = observed, 0.0
    for side in (a, b):
        if side.within is not None:
            single += (1.0 - float((1.0 / side.counts[shared]).mean())) * side.within
            within += side.within
    if single <= 0.0:
        raise StatisticsError("the two generators differ by the same on every prompt: nothing to plan with")
    known = a.within is not None and b.within is not None
    return Spread(math.sqrt(single), min(1.0, within / single) if known else None)


def power(n: int, difference: float, sd: float, *, confidence: float = 0.95, comparisons: int = 1) -> float:
    """Chance that a paired t-test over n prompts finds a difference.

    Args:
        n: prompts, at least 2.
        difference: true difference of the means, in score units; its sign does not matter.
        sd: standard deviation of the per-prompt differences, in score units.
        confidence: 1 - the two-sided level of all comparisons together.
        comparisons: how many are tested together, by Holm's rule.

    Raises:
        StatisticsError: an argument that makes no sense.
    """
    _check(difference, sd, confidence, comparisons)
    if n < 2:
        raise StatisticsError(f"a test needs at least two prompts; it is {n}")
    from scipy.special import chdtr, nctdtr, stdtrit  # takes 0.3 s to import

    freedom = n - 1
    at = float(stdtrit(freedom, 1.0 - (1.0 - confidence) / comparisons / 2.0))
    away = abs(difference) / sd * math.sqrt(n)
    above = 1.0 - float(nctdtr(freedom, away, at))
    if math.isnan(
        above
    ):  # from 38 standard errors on; then only the spread in the denominator is left to chance
        above = float(chdtr(freedom, freedom * (away / at) ** 2))
    # the wrong side: less than the normal distribution has below -away, and NaN only where that is nothing
    below = float(nctdtr(freedom, away, -at))
    return above if math.isnan(below) else above + below


def prompts_needed(
    difference: float, sd: float, *, wanted: float = 0.8, confidence: float = 0.95, comparisons: int = 1
) -> int:
    """The fewest prompts, at least 2, with which a difference is found with the wanted power.

    Args:
        difference: in score units, not 0.
        sd: of the per-prompt differences, in score units.
        wanted: power, 0 to 1, ends excluded.
        confidence: as in ``power``.
        comparisons: as in ``power``.

    Raises:
        StatisticsError: an argument that makes no sense, or more than ten million prompts.
    """
    _check_power(wanted)
    if difference == 0.0:
        raise StatisticsError("no number of prompts shows a difference of 0")

    def enough(n: int) -> bool:
        return power(n, difference, sd, confidence=confidence, comparisons=comparisons) >= wanted

    high = 2
    while not enough(high):
        high *= 2
        if high > MOST_PROMPTS:
            raise StatisticsError(f"a difference of {difference:g} needs more than {MOST_PROMPTS:,} prompts")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def detectable(
    n: int, sd: float, *, wanted: float = 0.8, confidence: float = 0.95, comparisons: int = 1
) -> float:
    """The smallest difference, in score units, that n prompts show with the wanted power; arguments as above."""
    _check_power(wanted)

    def lacking(difference: float) -> float:
        return power(n, difference, sd, confidence=confidence, comparisons=comparisons) - wanted

    high = sd
    while lacking(high) < 0.0:
        high *= 2.0
    return _root(lacking, 0.0, high)


@dataclass(frozen=True)
class _Side:
    counts: Ints
    means: Floats
    within: float | None


def _side(values: Floats, prompts: Ints, c: int) -> _Side:
    """[c] images and mean score of each prompt (0 where none), and their variance within prompts."""
    counts = np.bincount(prompts, minlength=c)
    means = np.bincount(prompts, values, c) / np.maximum(counts, 1)
    spare = int((counts - 1)[counts > 1].sum())
    within = float(((values - means[prompts]) ** 2).sum()) / spare if spare else None
    return _Side(counts, means, within)


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < 0.0 else (low, middle)
    return high


def _check(difference: float, sd: float, confidence: float, comparisons: int) -> None:
    if not (math.isfinite(difference) and math.isfinite(sd) and sd > 0.0):
        raise StatisticsError(
            f"needs a finite difference and a spread above 0; they are {difference} and {sd}"
        )
    if not 0.0 < confidence < 1.0:
        raise StatisticsError(f"confidence must lie between 0 and 1, say 0.95; it is {confidence}")
    if comparisons < 1:
        raise StatisticsError(f"needs at least one comparison; it is {comparisons}")


def _check_power(wanted: float) -> None:
    if not 0.0 < wanted < 1.0:
        raise StatisticsError(f"power must lie between 0 and 1, say 0.8; it is {wanted}")
