"""The protocol of the EvalMi family of data sets (AIGI): z-scores, single ratings screened, careless raters rejected.

1. z-scores: each rater's ratings less their mean, over their SD (ddof 1), over all images, before any screening.
2. Each image's raw ratings are screened: beyond 2 SD (ddof 1) from the mean where the kurtosis (m4 / m2^2) is from 2
   to 4, beyond sqrt(20) SD else, a rating is dropped.
3. A rater with more than 5 % of the ratings dropped is rejected wholly.
4. Score: the mean of 100 (z + 3) / 6 over the ratings left: 0 to 100 holds three SD to both sides.

An image without spread drops nothing. A rater without z-scores (one mark throughout) is left out.

Source: the protocol as EvalMi-50K (arXiv 2504.08358) and its relatives use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.rating_table import RatingTable, quotient
from lmm4lmm.stats.screening import MOST_FLAGGED, SLACK, spread


@dataclass(frozen=True)
class Dropped:
    """Ratings that the protocol drops.

    Attributes:
        above: [r] dropped as too high.
        below: [r] dropped as too low.
        rejected: rater -> why.
    """

    above: NDArray[np.bool_]
    below: NDArray[np.bool_]
    rejected: dict[int, str]


def drop(ratings: RatingTable) -> Dropped:
    """Screens single ratings, then raters."""
    found = spread(ratings, ratings.values, ddof=1)
    limit = (found.limit * found.sd)[ratings.items]
    far = np.abs(found.away) > limit * (1.0 + SLACK)  # false where the SD is unknown
    n = ratings.per_rater(far.astype(np.float64))
    share = quotient(n, ratings.rater_counts)
    rejected = {
        int(
            j
        ): f"aigi: {n[j]:.0f} of {ratings.rater_counts[j]:.0f} ratings dropped ({share[j]:.1%}, over 5 %)"
        for j in np.flatnonzero(share > MOST_FLAGGED)
    }
    return Dropped(far & (found.away > 0), far & (found.away < 0), rejected)


def rescaled(z: Floats) -> Floats:
    """z-scores on the scale of the data sets: 50 is a rater's mean, three SD reach 0 or 100."""
    return 100.0 * (z + 3.0) / 6.0
