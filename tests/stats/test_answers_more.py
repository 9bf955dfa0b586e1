"""McNemar, counts of right answers and calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.calibration import reliability
from lmm4lmm.stats.confusion import Confusion, confusion
from lmm4lmm.stats.mcnemar import mcnemar


def test_the_exact_p_is_scipys_sign_test() -> None:
    yes = np.ones(30)
    a, b = np.r_[np.zeros(3), np.ones(27)], np.r_[np.ones(18), np.zeros(12)]
    found = mcnemar(a, b, yes)
    assert found.table == ((15, 12), (3, 0))
    assert found.p_exact == pytest.approx(scipy_stats.binomtest(3, 15).pvalue)
    assert found.chi2 == pytest.approx(81 / 15)
    assert found.p_chi2 == pytest.approx(scipy_stats.chi2.sf(81 / 15, 1))


def test_for_many_disagreements_exact_and_chi2_agree() -> None:
    a, b = np.r_[np.ones(5000), np.zeros(5200)], np.r_[np.zeros(5000), np.ones(5200)]
    found = mcnemar(a, b, np.ones(a.size))
    assert found.p_exact == pytest.approx(found.p_chi2_corrected, rel=0.01)


def test_metrics_that_never_disagree_are_equal() -> None:
    found = mcnemar([0.9, 0.1], [0.8, 0.2], [1, 0])
    assert (found.p_exact, found.chi2) == (1.0, None)


def test_answers_must_be_yes_or_no() -> None:
    for test in (
        lambda: mcnemar([1], [1], [0.5]),
        lambda: confusion([1], [0.5]),
        lambda: reliability([1], [2]),
    ):
        with pytest.raises(StatisticsError, match=r"1 \(yes\) or 0 \(no\)"):
            test()
    with pytest.raises(StatisticsError, match="no item"):
        mcnemar([np.nan], [1], [1])


def test_counts_by_hand() -> None:
    """Cohen's kappa and phi of (20, 5, 10, 15): the example of Fleiss et al. has kappa 0.4."""
    found = Confusion(20, 5, 10, 15)
    assert found.accuracy == 0.7
    assert found.kappa == pytest.approx(0.4)
    assert found.mcc == pytest.approx(
        np.corrcoef([1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)[0, 1]
    )
    assert found.balanced_accuracy == pytest.approx((20 / 30 + 15 / 20) / 2)
    assert found.f1 == pytest.approx(40 / 55)


def test_what_a_lone_class_leaves_undefined_is_none() -> None:
    found = confusion([0.9, 0.8], [1, 1])
    assert (found.balanced_accuracy, found.mcc, found.kappa, found.accuracy) == (None, None, None, 1.0)
    assert confusion([0.1], [0]).f1 is None


def test_reliability_by_hand() -> None:
    found = reliability([0.05, 0.15, 0.15, 1.0, np.nan], [0, 1, 0, 1, 1], bins=10)
    assert [(b.n, b.mean_p, b.share_yes) for b in found.bins if b.n] == [
        (1, 0.05, 0.0),
        (2, pytest.approx(0.15), 0.5),
        (1, 1.0, 1.0),
    ]
    assert found.n == sum(b.n for b in found.bins) == 4
    assert found.expected_error == pytest.approx((0.05 + 2 * 0.35) / 4)
    assert found.largest_error == pytest.approx(0.35)


def test_a_calibrated_metric_has_a_small_error(rng: np.random.Generator) -> None:
    p = rng.random(20_000)
    yes = (rng.random(20_000) < p).astype(float)
    assert reliability(p, yes).expected_error < 0.02
    assert reliability(np.sqrt(p), yes).expected_error > 0.1


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=1, max_size=80))
def test_reliability_counts_every_answer_once(answers: list[tuple[float, float]]) -> None:
    said, human = np.array(answers).T
    found = reliability(said, human)
    filled = [b for b in found.bins if b.n]
    assert sum(b.n for b in filled) == found.n == len(answers)
    assert sum(b.n * b.share_yes for b in filled) == pytest.approx(human.sum())
    assert all(b.share_low - 1e-12 <= b.share_yes <= b.share_high + 1e-12 for b in filled)
    assert 0 <= found.expected_error <= found.largest_error + 1e-12 <= 1 + 1e-12


def test_wilson_interval_against_a_published_value() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives .2553 to .3662."""
    one = next(b for b in reliability(np.full(263, 0.3), np.repeat([1.0, 0.0], [81, 182])).bins if b.n)
    assert (one.share_low, one.share_high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_people_may_answer_in_shares_where_that_is_said() -> None:
    found = reliability([0.1, 0.9], [0.25, 0.75], shares=True)
    assert found.expected_error == pytest.approx(0.15)
    with pytest.raises(StatisticsError):
        reliability([0.1, 0.9], [0.25, 1.75], shares=True)
