from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import pairing
from lmm4lmm.stats.within import calibrated_accuracy, mean_srcc_within

SMALL = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=14
).map(lambda rows: tuple(np.array(column, dtype=float) for column in zip(*rows, strict=True)))


def _by_definition(x, y, prompts, epsilon):
    """acc_eq of Deutsch, Foster and Freitag: mean over groups of the share of pairs treated alike."""
    shares = []
    for prompt in sorted(set(prompts)):
        of = np.flatnonzero(prompts == prompt)
        right = [
            np.sign(y[i] - y[j]) == (0 if abs(x[i] - x[j]) <= epsilon else np.sign(x[i] - x[j]))
            for i, j in itertools.combinations(of, 2)
        ]
        if right:
            shares.append(np.mean(right))
    return float(np.mean(shares)) if shares else None


@settings(max_examples=60)
@given(SMALL)
def test_the_best_epsilon_is_the_best_of_all(columns) -> None:
    x, y, prompts = columns
    gaps = {0.0, *(abs(a - b) for a, b in itertools.combinations(x, 2))}
    tried = {epsilon: _by_definition(x, y, prompts, epsilon) for epsilon in gaps}
    if None in tried.values():
        with pytest.raises(StatisticsError, match="no two items"):
            calibrated_accuracy(x, y, groups=prompts)
        return
    found = calibrated_accuracy(x, y, groups=prompts)
    assert found.accuracy == pytest.approx(max(tried.values()))
    assert tried[found.epsilon] == pytest.approx(found.accuracy)
    assert found.accuracy_uncalibrated == pytest.approx(tried[0.0])
    assert np.nanmean(found.by_group) == pytest.approx(found.accuracy)


def test_a_constant_metric_is_right_about_ties_only() -> None:
    found = calibrated_accuracy([1.0, 1.0, 1.0], [2.0, 2.0, 3.0])
    assert (found.accuracy, found.epsilon) == (pytest.approx(1 / 3), 0.0)


def test_too_many_pairs_are_refused_and_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "MOST_PAIRS", 5)
    with pytest.raises(StatisticsError, match="6 pairs are too many"):
        calibrated_accuracy([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])


def test_mean_within_is_scipys_group_by_group(rng: np.random.Generator) -> None:
    prompts = np.repeat(np.arange(8), 6)
    x, y = rng.integers(0, 5, 48).astype(float), rng.normal(size=48)
    expected = [scipy_stats.spearmanr(x[prompts == p], y[prompts == p])[0] for p in range(8)]
    found = mean_srcc_within(x, y, prompts)
    assert found.mean == pytest.approx(np.mean(expected), abs=1e-12)
    assert (found.n_defined, found.n_undefined) == (8, 0)


def test_undefined_groups_are_counted(rng: np.random.Generator) -> None:
    x = np.array([1.0, 2, 3, 1, 2, 5, 5, 5])
    found = mean_srcc_within(x, [1.0, 2, 3, 1, 2, 1, 2, 3], list("aaabbccc"))
    assert (found.mean, found.n_defined, found.n_undefined) == (1.0, 1, 2)
    with pytest.raises(StatisticsError, match="none of the 8 groups"):
        mean_srcc_within(x, x, list("abcdefgh"))
