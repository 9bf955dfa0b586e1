from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.delong import areas
from lmm4lmm.stats.krasula import krasula


def test_areas_are_mann_whitneys(rng: np.random.Generator) -> None:
    positive, negative = rng.integers(0, 9, (2, 30)) + 1.0, rng.integers(0, 9, (2, 40)) * 1.0
    found = areas(positive, negative)
    for k in range(2):
        u = scipy_stats.mannwhitneyu(positive[k], negative[k]).statistic
        assert found.auc[k] == pytest.approx(u / (30 * 40))


def test_delongs_variance_is_about_the_bootstraps(rng: np.random.Generator) -> None:
    positive = rng.normal(1, 1, (1, 80)) + rng.normal(0, 0.3, (2, 80))
    negative = rng.normal(0, 1, (1, 90)) + rng.normal(0, 0.3, (2, 90))
    found = areas(positive, negative)
    drawn = [
        areas(positive[:, rng.integers(0, 80, 80)], negative[:, rng.integers(0, 90, 90)]).auc
        for _ in range(400)
    ]
    assert np.sqrt(found.covariance) == pytest.approx(np.sqrt(np.cov(np.transpose(drawn))), rel=0.2)
    assert found.p[0, 0] == 1.0
    assert found.p[0, 1] == found.p[1, 0]


def test_pairs_by_definition(rng: np.random.Generator) -> None:
    y, se = rng.normal(0, 2, 25), rng.uniform(0.5, 1.0, 25)
    x = y + rng.normal(0, 1, 25)
    different, moved, signs = [], [], []
    for i, j in itertools.combinations(range(25), 2):
        different.append(abs(y[i] - y[j]) > 1.96 * np.hypot(se[i], se[j]))
        moved.append(x[i] - x[j])
        signs.append(np.sign(y[i] - y[j]))
    told, moved, signs = np.array(different), np.array(moved), np.array(signs)
    found = krasula(x, y, se, z=1.96)
    assert (found.n_pairs, found.n_different) == (300, told.sum())
    assert found.right_signs[0] == pytest.approx((moved * signs > 0)[told].mean())
    u = scipy_stats.mannwhitneyu(np.abs(moved[told]), np.abs(moved[~told])).statistic
    assert found.auc_different[0] == pytest.approx(u / told.sum() / (~told).sum())


def test_a_perfect_metric_and_one_that_is_upside_down(rng: np.random.Generator) -> None:
    y = rng.normal(0, 3, 30)
    found = krasula(np.array([y, -y]), y, np.full(30, 1.0))
    assert found.auc_better == pytest.approx([1.0, 0.0])
    assert found.auc_different == pytest.approx([1.0, 1.0])


def test_pairs_within_prompts_only(rng: np.random.Generator) -> None:
    y = np.array([0.0, 9.0, 0.1, 0.0, 9.0, 0.1])
    found = krasula(y, y, np.full(6, 1.0), groups=list("aaabbb"))
    assert (found.n_pairs, found.n_different) == (6, 4)


def test_where_all_pairs_are_alike_there_is_no_curve() -> None:
    with pytest.raises(StatisticsError, match="two cases of each kind"):
        krasula([1.0, 2.0, 3.0], [1.0, 1.1, 1.2], [5.0, 5.0, 5.0])
