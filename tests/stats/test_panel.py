"""Kendall's W, split halves, one rater against the rest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.panel import against_rest, kendall_w, split_half

NA = np.nan


@pytest.mark.parametrize("ties", [False, True])
def test_w_is_friedmans_test(ties, rng):
    """Friedman's chi-squared (scipy, corrected for ties) is m (n - 1) W."""
    ratings = rng.normal(size=(12, 1)) + rng.normal(size=(12, 5))
    ratings = np.round(ratings) if ties else ratings
    found, friedman = kendall_w(ratings), friedmanchisquare(*ratings)
    assert found.chi2 == pytest.approx(friedman.statistic)
    assert found.p == pytest.approx(friedman.pvalue)
    assert found.w == pytest.approx(friedman.statistic / (5 * 11))
    assert (found.w_uncorrected < found.w) == ties


def test_w_of_equal_and_of_opposite_rankings():
    assert kendall_w(np.column_stack([[1.0, 2, 2, 4]] * 3)).w == pytest.approx(1.0)
    assert kendall_w([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]).w == pytest.approx(0.0)


def test_w_with_a_constant_rater_and_with_gaps():
    four = np.column_stack([np.arange(6.0)] * 3 + [np.full(6, 3.0)])
    assert kendall_w(four).w == pytest.approx(3 / 4)
    found = kendall_w(np.vstack([four, [NA, 1.0, 1.0, 1.0]]))
    assert (found.w, found.n, found.n_dropped) == (pytest.approx(3 / 4), 6, 1)


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([[1.0], [2.0]], "at least 2 raters"),
        ([[1.0, NA], [2.0, 1.0]], "1 of 2 are"),
        ([[3.0, 2.0], [3.0, 2.0]], "nothing is ranked"),
    ],
)
def test_w_without_a_value_says_why(ratings, reason):
    found = kendall_w(ratings)
    assert (found.w, found.p) == (None, None)
    assert reason in found.reason


def test_halves_tell_the_reliability_of_all(rng):
    """Variance of images 1, of error 2, ten raters: reliability 1 / (1 + 0.2), halves 1 / (1 + 0.4)."""
    ratings = rng.normal(size=(4000, 1)) + np.sqrt(2) * rng.normal(size=(4000, 10))
    found = split_half(ratings, rng=rng, splits=20)
    assert found.plcc.halves == pytest.approx(1 / 1.4, abs=0.02)
    assert found.plcc.reliability == pytest.approx(1 / 1.2, abs=0.02)
    assert found.plcc.n_splits == 20
    assert found.n_images == 4000


def test_halves_come_from_the_seed(rng):
    ratings = rng.integers(1, 6, (30, 5)).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = NA
    one, two = (split_half(ratings, rng=np.random.default_rng(3)) for _ in range(2))
    assert one == two
    assert one != split_half(ratings, rng=np.random.default_rng(4))


def test_halves_that_disagree_are_not_blown_up():
    found = split_half([[1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1.0]], rng=np.random.default_rng(0))
    assert found.srcc.halves == found.srcc.reliability == pytest.approx(-1.0)


def test_halves_without_a_value_say_why(rng):
    assert "at least 2 raters" in split_half([[1.0], [2.0]], rng=rng).srcc.reason
    found = split_half([[1.0, NA], [NA, 2.0], [3.0, NA]], rng=rng)
    assert "needs at least 3 pairs of values; there are 0" in found.srcc.reason
    assert (found.srcc.reliability, found.srcc.n_splits) == (None, 0)
    assert "constant" in split_half(np.full((5, 4), 3.0), rng=rng).plcc.reason
    with pytest.raises(StatisticsError, match="at least one split"):
        split_half([[1.0, 2.0]], rng=rng, splits=0)


def test_one_against_the_rest(rng):
    """A hand-made table: rater 0 against the mean of the others."""
    ratings = rng.normal(size=(25, 1)) + rng.normal(size=(25, 4))
    ratings[3, 0] = ratings[4, 1] = NA
    found = against_rest(ratings)
    rows = ~np.isnan(ratings[:, 0])
    rest = np.nanmean(ratings[rows, 1:], axis=1)
    assert found.raters[0].plcc == pytest.approx(np.corrcoef(ratings[rows, 0], rest)[0, 1])
    assert found.raters[0].n == 24
    assert found.plcc == pytest.approx(np.mean([rater.plcc for rater in found.raters]))
    assert found.plcc_se == pytest.approx(np.std([rater.plcc for rater in found.raters], ddof=1) / 2)


def test_raters_without_a_value_say_why_and_do_not_count(rng):
    truth = np.arange(8.0)
    ratings = np.column_stack([truth, truth + 1, np.full(8, 3.0), np.r_[1.0, 2.0, [NA] * 6]])
    found = against_rest(ratings)
    assert found.n == 2
    assert found.srcc == pytest.approx(1.0)
    assert found.raters[2].reason == "this rater is constant (3 for all 8 items)"
    assert "there are 2" in found.raters[3].reason
    alone = against_rest([[1.0], [2.0], [3.0]])
    assert (alone.srcc, alone.srcc_se, alone.n) == (None, None, 0)
    assert alone.raters[0].n == 0
