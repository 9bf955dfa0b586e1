from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.stats import answers, replicates
from lmm4lmm.stats.answers import auc_statistic
from lmm4lmm.stats.arrays import Groups, groups
from lmm4lmm.stats.correlation import krcc, plcc, srcc
from lmm4lmm.stats.logistic import fit_logistic
from lmm4lmm.stats.resampling import cluster_weights

EXACT = {"spearman": srcc, "kendall": krcc, "pearson": plcc}


def _data(rng: np.random.Generator, c: int = 30, per_prompt: int = 6, *, ties: bool = False):
    """Scores whose prompts differ: images of one prompt are alike."""
    prompts = groups(np.repeat(np.arange(c), per_prompt), c * per_prompt, "prompts")
    y = rng.normal(size=c)[prompts.codes] + rng.normal(size=prompts.codes.size)
    x = y + rng.normal(size=c)[prompts.codes] + rng.normal(size=y.size)
    return (np.round(2 * x), np.round(2 * y), prompts) if ties else (x, y, prompts)


def _repeated(weights: np.ndarray, prompts: Groups) -> np.ndarray:
    return np.repeat(np.arange(prompts.codes.size), weights.astype(int)[prompts.codes])


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("ties", [False, True])
def test_a_weight_is_a_repetition(name, ties, rng):
    x, y, prompts = _data(rng, ties=ties)
    weights = np.concatenate(list(cluster_weights(30, 20, rng)))
    found = getattr(replicates, name)(x, y, prompts)(weights)
    expected = [EXACT[name](x[rows], y[rows]) for rows in (_repeated(w, prompts) for w in weights)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_weights_of_one_give_the_value_on_the_data(name, rng, monkeypatch):
    monkeypatch.setattr(replicates, "EXACT", 0)
    x, y, prompts = _data(rng, ties=True)
    assert getattr(replicates, name)(x, y, prompts)(np.ones((1, 30)))[0] == pytest.approx(EXACT[name](x, y))


@pytest.mark.parametrize("name", EXACT)
def test_a_resample_that_is_constant_is_undefined(name):
    prompts = groups([0, 0, 1, 1], 4, "prompts")
    statistic = getattr(replicates, name)(np.array([1.0, 1, 2, 3]), np.array([1.0, 2, 3, 4]), prompts)
    found = statistic(np.array([[2.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(found[0])
    assert not np.isnan(found[1])


@pytest.mark.parametrize(("c", "tolerance"), [(25, 0.06), (200, 0.02)])
def test_first_order_kendall_spreads_like_the_exact_one(c, tolerance, rng, monkeypatch):
    x, y, prompts = _data(rng, c, 5, ties=True)
    weights = np.concatenate(list(cluster_weights(c, 1000, rng)))
    exact = replicates.kendall(x, y, prompts)(weights)
    monkeypatch.setattr(replicates, "EXACT", 0)
    linear = replicates.kendall(x, y, prompts)(weights)
    assert linear.std() == pytest.approx(exact.std(), rel=tolerance)
    assert np.abs(np.quantile(linear, [0.025, 0.975]) - np.quantile(exact, [0.025, 0.975])).max() < (
        3 * tolerance * exact.std()
    )


def test_one_step_refits_like_a_full_refit(rng):
    x, y, prompts = _data(rng, 60, 8)
    y = np.tanh(y)
    statistic = replicates.fitted_pearson(fit_logistic(x, y), x, y, prompts)
    weights = np.concatenate(list(cluster_weights(60, 40, rng)))
    refits = [fit_logistic(x[rows], y[rows]).plcc for rows in (_repeated(w, prompts) for w in weights)]
    found = statistic(weights)
    assert np.abs(found - refits).max() < 0.15 * np.std(refits)
    assert np.std(found) == pytest.approx(np.std(refits), rel=0.03)
    assert statistic(np.ones((1, 60)))[0] == pytest.approx(fit_logistic(x, y).plcc, abs=1e-9)


@pytest.mark.parametrize("size", [4, 5])
def test_one_step_where_the_fit_is_a_limit(size, rng):
    x = rng.uniform(0, 3, 300)
    y = np.exp(x) + rng.normal(0, 3, 300)
    prompts = groups(np.arange(300) // 5, 300, "prompts")
    statistic = replicates.fitted_pearson(fit_logistic(x, y, size=size), x, y, prompts)
    weights = np.concatenate(list(cluster_weights(60, 15, rng)))
    refits = [
        fit_logistic(x[rows], y[rows], size=size).plcc for rows in (_repeated(w, prompts) for w in weights)
    ]
    assert np.abs(statistic(weights) - refits).max() < 0.3 * np.std(refits)


def test_auc_of_repeated_prompts(rng):
    x, y, prompts = _data(rng, ties=True)
    yes = (y > 0).astype(np.float64)
    weights = np.concatenate(list(cluster_weights(30, 10, rng)))
    found = auc_statistic(x, yes, prompts)(weights)
    for value, w in zip(found, weights, strict=True):
        rows = _repeated(w, prompts)
        above = np.sign(x[rows][yes[rows] == 1][:, None] - x[rows][yes[rows] == 0])
        assert value == pytest.approx((above.mean() + 1) / 2)


def test_gains_are_those_of_the_pseudo_inverse_sound_or_not(rng):
    """Curvatures of full rank, and such as two parameters that can't be told apart make."""
    moves = rng.normal(size=(40, 30, 4))
    moves[::5, :, 3] = moves[::5, :, 2]
    pull = rng.normal(size=(40, 1, 30)) @ moves
    curvature = moves.transpose(0, 2, 1) @ moves
    inverse = np.linalg.pinv(curvature, rcond=1e-9, hermitian=True)
    expected = (pull @ inverse @ pull.transpose(0, 2, 1))[:, 0, 0]
    np.testing.assert_allclose(replicates._gains(curvature, pull[:, 0]), expected, rtol=1e-9)


@pytest.mark.parametrize("digits", [1, 12])
def test_compiled_loops_give_the_values_of_many_items(digits, rng, monkeypatch):
    """From ``MANY`` items on; weights that are no numbers of draws, or too large for a byte, go the other way."""
    x, y = np.round(rng.normal(size=300), digits), np.round(rng.normal(size=300), digits)
    yes, prompts = (y > 0).astype(float), Groups(rng.integers(0, 40, 300), tuple(range(40)))
    whole = rng.integers(0, 4, (20, 40)).astype(float)
    few = replicates.spearman(x, y, prompts), auc_statistic(x, yes, prompts)
    monkeypatch.setattr(replicates, "MANY", 1)
    monkeypatch.setattr(answers, "MANY", 1)
    many = replicates.spearman(x, y, prompts), auc_statistic(x, yes, prompts)
    for slow, fast in zip(few, many, strict=True):
        for weights in (whole, whole / 2, 100 * whole):
            np.testing.assert_allclose(fast(weights), slow(weights), atol=1e-12, rtol=0)
