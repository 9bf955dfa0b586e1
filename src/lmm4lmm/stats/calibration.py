"""Is a metric as sure of its answers as it may be? Of items with p_yes near 0.8, people should say yes to 80 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import need_yes_no, pairs


@dataclass(frozen=True)
class Bin:
    """Items with a p_yes from ``low`` up to ``high`` (the last bin holds its upper end too).

    Attributes:
        low: lower end.
        high: upper end.
        n: items in it; 0 is possible.
        mean_p: mean probability of yes that the metric gave; None in an empty bin.
        share_yes: share of yes that people gave; None in an empty bin.
        share_low: lower end of its 95 % interval (Wilson 1927), which takes items as independent.
        share_high: upper end.
    """

    low: float
    high: float
    n: int
    mean_p: float | None
    share_yes: float | None
    share_low: float | None
    share_high: float | None


@dataclass(frozen=True)
class Reliability:
    """A reliability curve.

    Attributes:
        n: items.
        bins: of equal width, from 0 to 1.
        expected_error: expected calibration error (ECE): mean over items of |mean_p - share_yes| of their
            bin, 0 to 1, 0 is best. It hangs on the number of bins, and noise alone makes it larger than 0.
        largest_error: of any bin that holds an item (MCE).
    """

    n: int
    bins: tuple[Bin, ...]
    expected_error: float
    largest_error: float


def reliability(p_yes: ArrayLike, human: ArrayLike, *, bins: int = 10, shares: bool = False) -> Reliability:
    """The reliability curve and the expected calibration error.

    Args:
        p_yes: [n] probability of yes, 0 to 1; NaN where there is none.
        human: [n] 1 for yes, 0 for no; NaN where there is no answer.
        bins: how many, of equal width.
        shares: people's answers may be shares of yes, 0 to 1.

    Raises:
        StatisticsError: a probability outside 0 .. 1, an answer that is neither 0 nor 1, no item with both.

    Source:
        Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017. Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    found = pairs(p_yes, human)
    p, yes = found.x, found.y
    if ((p < 0) | (p > 1)).any():
        raise StatisticsError(f"p_yes must be a probability, 0 to 1; it holds {p[(p < 0) | (p > 1)][0]:g}")
    if not shares or not yes.size or ((yes < 0) | (yes > 1)).any():
        need_yes_no(yes)
    if bins < 1:
        raise StatisticsError(f"needs at least one bin; asked for {bins}")
    place = np.minimum((p * bins).astype(np.intp), bins - 1)
    n = np.bincount(place, minlength=bins)
    sum_p, sum_yes = np.bincount(place, p, bins), np.bincount(place, yes, bins)
    filled = n > 0
    gaps = np.abs(sum_p - sum_yes)[filled]
    return Reliability(
        n=int(p.size),
        bins=tuple(
            _bin(k / bins, (k + 1) / bins, int(n[k]), float(sum_p[k]), float(sum_yes[k])) for k in range(bins)
        ),
        expected_error=float(gaps.sum() / p.size),
        largest_error=float((gaps / n[filled]).max()),
    )


def _bin(low: float, high: float, n: int, sum_p: float, sum_yes: float) -> Bin:
    if not n:
        return Bin(low, high, 0, None, None, None, None)
    share = sum_yes / n
    return Bin(low, high, n, sum_p / n, share, *_wilson(share, n))


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
