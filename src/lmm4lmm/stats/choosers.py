"""Raters who chose between two: do they favour what is shown first, and do they choose against everybody's order?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmm4lmm.stats.arrays import Floats, Ints
from lmm4lmm.stats.rating_table import quotient
from lmm4lmm.stats.votes import LEAST_SHIFT, SUSPICIOUS_Z


@dataclass(frozen=True)
class Choosers:
    """Facts about raters, [n_raters] each; NaN without a decisive choice.

    Attributes:
        n: choices, ties among them.
        bias: share of the decisive choices that fell on what was shown first, less 0.5.
        against: share of the decisive choices against the order of the scores.
        reasons: why a rater is flagged, by the limits of ``votes``; None for the others.
    """

    n: Ints
    bias: Floats
    against: Floats
    reasons: tuple[str | None, ...]


def choosers(
    first: Ints, second: Ints, outcome: Floats, raters: Ints, score: Floats, *, n_raters: int
) -> Choosers:
    """Facts about raters from their choices.

    Args:
        first: [c] number of the item shown first.
        second: [c] number of the other.
        outcome: [c] 1 first, 0 second, 0.5 a tie; NaN is no choice.
        raters: [c] who chose.
        score: [k] of the items, by everybody's choices: a rater with many of them is judged by oneself a little.
        n_raters: how many there are.
    """

    def per_rater(mask: np.ndarray, amounts: Floats) -> Floats:
        return np.bincount(raters[mask], amounts[mask], n_raters).astype(np.float64)

    chosen = ~np.isnan(outcome)
    decisive = chosen & (outcome != 0.5)
    ones = np.ones(outcome.size)
    n = per_rater(decisive, ones)
    bias = quotient(per_rater(decisive, outcome), n) - 0.5
    apart = score[first] - score[second]
    ordered = decisive & ~np.isnan(apart) & (apart != 0)
    wrong = ((apart > 0) != (outcome == 1)).astype(np.float64)
    m = per_rater(ordered, ones)
    against = quotient(per_rater(ordered, wrong), m)
    usual = float(wrong[ordered].mean()) if ordered.any() else np.nan
    z = (against - usual) / np.sqrt(np.maximum(usual * (1.0 - usual), 1e-12) / np.maximum(m, 1))
    reasons = []
    for j in range(n_raters):
        found = []
        if abs(bias[j]) >= LEAST_SHIFT and abs(bias[j]) * 2.0 * np.sqrt(n[j]) > SUSPICIOUS_Z:
            found.append(f"chose the first in {bias[j] + 0.5:.0%} of {n[j]:.0f} choices")
        if z[j] > SUSPICIOUS_Z:
            found.append(f"chose against the order of the scores in {against[j]:.0%}; usual is {usual:.0%}")
        reasons.append("; ".join(found) or None)
    return Choosers(per_rater(chosen, ones).astype(np.intp), bias, against, tuple(reasons))
