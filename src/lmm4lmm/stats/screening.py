"""Rejection of raters after Recommendation ITU-R BT.500, as the text has it and as sureal has it.

For each item the kurtosis of its ratings (fourth moment over squared second moment) says whether they look normal
(2 to 4): then a rating is beyond the limits at 2 SD from the mean or more, else at sqrt(20) SD. P counts a rater's
ratings above, Q those below. Rejected is who has (P + Q) / (ratings given) > 0.05 and |P - Q| / (P + Q) < 0.3:
someone who is off often and in both directions, which is no bias. It is done once, never again on what is left.

====================  ==================================  ===============================================
                      strict                              compat="sureal"
====================  ==================================  ===============================================
SD                    ddof 1, as BT.500 writes it         ddof 0
P + Q divided by      the ratings that the rater gave     all items, also those that the rater never saw
an item with SD 0     flags nobody                        flags all of its raters, above and below
====================  ==================================  ===============================================

Where P + Q is 0 there is nothing to divide: the rater stays. A rating exactly on the limit is beyond it, and a
kurtosis of exactly 2 or 4 is normal, whatever rounding says.

Source: Recommendation ITU-R BT.500-15 (2023), annex 1 to part 1, "Screening of the observers"; Netflix/sureal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.rating_table import RatingTable, quotient
from lmm4lmm.stats.recovered import Compat

MOST_FLAGGED = 0.05
LEAST_LEANING = 0.3
NORMAL = (2.0, 4.0)
FAR, VERY_FAR = 2.0, float(np.sqrt(20.0))
SLACK = 1e-9
"""Two numbers this near each other, as a share of them, are equal but for rounding."""
NOTHING = 1e-12
"""Below this share of the largest rating a distance is rounding."""


@dataclass(frozen=True)
class Spread:
    """How the ratings of each item lie.

    Attributes:
        away: [r] each rating less the mean of its item; exactly 0 where rounding is all there is.
        sd: [n_items] with the ddof asked for; NaN where there are too few ratings.
        kurtosis: [n_items] m4 / m2^2; NaN where the SD is 0.
        limit: [n_items] 2 or sqrt(20).
    """

    away: Floats
    sd: Floats
    kurtosis: Floats
    limit: Floats


def spread(ratings: RatingTable, values: Floats, *, ddof: int) -> Spread:
    """Moments of each item's ratings."""
    away = values - ratings.item_means(values)[ratings.items]
    away[np.abs(away) <= NOTHING * np.abs(values).max(initial=0.0)] = 0.0
    squares = np.square(away)
    second = ratings.per_item(squares)
    fourth = ratings.item_means(np.square(squares))
    kurtosis = quotient(fourth, np.square(quotient(second, ratings.item_counts)))
    normal = (kurtosis >= NORMAL[0] * (1.0 - SLACK)) & (kurtosis <= NORMAL[1] * (1.0 + SLACK))
    sd = np.sqrt(quotient(second, ratings.item_counts - ddof))
    return Spread(away, sd, kurtosis, np.where(normal, FAR, VERY_FAR))


@dataclass(frozen=True)
class Screening:
    """What BT.500 says of the raters.

    Attributes:
        above: [r] ratings at or above the upper limit (counted they are P).
        below: [r] at or below the lower limit (Q).
        share: [n_raters] (P + Q) / ratings; NaN for who gave none.
        leaning: [n_raters] |P - Q| / (P + Q); NaN where both are 0.
        rejected: rater -> why.
    """

    above: NDArray[np.bool_]
    below: NDArray[np.bool_]
    share: Floats
    leaning: Floats
    rejected: dict[int, str]


def screen(ratings: RatingTable, values: Floats, *, compat: Compat = "strict") -> Screening:
    """Screens raters by their ratings, or by what a method made of these.

    Args:
        ratings: who rated what.
        values: [r] in the place of the raw ratings: z-scores, say.
        compat: see the module.
    """
    strict = compat == "strict"
    found = spread(ratings, values, ddof=1 if strict else 0)
    limit = (found.limit * found.sd)[ratings.items]
    far = np.abs(found.away) >= limit * (1.0 - SLACK)  # false where the SD is unknown
    flat = far & (limit == 0.0)
    above, below = far & (found.away > 0), far & (found.away < 0)
    divisor = ratings.rater_counts
    if not strict:
        above, below = above | flat, below | flat
        divisor = np.full(ratings.n_raters, float(ratings.n_items))
    p, q = ratings.per_rater(above.astype(np.float64)), ratings.per_rater(below.astype(np.float64))
    share, leaning = quotient(p + q, divisor), quotient(np.abs(p - q), p + q)
    gone = np.flatnonzero((share > MOST_FLAGGED) & (leaning < LEAST_LEANING))
    reasons = {
        int(
            j
        ): f"BT.500: {p[j]:.0f} ratings above and {q[j]:.0f} below the limits, {share[j]:.1%} of {divisor[j]:.0f}"
        for j in gone
    }
    return Screening(above, below, share, leaning, reasons)
