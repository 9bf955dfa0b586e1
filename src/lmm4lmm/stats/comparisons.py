"""Which of several generators differ: tests of all pairs over shared prompts, and groups of equals.

*Test of a pair.* Where two generators share at least two prompts, a paired t-test of the per-prompt means
over the shared prompts: prompts differ far more in difficulty than generators do, and pairing takes that out.
Where they share fewer, Welch's t-test of the per-prompt means; the result says that it is not paired, and
differences between the prompts are then part of the difference. With fewer than two prompts on either side
no test is possible: p is None and the two are not told apart. Where the differences do not spread at all the
t statistic is undefined; then an exact sign test (paired) or rank permutation test (unpaired) bounds p, and there
is an interval (of no length) only where that p allows a claim: two prompts that happen to agree prove nothing.

*Many pairs.* p-values are adjusted by Holm's step-down method over all tested pairs, so the chance of one or
more wrong claims among them is at most 1 - confidence, whatever the dependence (Holm 1979).

*Groups.* A compact letter display (Piepho, JCGS 13, 2004): two generators share a letter exactly when they
could not be told apart.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats, Ints


@dataclass(frozen=True)
class Sample:
    """One generator's scores, a mean for each prompt.

    Attributes:
        name: the generator.
        prompts: [c] codes of its prompts, ascending.
        means: [c] mean score over its images of each prompt.
    """

    name: str
    prompts: Ints
    means: Floats


@dataclass(frozen=True)
class Comparison:
    """One pair of generators.

    Attributes:
        a: one generator.
        b: the other.
        difference: mean of a minus mean of b, in score units, over the shared prompts (each prompt counts
            once) or, unpaired, over each one's own prompts.
        low: lower end of the interval of the difference, for this pair alone; None where none can be given.
        high: its upper end.
        p: two-sided p-value of "no difference"; None where no test is possible.
        p_adjusted: the same, adjusted by Holm for all pairs tested.
        n_pairs: prompts that both saw.
        paired: whether the test is over shared prompts.
        different: whether the two can be told apart: p_adjusted < 1 - confidence.
    """

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    n_pairs: int
    paired: bool
    different: bool


def compare_all(samples: Sequence[Sample], *, confidence: float = 0.95) -> tuple[Comparison, ...]:
    """Every pair (i < j, in the order given), with p-values adjusted for all of them."""
    found = [
        compare(samples[i], samples[j], confidence=confidence)
        for i in range(len(samples))
        for j in range(i + 1, len(samples))
    ]
    tested = [i for i, pair in enumerate(found) if pair.p is not None]
    adjusted = holm(np.array([found[i].p for i in tested], dtype=np.float64))
    for i, p in zip(tested, adjusted.tolist(), strict=True):
        found[i] = replace(found[i], p_adjusted=p, different=p < 1 - confidence)
    return tuple(found)


def compare(a: Sample, b: Sample, *, confidence: float = 0.95) -> Comparison:
    """One pair, before any adjustment for others (``different`` then is for this pair alone)."""
    found = contrast(a, b)
    low, high = found.interval(confidence)
    p = found.p
    different = p is not None and p < 1 - confidence
    return Comparison(
        a.name, b.name, found.difference, low, high, p, p, found.n_shared, found.paired, different
    )


@dataclass(frozen=True)
class Contrast:
    """The difference of two generators and how surely it is known.

    Attributes:
        x: [n] per-prompt means of the one that are compared.
        y: [m] those of the other; of the same prompts, in the same order, if ``paired``.
        n_shared: prompts that both saw.
        paired: whether the comparison is over shared prompts.
        difference: mean of x minus mean of y, in score units.
        error: its standard error; NaN where it can't be estimated.
        freedom: degrees of freedom of the t distribution.
        least_p: the smallest two-sided p that signs or ranks alone allow.
    """

    x: Floats
    y: Floats
    n_shared: int
    paired: bool
    difference: float
    error: float
    freedom: float
    least_p: float

    @property
    def testable(self) -> bool:
        """Whether there are prompts enough for any test."""
        return not math.isnan(self.error)

    @property
    def spreads(self) -> bool:
        """Whether the differences differ at all, beyond rounding; else the t statistic is undefined."""
        return self.testable and self.error > self._rounding

    @property
    def p(self) -> float | None:
        """Two-sided p-value of "no difference"; None without a test."""
        if not self.testable:
            return None
        if not self.spreads:
            return 1.0 if abs(self.difference) <= self._rounding else self.least_p
        return 2.0 * self.below(-abs(self.difference))

    def below(self, difference: float) -> float:
        """Chance that the estimate lies this far below the truth, or farther; needs differences that spread."""
        from scipy.special import stdtr  # takes 0.3 s to import

        return float(stdtr(self.freedom, difference / self.error))

    def interval(self, confidence: float) -> tuple[float | None, float | None]:
        """The t interval of the difference; (None, None) without a test.

        Where the differences do not spread it is the difference alone, and (None, None) where prompts are so few
        that no p can reach 1 - confidence.
        """
        if not self.testable or (not self.spreads and self.least_p >= 1 - confidence):
            return None, None
        if not self.spreads:
            return self.difference, self.difference
        from scipy.special import stdtrit

        reach = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.difference - reach, self.difference + reach

    @functools.cached_property
    def _rounding(self) -> float:
        return 1e-12 * max(float(np.abs(self.x).max()), float(np.abs(self.y).max()))


def contrast(a: Sample, b: Sample) -> Contrast:
    """a against b: over the prompts that both saw if there are two or more, else over each one's own."""
    if a.prompts.size == b.prompts.size and (a.prompts == b.prompts).all():
        x, y = a.means, b.means
    else:
        _, in_a, in_b = np.intersect1d(a.prompts, b.prompts, assume_unique=True, return_indices=True)
        x, y = a.means[in_a], b.means[in_b]
    shared = int(x.size)
    if shared >= 2:
        return Contrast(x, y, shared, True, *_paired(x - y))
    return Contrast(a.means, b.means, shared, False, *_unpaired(a.means, b.means))


def holm(p: Floats) -> Floats:
    """[m] p-values adjusted by Holm's step-down method (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def letters(different: NDArray[np.bool_]) -> list[tuple[str, ...]]:
    """The letters of each generator; two share one exactly when they are not different.

    Args:
        different: [g, g] symmetric; whether two can be told apart. Rows best generator first: then letters
            are given out from the best down.

    Returns:
        For each generator its letters: a .. z, then aa, ab, ...
    """
    g = different.shape[0]
    alike = ~different
    shared = np.eye(g, dtype=np.bool_)
    sets: list[list[int]] = []
    for i in range(g):
        for j in range(i, g):
            if not alike[i, j] or (shared[i, j] if i != j else bool(sets) and any(i in s for s in sets)):
                continue
            if i == j and alike[i, i + 1 :].any():
                continue
            members = _clique(alike, i, j)
            sets.append(members)
            shared[np.ix_(members, members)] = True
    sets.sort()
    return [tuple(_letter(k) for k, members in enumerate(sets) if i in members) for i in range(g)]


def _clique(alike: NDArray[np.bool_], i: int, j: int) -> list[int]:
    """A largest-possible set around i and j of which no two are different, nearest in rank first."""
    members = {i, j}
    open_to = alike[i] & alike[j]
    for k in sorted(range(alike.shape[0]), key=lambda k: (abs(2 * k - i - j), k)):
        if open_to[k] and k not in members:
            members.add(k)
            open_to = open_to & alike[k]
    return sorted(members)


def _letter(k: int) -> str:
    tail = chr(ord("a") + k % 26)
    return tail if k < 26 else _letter(k // 26 - 1) + tail


def _paired(d: Floats) -> tuple[float, float, float, float]:
    """Difference, its standard error, degrees of freedom, and the least p that the signs alone allow."""
    return float(d.mean()), float(d.std(ddof=1)) / math.sqrt(d.size), d.size - 1.0, 0.5 ** (d.size - 1)


def _unpaired(x: Floats, y: Floats) -> tuple[float, float, float, float]:
    difference = float(x.mean() - y.mean())
    if min(x.size, y.size) < 2:
        return difference, math.nan, math.nan, math.nan
    vx, vy = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
    bottom = vx**2 / (x.size - 1) + vy**2 / (y.size - 1)
    freedom = (vx + vy) ** 2 / bottom if bottom > 0 else x.size + y.size - 2.0
    return difference, math.sqrt(vx + vy), freedom, min(1.0, 2 / math.comb(x.size + y.size, x.size))
