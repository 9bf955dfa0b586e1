from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.correlation import krcc, krcc_c, pairwise_accuracy, plcc, somers_d, srcc

MEASURES = [srcc, krcc, plcc]
TIED = st.integers(3, 50).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.integers(0, 6)) for _ in range(2)])
)


def _varied(columns):
    assume(all(np.unique(column).size > 1 for column in columns))
    return columns


@settings(max_examples=40)
@given(TIED)
def test_scipy_agrees_ties_included(columns):
    x, y = _varied(columns)
    assert srcc(x, y) == pytest.approx(scipy_stats.spearmanr(x, y)[0], abs=1e-12)
    assert krcc(x, y) == pytest.approx(scipy_stats.kendalltau(x, y, variant="b")[0], abs=1e-12)
    assert plcc(x, y) == pytest.approx(scipy_stats.pearsonr(x, y)[0], abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@settings(max_examples=40)
@given(TIED)
def test_symmetric_bounded_and_odd(measure, columns):
    x, y = _varied(columns)
    value = measure(x, y)
    assert -1 <= value <= 1
    assert measure(y, x) == pytest.approx(value, abs=1e-12)
    assert measure(-x, y) == pytest.approx(-value, abs=1e-12)


@pytest.mark.parametrize("measure", [srcc, krcc])
@settings(max_examples=40)
@given(TIED)
def test_rank_measures_ignore_a_rising_transformation(measure, columns):
    x, y = _varied(columns)
    assert measure(np.exp(x), y) == pytest.approx(measure(x, y), abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_missing_pairs_are_left_out(measure):
    x = [1.0, 2.0, None, 4.0, 5.0, 3.0]
    y = [1.0, 3.0, 9.0, float("nan"), 4.0, 2.0]
    assert measure(x, y) == pytest.approx(measure([1, 2, 5, 3], [1, 3, 4, 2]))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2], [1, 2], "at least 3 pairs of values; there are 2"),
        ([], [], "there are 0"),
        ([1, 2, np.nan], [1, 2, 3], "there are 2"),
        ([7, 7, 7, 7], [1, 2, 3, 4], r"predicted is constant \(7 for all 4 items\)"),
        ([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.1], "human is constant"),
        ([1, 2, 3], [1, 2], "predicted has 3 values and human 2"),
        ([1, np.inf, 3], [1, 2, 3], "predicted holds inf at position 1"),
        ([1, 2, 1e300], [1, 2, 3], r"predicted holds 1e\+300 at position 2: too large"),
        ([0, 1e-300, 2e-300], [1, 2, 3], "predicted is constant"),
        (["good", "bad", "ugly"], [1, 2, 3], "predicted must be numbers"),
        ([[1, 2, 3]], [1, 2, 3], "one column"),
    ],
)
def test_undefined_is_an_error_that_says_why(measure, x, y, message):
    with pytest.raises(StatisticsError, match=message):
        measure(x, y)


@pytest.mark.parametrize("scale", [1e-95, 1e-8, 1e8, 1e95])
def test_plcc_at_any_scale(scale, rng):
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    assert plcc(x * scale, y) == pytest.approx(plcc(x, y), abs=1e-12)


def test_plcc_far_from_zero_keeps_its_digits(rng):
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    assert plcc(x + 1e6, y + 1e6) == pytest.approx(plcc(x, y), abs=1e-8)


def test_pairwise_accuracy_counts_each_kind_of_pair():
    #            a  b  c  d
    found = pairwise_accuracy([1, 1, 2, 3], [1, 2, 1, 1])
    # human orders b over a, c, d; a-c, a-d, c-d are tied by people only
    assert (found.concordant, found.discordant) == (0, 2)
    assert (found.ties_metric, found.ties_human, found.ties_both) == (1, 3, 0)
    assert found.accuracy == 0
    assert found.accuracy_half == pytest.approx(1 / 6)
    assert found.accuracy_with_ties == 0


@settings(max_examples=40)
@given(TIED)
def test_pairwise_accuracy_and_tau_tell_the_same_story(columns):
    x, y = _varied(columns)
    found, n = pairwise_accuracy(x, y), x.size
    kinds = found.concordant + found.discordant + found.ties_human + found.ties_metric + found.ties_both
    assert kinds == n * (n - 1) // 2
    assert np.sign(found.concordant - found.discordant) == np.sign(np.round(krcc(x, y), 12))


def test_a_constant_metric_has_a_pairwise_accuracy():
    found = pairwise_accuracy([5, 5, 5], [1, 2, 3])
    assert found.accuracy == 0
    assert found.accuracy_half == 0.5
    with pytest.raises(StatisticsError, match="differently"):
        pairwise_accuracy([1, 2, 3], [5, 5, 5])


@settings(max_examples=40)
@given(TIED)
def test_tau_c_and_somers_d_are_scipys(columns):
    x, y = _varied(columns)
    assert krcc_c(x, y) == pytest.approx(scipy_stats.kendalltau(x, y, variant="c")[0], abs=1e-12)
    assert somers_d(x, y) == pytest.approx(scipy_stats.somersd(x, y).statistic, abs=1e-12)
