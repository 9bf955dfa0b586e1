"""Two samples and a margin, against scipy and confidence intervals written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp, ttest_ind, ttest_rel

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.comparisons import Sample
from lmm4lmm.stats.differences import adjusted, difference


def _sample(values, first: int = 0) -> Sample:
    values = np.asarray(values, dtype=np.float64)
    return Sample("x", np.arange(first, first + values.size), values)


def _pair(rng, shift: float, n: int = 200):
    hard = rng.normal(50, 10, n)
    return hard + shift + rng.normal(0, 2, n), hard + rng.normal(0, 2, n)


def test_paired_is_scipys_paired_test(rng):
    new, old = _pair(rng, 1.0)
    found = difference(_sample(new), _sample(old))
    expected = ttest_rel(new, old)
    low, high = expected.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx((expected.pvalue, low, high))
    assert found.difference == pytest.approx(found.new_mean - found.old_mean)
    assert found.sd == pytest.approx((new - old).std(ddof=1))
    assert (found.verdict, found.paired, found.reason) == ("better", True, None)
    assert found.wins + found.losses == 200
    assert difference(_sample(old), _sample(new)).verdict == "worse"


def test_disjoint_prompts_are_welchs_test(rng):
    new, old = rng.normal(55, 4, 60), rng.normal(50, 8, 90)
    found = difference(_sample(new), _sample(old, first=1000))
    expected = ttest_ind(new, old, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.paired, found.n_shared, found.n_new, found.n_old, found.sd) == (False, 0, 60, 90, None)
    assert (found.wins, found.losses) == (0, 0)


@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.3])
@pytest.mark.parametrize("margin", [0.2, 0.5, 2.0])
def test_equivalence_is_two_one_sided_tests(shift, margin, rng):
    new, old = _pair(rng, shift)
    found = difference(_sample(new), _sample(old), margin=margin)
    above = ttest_1samp(new - old, -margin, alternative="greater").pvalue
    below = ttest_1samp(new - old, margin, alternative="less").pvalue
    assert found.p_equivalent == pytest.approx(max(above, below))
    low, high = ttest_rel(new, old).confidence_interval(0.90)
    assert found.equivalent == (-margin < low and high < margin)


@given(st.floats(-3, 3), st.floats(0, 3), st.integers(2, 60), st.integers(0, 2**31))
def test_claims_about_the_margin_are_about_the_interval(shift, margin, n, seed):
    new, old = _pair(np.random.default_rng(seed), shift, n)
    found = difference(_sample(new), _sample(old), margin=margin)
    reach = t.ppf(0.975, n - 1) * (new - old).std(ddof=1) / np.sqrt(n)
    centre = (new - old).mean()
    assert found.worse_beyond_margin == (centre + reach < -margin)
    assert found.not_inferior == (centre - reach > -margin)
    assert not (found.worse_beyond_margin and (found.not_inferior or found.equivalent))
    if found.worse_beyond_margin:
        assert found.verdict == "worse"


def test_a_difference_may_be_sure_and_small(rng):
    new, old = _pair(rng, 0.8, 2000)
    found = difference(_sample(new), _sample(old), margin=2.0)
    assert (found.verdict, found.equivalent, found.not_inferior) == ("better", True, True)


def test_no_difference_found_is_not_equivalence(rng):
    new, old = _pair(rng, 0.0, 8)
    found = difference(_sample(new), _sample(old), margin=0.5)
    assert (found.verdict, found.equivalent, found.not_inferior) == ("no difference found", False, False)
    assert found.reason == "only 8 prompts: the interval is rough"


def test_the_same_scores_twice():
    values = np.linspace(20, 80, 40)
    found = difference(_sample(values), _sample(values), margin=1.0)
    assert (found.difference, found.low, found.high, found.p, found.verdict) == (0, 0, 0, 1.0, "equivalent")
    assert difference(_sample(values), _sample(values)).verdict == "no difference found"
    assert not difference(_sample(values), _sample(values)).worse_beyond_margin


def test_the_same_shift_everywhere_is_believed_as_far_as_signs_go():
    values = np.linspace(20, 80, 4)
    found = difference(_sample(values + 1), _sample(values), margin=2.0)
    assert found.p == pytest.approx(2 * 0.5**4)  # all four signs alike, or all four the other way
    assert found.p_equivalent == pytest.approx(0.5**4)
    assert found.verdict == "no difference found"


@pytest.mark.parametrize("n", [2, 3, 4])
def test_few_prompts_that_happen_to_agree_prove_nothing(n):
    """No p over n signs can be below 2 * 0.5**n, so neither alarm nor gate may claim anything."""
    worse = difference(_sample([0.0] * n), _sample([1.0] * n), margin=0.1)
    assert (worse.low, worse.high, worse.verdict) == (None, None, "no difference found")
    assert not worse.worse_beyond_margin
    assert worse.reason == f"all {n} prompts differ by the same amount: too few to give an interval"
    same = difference(_sample([1.0] * n), _sample([1.0] * n), margin=0.1)
    assert (same.not_inferior, same.equivalent) == (False, False)
    unpaired = difference(_sample([0.0, 0.0]), _sample([1.0, 1.0], 5), margin=0.1)
    assert (unpaired.low, unpaired.worse_beyond_margin) == (None, False)
    assert unpaired.reason == "all 2 prompts of each have one score: too few to give an interval"


def test_six_prompts_that_agree_are_enough():
    found = difference(_sample([0.0] * 6), _sample([1.0] * 6), margin=0.1)
    assert (found.low, found.high, found.p) == (-1.0, -1.0, pytest.approx(2 * 0.5**6))
    assert (found.verdict, found.worse_beyond_margin) == ("worse", True)


@pytest.mark.parametrize(("n", "first"), [(1, 0), (1, 5)])
def test_one_prompt_is_not_testable(n, first):
    found = difference(_sample([3.0] * n), _sample([1.0] * n, first))
    assert (found.difference, found.low, found.p, found.verdict) == (2.0, None, None, "not testable")
    assert "too few for any test" in found.reason
    assert not any((found.worse_beyond_margin, found.not_inferior, found.equivalent))


def test_many_are_adjusted_by_holm(rng):
    pairs = [_pair(rng, shift, 100) for shift in (1.5, 0.6, 0.0)]
    found = adjusted(
        [difference(_sample(new), _sample(old)) for new, old in pairs]
        + [difference(_sample([1.0]), _sample([2.0]))]
    )
    p = [one.p for one in found[:3]]
    order = np.argsort(p)
    by_hand = np.maximum.accumulate(np.array(p)[order] * [3, 2, 1])
    assert [found[i].p_adjusted for i in order] == pytest.approx(np.minimum(by_hand, 1))
    assert found[3].p_adjusted is None


def test_margins_and_levels_that_make_no_sense():
    for arguments, message in (
        ({"margin": -1.0}, "margin"),
        ({"margin": float("nan")}, "margin"),
        ({"confidence": 1.0}, "confidence"),
    ):
        with pytest.raises(StatisticsError, match=message):
            difference(_sample([1.0, 2.0]), _sample([1.0, 2.0]), **arguments)
    with pytest.raises(StatisticsError, match="either side"):
        difference(_sample([]), _sample([1.0, 2.0]))


def test_false_claims_are_as_rare_as_they_should_be():
    """Under no difference 5 % of verdicts are better or worse; at a true difference of -margin, 2.5 % of new ones
    pass for not inferior, 2.5 % for worse beyond it, 5 % for equivalent (binomial error of 4,000 runs: 0.3 %)."""
    rng = np.random.default_rng(8)
    counts = dict.fromkeys(("claimed", "not inferior", "worse beyond", "equivalent"), 0)
    runs, margin, n = 4000, 2.0, 15
    for _ in range(runs):
        apart, zeros = _sample(rng.normal(0, 1, n)), _sample(np.zeros(n))
        counts["claimed"] += difference(apart, zeros).verdict in ("better", "worse")
        at_margin = difference(_sample(apart.means - margin), zeros, margin=margin)
        counts["not inferior"] += at_margin.not_inferior
        counts["worse beyond"] += at_margin.worse_beyond_margin
        counts["equivalent"] += at_margin.equivalent
    rates = {name: count / runs for name, count in counts.items()}
    expected = {"claimed": 0.05, "not inferior": 0.025, "worse beyond": 0.025, "equivalent": 0.05}
    assert rates == pytest.approx(expected, abs=0.01)
