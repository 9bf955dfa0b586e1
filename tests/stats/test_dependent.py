"""Published worked examples: the values are those of the papers and of the tests of the R package cocor."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.dependent import formula_tests, meng_rosenthal_rubin, steiger, williams, zou

R = st.floats(-0.9, 0.9)
# Silver, Hittner and May, Applied Psychological Measurement 30 (2006): output of their program DEPCOR
DEPCOR = (0.3, 0.4, 0.5, 100)


def test_williams_and_steiger_as_depcor_prints_them() -> None:
    found = williams(*DEPCOR)
    assert (round(found.statistic, 4), round(found.p, 4), found.df) == (-1.0767, 0.2843, 97)
    found = steiger(*DEPCOR)
    assert (round(found.statistic, 4), round(found.p, 4), found.df) == (-1.0718, 0.2838, None)


def test_steiger_case_a() -> None:
    """Steiger 1980, p. 249; he prints -.8913 from a rounded covariance, cocor -0.8887185."""
    assert steiger(0.4, 0.5, 0.1, 103).statistic == pytest.approx(-0.8887185, abs=5e-8)


def test_meng_rosenthal_and_rubin() -> None:
    """Their example, p. 173: Z = 1.68, one-sided p = .047."""
    found = meng_rosenthal_rubin(0.63, -0.03, -0.19, 15)
    assert round(found.statistic, 2) == 1.68
    assert round(found.p / 2, 3) == 0.047


def test_zou() -> None:
    """Zou 2007, p. 409: r12 = .396, r13 = .179, r23 = .088, n = 66 gives (-.093, .517)."""
    found = zou(0.396, 0.179, 0.088, 66)
    assert (round(found.low, 3), round(found.high, 3)) == (-0.093, 0.517)


@given(R, R, R, st.integers(10, 1000))
def test_swapping_the_metrics_turns_the_sign(r12: float, r13: float, r23: float, n: int) -> None:
    assume(1 - r12**2 - r13**2 - r23**2 + 2 * r12 * r13 * r23 > 1e-3)
    one, other = formula_tests(r12, r13, r23, n), formula_tests(r13, r12, r23, n)
    for name in ("williams", "steiger", "meng"):
        assert getattr(one, name).statistic == pytest.approx(-getattr(other, name).statistic, abs=1e-9)
        assert getattr(one, name).p == pytest.approx(getattr(other, name).p, abs=1e-9)
    assert one.zou.low == pytest.approx(-other.zou.high, abs=1e-9)
    assert one.zou.low <= one.zou.difference <= one.zou.high


def test_equal_correlations_can_not_be_told_apart() -> None:
    assert all(test(0.5, 0.5, 0.2, 40).p == 1.0 for test in (williams, steiger, meng_rosenthal_rubin))


@pytest.mark.parametrize(
    ("r", "n", "said"),
    [
        ((1.0, 0.5, 0.5), 10, "r12 must lie between"),
        ((0.5, math.nan, 0.5), 10, "r13 must lie between"),
        ((0.5, 0.5, 0.5), 3, "at least 4 items"),
        ((0.9, -0.9, 0.9), 10, "can't occur together"),
    ],
)
def test_impossible_input_is_refused(r: tuple[float, float, float], n: int, said: str) -> None:
    for test in (williams, steiger, meng_rosenthal_rubin, zou):
        with pytest.raises(StatisticsError, match=said):
            test(*r, n)
