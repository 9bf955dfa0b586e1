from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lmm4lmm.stats.comparisons import Sample, compare, compare_all, holm, letters


def _sample(name, means, prompts=None):
    means = np.asarray(means, dtype=np.float64)
    return Sample(name, np.arange(means.size) if prompts is None else np.asarray(prompts), means)


def test_paired_is_the_paired_t_test(rng):
    hard = rng.normal(0, 10, 30)
    a, b = hard + rng.normal(1, 1, 30), hard + rng.normal(0, 1, 30)
    found = compare(_sample("a", a), _sample("b", b))
    expected = scipy_stats.ttest_rel(a, b)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert found.paired
    assert found.n_pairs == 30
    assert found.different


def test_only_shared_prompts_are_compared(rng):
    a, b = rng.normal(size=10), rng.normal(size=8)
    found = compare(_sample("a", a, range(10)), _sample("b", b, range(4, 12)))
    assert found.n_pairs == 6
    assert found.p == pytest.approx(scipy_stats.ttest_rel(a[4:], b[:6]).pvalue)
    assert found.difference == pytest.approx((a[4:] - b[:6]).mean())


@pytest.mark.parametrize("first_of_b", [9, 10])
def test_without_two_shared_prompts_it_is_welch(rng, first_of_b):
    a, b = rng.normal(size=10), rng.normal(2, 3, size=14)
    found = compare(_sample("a", a), _sample("b", b, range(first_of_b, first_of_b + 14)))
    expected = scipy_stats.ttest_ind(a, b, equal_var=False)
    assert not found.paired
    assert found.n_pairs == 10 - first_of_b
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_one_prompt_allows_no_test():
    found = compare(_sample("a", [3.0]), _sample("b", [90.0]))
    assert found.difference == -87
    assert (found.p, found.low, found.different) == (None, None, False)


def test_differences_without_spread():
    same = compare(_sample("a", [1, 2, 3]), _sample("b", [1, 2, 3]))
    assert (same.p, same.different) == (1.0, False)
    few = compare(_sample("a", [2, 3, 4]), _sample("b", [1, 2, 3]))
    assert (few.p, few.different) == (0.25, False)
    many = compare(_sample("a", np.arange(20) + 0.1), _sample("b", np.arange(20)))
    assert many.p == pytest.approx(0.5**19)
    apart = compare(_sample("a", [1, 1, 1]), _sample("b", [2, 2, 2], [7, 8, 9]))
    assert apart.p == pytest.approx(2 / 20)


def test_holm_by_hand_and_against_scipy():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    assert holm(np.empty(0)).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_order_and_only_raises(p):
    p = np.array(p)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_holm_controls_the_family_when_nothing_differs():
    """No difference anywhere: in at most 5 % of studies is any pair called different."""
    rng, studies = np.random.default_rng(8), 400
    wrong = plain = 0
    for _ in range(studies):
        hard = rng.normal(0, 3, 25)
        found = compare_all([_sample(str(g), hard + rng.normal(size=25)) for g in range(5)])
        wrong += any(pair.different for pair in found)
        plain += any(pair.p < 0.05 for pair in found)
    # two standard errors of a share of 0.05 in 400 studies are 0.022
    assert wrong / studies < 0.072
    assert plain / studies > 0.15


@settings(max_examples=100)
@given(
    st.integers(1, 12).flatmap(lambda g: st.tuples(st.just(g), st.integers(0, 2 ** (g * (g - 1) // 2) - 1)))
)
def test_two_share_a_letter_exactly_when_they_are_not_different(case):
    g, bits = case
    different = np.zeros((g, g), dtype=np.bool_)
    for k, (i, j) in enumerate(zip(*np.triu_indices(g, 1), strict=True)):
        different[i, j] = different[j, i] = bits >> k & 1
    found = letters(different)
    assert all(marks and len(set(marks)) == len(marks) for marks in found)
    for i in range(g):
        for j in range(g):
            if i != j:
                assert bool(set(found[i]) & set(found[j])) != different[i, j]


def test_letters_go_from_best_down_and_past_z():
    chain = np.array([[abs(i - j) > 1 for j in range(4)] for i in range(4)])
    assert letters(chain) == [("a",), ("a", "b"), ("b", "c"), ("c",)]
    assert letters(np.zeros((3, 3), dtype=np.bool_)) == [("a",)] * 3
    apart = ~np.eye(28, dtype=np.bool_)
    assert [marks[0] for marks in letters(apart)][25:] == ["z", "aa", "ab"]
