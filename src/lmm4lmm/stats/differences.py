"""Is one generator better than another, by how much, and does it matter: two samples and a margin.

*Difference.* Mean of the per-prompt differences over the prompts that both saw, with its t interval; without at least
two shared prompts, Welch's comparison of per-prompt means (``comparisons``).

*Margin.* A difference of this size does not matter to whoever asks. Three claims use it, each by the interval of the
difference new - old, at the level of that interval (95 %: 2.5 % on either side):

==================  =====================================================================================
worse beyond it     the interval lies wholly below -margin
not inferior        the interval lies wholly above -margin (ICH E9: one-sided 2.5 %, by the 95 % interval)
equivalent          two one-sided tests (TOST), each at 1 - confidence: the *90 %* interval lies within
                    -margin .. margin (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987)
==================  =====================================================================================

"No difference found" is none of these: it says that the data can't tell, not that there is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.comparisons import Contrast, Sample, contrast, holm

Verdict: TypeAlias = Literal["better", "worse", "equivalent", "no difference found", "not testable"]

FEW_PROMPTS = 10
"""Below this many prompts the t interval leans on differences that are normally distributed."""


@dataclass(frozen=True)
class Difference:
    """New against old; higher scores are better.

    Attributes:
        new_mean: mean of the per-prompt means of new, over the prompts compared.
        old_mean: the same of old.
        difference: new - old, in score units.
        low: lower end of its interval; None where none can be given (``reason``).
        high: upper end.
        p: two-sided p-value of "no difference"; None without a test.
        p_adjusted: the same, adjusted for others tested along (``adjusted``).
        n_shared: prompts that both saw.
        n_new: prompts of new that are compared.
        n_old: prompts of old that are compared.
        paired: whether prompt by prompt.
        sd: standard deviation of the per-prompt differences, for ``planning``; None if unpaired.
        wins: shared prompts that new draws better.
        losses: shared prompts that old draws better; the rest are ties.
        margin: what does not matter, in score units; 0 if nobody said.
        p_equivalent: p-value of two one-sided tests against the margin; None without margin or test.
        confidence: of the interval; claims are made at 1 - confidence.
        reason: why there is no test, or why to trust it less; None when all is well.
    """

    new_mean: float
    old_mean: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    n_shared: int
    n_new: int
    n_old: int
    paired: bool
    sd: float | None
    wins: int
    losses: int
    margin: float
    p_equivalent: float | None
    confidence: float
    reason: str | None

    @property
    def verdict(self) -> Verdict:
        """The claim that the data allow: a difference goes before equivalence (both can hold: a small one)."""
        if self.p_adjusted is None:
            return "not testable"
        if self.p_adjusted < 1 - self.confidence:
            return "better" if self.difference > 0 else "worse"
        return "equivalent" if self.equivalent else "no difference found"

    @property
    def equivalent(self) -> bool:
        """Whether the difference is surely smaller than the margin, either way."""
        return self.p_equivalent is not None and self.p_equivalent < 1 - self.confidence

    @property
    def worse_beyond_margin(self) -> bool:
        """Whether new is surely worse by more than the margin: the interval lies wholly below -margin."""
        return self.high is not None and self.high < -self.margin

    @property
    def not_inferior(self) -> bool:
        """Whether new is surely not worse by the margin or more: the interval lies wholly above -margin."""
        return self.low is not None and self.low > -self.margin


def difference(new: Sample, old: Sample, *, margin: float = 0.0, confidence: float = 0.95) -> Difference:
    """New against old.

    Args:
        new: the one asked about.
        old: what it is measured against.
        margin: a difference that does not matter, in score units, at least 0; 0 asks about any difference.
        confidence: 0 to 1, ends excluded.

    Raises:
        StatisticsError: a margin or confidence that makes no sense, or a side without a score.
    """
    if not 0.0 < confidence < 1.0:
        raise StatisticsError(f"confidence must lie between 0 and 1, say 0.95; it is {confidence}")
    if not 0.0 <= margin < np.inf:
        raise StatisticsError(f"a margin is a difference that does not matter, 0 or more; it is {margin}")
    if not (new.means.size and old.means.size):
        raise StatisticsError("needs a score on either side")
    found = contrast(new, old)
    low, high = found.interval(confidence)
    apart = found.x - found.y if found.paired else np.empty(0)
    return Difference(
        new_mean=float(found.x.mean()),
        old_mean=float(found.y.mean()),
        difference=found.difference,
        low=low,
        high=high,
        p=found.p,
        p_adjusted=found.p,
        n_shared=found.n_shared,
        n_new=found.x.size,
        n_old=found.y.size,
        paired=found.paired,
        sd=float(apart.std(ddof=1)) if found.paired else None,
        wins=int((apart > 0).sum()),
        losses=int((apart < 0).sum()),
        margin=margin,
        p_equivalent=_p_equivalent(found, margin),
        confidence=confidence,
        reason=_reason(found, low),
    )


def adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """The same, with p-values adjusted by Holm for all of them that could be tested."""
    tested = [i for i, one in enumerate(differences) if one.p is not None]
    found = list(differences)
    for i, p in zip(
        tested, holm(np.array([differences[i].p for i in tested], dtype=np.float64)), strict=True
    ):
        found[i] = replace(found[i], p_adjusted=float(p))
    return found


def _p_equivalent(found: Contrast, margin: float) -> float | None:
    """The larger p of "the difference is not above -margin" and "it is not below margin"."""
    if margin <= 0.0 or not found.testable:
        return None
    room = margin - abs(found.difference)
    if not found.spreads:
        return min(1.0, found.least_p / 2) if room > 0 else 1.0
    return found.below(-room)


def _reason(found: Contrast, low: float | None) -> str | None:
    if not found.testable:
        return f"new has prompts: {found.x.size}, old: {found.y.size}; too few for any test"
    least = found.n_shared if found.paired else min(found.x.size, found.y.size)
    if low is None:
        alike = "differ by the same amount" if found.paired else "of each have one score"
        return f"all {least} prompts {alike}: too few to give an interval"
    return f"only {least} prompts: the interval is rough" if least < FEW_PROMPTS else None
