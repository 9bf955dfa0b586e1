"""McNemar's test: do two metrics give right answers equally often on the same items?

Only items that one gets right and the other wrong say anything. Items count as independent. The exact p-value is
the one to report; it costs nothing for many items either, and chi-square's is there to compare with papers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import column, need_yes_no


@dataclass(frozen=True)
class McNemar:
    """Two metrics' answers against people's.

    Attributes:
        n: items that both metrics and people answered.
        table: ((both right, only a right), (only b right, both wrong)).
        accuracy_a: share that a gets right, 0 to 1.
        accuracy_b: share that b gets right.
        p_exact: two-sided binomial p-value (McNemar 1947 as made exact by the sign test).
        chi2: (b - c)^2 / (b + c) over the disagreements; None where there are none.
        p_chi2: its p-value with one degree of freedom.
        chi2_corrected: with Edwards' correction, (|b - c| - 1)^2 / (b + c).
        p_chi2_corrected: its p-value.
    """

    n: int
    table: tuple[tuple[int, int], tuple[int, int]]
    accuracy_a: float
    accuracy_b: float
    p_exact: float
    chi2: float | None
    p_chi2: float | None
    chi2_corrected: float | None
    p_chi2_corrected: float | None


def mcnemar(
    answers_a: ArrayLike, answers_b: ArrayLike, human: ArrayLike, *, threshold: float = 0.5
) -> McNemar:
    """McNemar's test of two metrics' answers.

    Args:
        answers_a: [n] a's probability of yes, or its answers as 0 and 1; NaN where it gave none.
        answers_b: [n] the same of b.
        human: [n] 1 for yes, 0 for no; NaN where there is no answer.
        threshold: from this probability on, an answer is yes.

    Raises:
        StatisticsError: lengths differ, a human answer that is not 0 or 1, or no item that all answered.
    """
    a, b, yes = column(answers_a, "answers_a"), column(answers_b, "answers_b"), column(human, "human")
    if not a.size == b.size == yes.size:
        raise StatisticsError(f"a, b and human have {a.size}, {b.size} and {yes.size} answers")
    kept = ~(np.isnan(a) | np.isnan(b) | np.isnan(yes))
    a, b, yes = a[kept], b[kept], yes[kept]
    need_yes_no(yes)
    right_a, right_b = (a >= threshold) == (yes == 1), (b >= threshold) == (yes == 1)
    both, only_a = int((right_a & right_b).sum()), int((right_a & ~right_b).sum())
    only_b, neither = int((~right_a & right_b).sum()), int((~right_a & ~right_b).sum())
    chi2, p_chi2 = _chi2(abs(only_a - only_b), only_a + only_b)
    corrected, p_corrected = _chi2(max(abs(only_a - only_b) - 1, 0), only_a + only_b)
    return McNemar(
        n=int(yes.size),
        table=((both, only_a), (only_b, neither)),
        accuracy_a=(both + only_a) / yes.size,
        accuracy_b=(both + only_b) / yes.size,
        p_exact=_exact(min(only_a, only_b), only_a + only_b),
        chi2=chi2,
        p_chi2=p_chi2,
        chi2_corrected=corrected,
        p_chi2_corrected=p_corrected,
    )


def _exact(fewer: int, n: int) -> float:
    if n == 0:
        return 1.0
    from scipy.special import bdtr  # takes 0.3 s to import

    return min(1.0, 2.0 * float(bdtr(fewer, n, 0.5)))


def _chi2(difference: int, n: int) -> tuple[float | None, float | None]:
    if n == 0:
        return None, None
    from scipy.special import chdtrc  # takes 0.3 s to import

    chi2 = difference**2 / n
    return chi2, float(chdtrc(1, chi2))
