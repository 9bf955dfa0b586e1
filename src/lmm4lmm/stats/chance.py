"""Raters whose ratings tell nothing about the images: no better than chance, where most raters are.

Gold items catch who does not read, BT.500 catches who is often far off to both sides, and straight-lining who always
says the same. Who answers at random in the middle of the scale, or turns it round, passes all of these. The question
that remains is whether a rater's ratings go with those of the others at all.

A rater is flagged in one dimension who rated at least ``LEAST_ITEMS`` images that others rated, too, and whose rank
correlation with the mean of the others

- may be chance: it is below the 99th percentile of what random answers give, 2.33 / sqrt(n - 1); and
- is below that of the median rater by more than chance explains: Fisher's z, variance 1.06 / (n - 3), one honest
  rater in a thousand.

The second rule keeps a hard task, on which nobody agrees, from making cheats of everybody. Somebody with one answer
throughout has no correlation and is flagged where the median rater's is more than chance. With fewer than
``LEAST_RATERS`` raters, nobody is: there is no majority to go with.

Sources: Fieller, Hartley and Pearson, Biometrika 44, 1957 (the variance). ITU-T P.913 (2021) screens by correlation
with the others, too, but by a fixed 0.75 on clips whose quality was varied on purpose; one rater of images by
generators often has less, honestly (EvalMi-50K: about .72 and .77).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.stats.panel import RaterAgainstRest, against_rest

LEAST_ITEMS = 20
LEAST_RATERS = 5
CHANCE_Z = 2.326
"""One random rater in a hundred reaches more."""
BELOW_Z = 3.09
"""One honest rater in a thousand is that far below."""


def no_better_than_chance(ratings: ArrayLike) -> tuple[str | None, ...]:
    """Why a rater is flagged; None for the others.

    Args:
        ratings: [n, raters] of one dimension, any unit; NaN where a rater did not rate an image.

    Raises:
        StatisticsError: not a table of finite numbers.
    """
    raters = against_rest(ratings).raters
    known = [one.srcc for one in raters if one.srcc is not None and one.n >= LEAST_ITEMS]
    if len(known) < LEAST_RATERS:
        return (None,) * len(raters)
    median = float(np.median(known))
    return tuple(_reason(one, median) for one in raters)


def _reason(rater: RaterAgainstRest, median: float) -> str | None:
    if rater.n < LEAST_ITEMS:
        return None
    chance = CHANCE_Z / math.sqrt(rater.n - 1)
    usual = f"SRCC of the median rater {median:.2f}"
    if rater.srcc is None:
        return f"{rater.reason}; {usual}" if median > chance else None
    spread = math.sqrt(1.06 / (rater.n - 3))
    below = (_fisher(median) - _fisher(rater.srcc)) / spread > BELOW_Z
    if rater.srcc < chance and below:
        return f"goes with the others no better than chance: SRCC {rater.srcc:.2f} over {rater.n} images; {usual}"
    return None


def _fisher(r: float) -> float:
    return math.atanh(max(-0.999999, min(0.999999, r)))
