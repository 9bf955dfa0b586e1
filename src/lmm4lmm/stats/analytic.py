"""Intervals of correlations from a formula: a cross-check of the bootstrap, not a replacement.

All of them take the items as independent. Images of one prompt are not, so where the bootstrap over prompts
gives a wider interval, it is the one to believe; every interval from here says so.

All are of the form ``tanh(atanh(r) +- z * se)``:

=========  ==============================================================================================
pearson    se = 1 / sqrt(n - 3) (Fisher 1921; needs data near to normal)
spearman   se = sqrt((1 + r^2 / 2) / (n - 3)) (Bonett and Wright, Psychometrika 65, 2000), or
           sqrt(1.06 / (n - 3)) (Fieller, Hartley and Pearson, Biometrika 44, 1957), good for |r| < 0.8
kendall    se = sqrt(0.437 / (n - 4)) (Fieller, Hartley and Pearson; Bonett and Wright keep it)
=========  ==============================================================================================
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.resampling import Interval

Kind: TypeAlias = Literal["pearson", "spearman", "spearman_fieller", "kendall"]

IGNORES = "ignores that images of one prompt are alike: a cross-check only"
NEEDS: dict[Kind, int] = {"pearson": 4, "spearman": 4, "spearman_fieller": 4, "kendall": 5}
"""The least n for which each has an interval."""


def analytic_interval(r: float, n: int, kind: Kind, confidence: float = 0.95) -> Interval:
    """The interval of a correlation from its value and the number of items alone.

    Args:
        r: the correlation, -1 to 1.
        n: how many items it is over.
        kind: which correlation, and by whose standard error (see the module).
        confidence: coverage wanted, 0 to 1, ends excluded.

    Returns:
        The interval; without ends, and with the reason, where n is too small or \\|r\\| is 1.

    Raises:
        StatisticsError: r outside -1 .. 1, or a confidence outside 0 .. 1.
    """
    if not -1.0 <= r <= 1.0:
        raise StatisticsError(f"a correlation lies in -1 .. 1; it is {r}")
    if n < NEEDS[kind]:
        return Interval(r, None, None, f"{n} items are too few: the formula needs {NEEDS[kind]}")
    if abs(r) == 1.0:
        return Interval(r, None, None, "a correlation of 1 has no interval by this formula")
    centre, reach = math.atanh(r), normal_quantile(confidence) * _standard_error(r, n, kind)
    return Interval(r, math.tanh(centre - reach), math.tanh(centre + reach), IGNORES)


def normal_quantile(confidence: float) -> float:
    """How many standard deviations a two-sided normal interval of this coverage reaches: 1.96 for 0.95.

    Raises:
        StatisticsError: a confidence outside 0 .. 1.
    """
    from scipy.special import ndtri  # takes 0.3 s to import

    if not 0.0 < confidence < 1.0:
        raise StatisticsError(f"confidence must lie between 0 and 1, say 0.95; it is {confidence}")
    return float(ndtri((1.0 + confidence) / 2.0))


def _standard_error(r: float, n: int, kind: Kind) -> float:
    if kind == "kendall":
        return math.sqrt(0.437 / (n - 4))
    share = {"pearson": 1.0, "spearman": 1.0 + r * r / 2.0, "spearman_fieller": 1.06}[kind]
    return math.sqrt(share / (n - 3))
