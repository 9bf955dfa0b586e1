"""Is one correlation larger than another that shares a variable? Two metrics against the same people.

Variable 1 is people, 2 and 3 are the metrics: ``r12`` and ``r13`` are compared and ``r23`` says how alike the
metrics are. All take items as independent and data near to normal (with Spearman's coefficients they are
approximations); the clustered bootstrap of the difference in ``metric_comparison`` needs neither. If they
disagree, believe the bootstrap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.analytic import normal_quantile


@dataclass(frozen=True)
class DependentTest:
    """A test of "both correlations are the same".

    Attributes:
        statistic: t (Williams) or z (the others); positive where r12 > r13.
        df: degrees of freedom of t; None for z.
        p: two-sided p-value.
    """

    statistic: float
    df: int | None
    p: float


@dataclass(frozen=True)
class DifferenceInterval:
    """Interval of r12 - r13.

    Attributes:
        difference: r12 - r13.
        low: lower end.
        high: upper end.
    """

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class FormulaTests:
    """All of them for one pair of metrics: Williams' t, Steiger's z, Meng-Rosenthal-Rubin's z, Zou's interval."""

    williams: DependentTest
    steiger: DependentTest
    meng: DependentTest
    zou: DifferenceInterval


def formula_tests(r12: float, r13: float, r23: float, n: int, confidence: float = 0.95) -> FormulaTests:
    """Every test of this module; arguments and errors as for ``williams``."""
    return FormulaTests(
        williams(r12, r13, r23, n),
        steiger(r12, r13, r23, n),
        meng_rosenthal_rubin(r12, r13, r23, n),
        zou(r12, r13, r23, n, confidence),
    )


def williams(r12: float, r13: float, r23: float, n: int) -> DependentTest:
    """Williams' t, n - 3 degrees of freedom; the one that Steiger (1980) recommends.

    Args:
        r12: correlation of metric A with people.
        r13: correlation of metric B with people.
        r23: correlation of the two metrics.
        n: items.

    Raises:
        StatisticsError: n < 4, or a correlation outside -1 .. 1 (ends excluded), or three that can't be
            together.

    Source:
        Williams, JRSS B 21 (1959); Steiger, Psychological Bulletin 87 (1980), equation 7.
    """
    determinant = _checked(r12, r13, r23, n)
    between = (r12 + r13) / 2.0
    bottom = 2.0 * (n - 1) / (n - 3) * determinant + between**2 * (1.0 - r23) ** 3
    if bottom <= 0.0:
        raise StatisticsError("the two metrics are the same up to scale: there is nothing to test")
    from scipy.special import stdtr  # takes 0.3 s to import

    t = (r12 - r13) * math.sqrt((n - 1) * (1.0 + r23) / bottom)
    return DependentTest(t, n - 3, 2.0 * float(stdtr(n - 3, -abs(t))))


def steiger(r12: float, r13: float, r23: float, n: int) -> DependentTest:
    """Steiger's z with the two correlations pooled by their mean.

    Args and raises as for ``williams``.

    Source:
        Steiger, Psychological Bulletin 87 (1980), equations 3, 11 and 14; Dunn and Clark, JASA 64 (1969). The
        mean is of the correlations themselves, not of their Fisher transforms (that is Hittner et al. 2003).
    """
    _checked(r12, r13, r23, n)
    mean = (r12 + r13) / 2.0
    covariance = (r23 * (1.0 - 2.0 * mean**2) - mean**2 * (1.0 - 2.0 * mean**2 - r23**2) / 2.0) / (
        1.0 - mean**2
    ) ** 2
    z = (math.atanh(r12) - math.atanh(r13)) * math.sqrt((n - 3) / _positive(2.0 - 2.0 * covariance))
    return _normal(z)


def meng_rosenthal_rubin(r12: float, r13: float, r23: float, n: int) -> DependentTest:
    """The z of Meng, Rosenthal and Rubin.

    Args and raises as for ``williams``.

    Source:
        Meng, Rosenthal and Rubin, Psychological Bulletin 111 (1992), equations 1 to 3.
    """
    _checked(r12, r13, r23, n)
    squares = (r12**2 + r13**2) / 2.0
    f = min((1.0 - r23) / (2.0 * (1.0 - squares)), 1.0)
    h = (1.0 - f * squares) / (1.0 - squares)
    bottom = _positive(2.0 * (1.0 - r23) * h)
    return _normal((math.atanh(r12) - math.atanh(r13)) * math.sqrt((n - 3) / bottom))


def zou(r12: float, r13: float, r23: float, n: int, confidence: float = 0.95) -> DifferenceInterval:
    """Zou's interval of the difference, from the Fisher intervals of both (method MOVER).

    Args and raises as for ``williams``; ``confidence`` is the coverage wanted.

    Source:
        Zou, Psychological Methods 12 (2007), overlapping dependent correlations.
    """
    _checked(r12, r13, r23, n)
    reach = normal_quantile(confidence) / math.sqrt(n - 3)
    low2, high2 = math.tanh(math.atanh(r12) - reach), math.tanh(math.atanh(r12) + reach)
    low3, high3 = math.tanh(math.atanh(r13) - reach), math.tanh(math.atanh(r13) + reach)
    top = (r23 - r12 * r13 / 2.0) * (1.0 - r12**2 - r13**2 - r23**2) + r23**3
    alike = top / ((1.0 - r12**2) * (1.0 - r13**2))
    down = (r12 - low2) ** 2 + (high3 - r13) ** 2 - 2.0 * alike * (r12 - low2) * (high3 - r13)
    up = (high2 - r12) ** 2 + (r13 - low3) ** 2 - 2.0 * alike * (high2 - r12) * (r13 - low3)
    difference = r12 - r13
    return DifferenceInterval(
        difference, difference - math.sqrt(max(down, 0.0)), difference + math.sqrt(max(up, 0.0))
    )


def _checked(r12: float, r13: float, r23: float, n: int) -> float:
    """The determinant of the three variables' correlation matrix."""
    for name, r in (("r12", r12), ("r13", r13), ("r23", r23)):
        if not -1.0 < r < 1.0:
            raise StatisticsError(f"{name} must lie between -1 and 1, ends excluded; it is {r:g}")
    if n < 4:
        raise StatisticsError(f"needs at least 4 items; there are {n}")
    determinant = 1.0 - r12**2 - r13**2 - r23**2 + 2.0 * r12 * r13 * r23
    if determinant < -1e-9:
        raise StatisticsError(f"correlations of {r12:g}, {r13:g} and {r23:g} can't occur together")
    return max(determinant, 0.0)


def _positive(value: float) -> float:
    if value <= 0.0:
        raise StatisticsError("the two metrics are the same up to scale: there is nothing to test")
    return value


def _normal(z: float) -> DependentTest:
    from scipy.special import ndtr  # takes 0.3 s to import

    return DependentTest(z, None, 2.0 * float(ndtr(-abs(z))))
