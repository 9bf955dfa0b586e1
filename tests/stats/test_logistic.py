from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.correlation import plcc
from lmm4lmm.stats.evaluation import evaluate
from lmm4lmm.stats.logistic import fit_logistic, plcc_fitted
from lmm4lmm.stats.logistic_search import Curve


def _curve(x, bottom, height, centre, scale):
    return bottom + height / (1 + np.exp(-(x - centre) / scale))


def test_finds_the_curve_that_made_the_data(rng):
    x = rng.uniform(-3, 9, 400)
    fit = fit_logistic(x, _curve(x, 20, 50, 2.5, 0.8))
    assert (fit.bottom, fit.height, fit.centre, fit.scale) == pytest.approx((20, 50, 2.5, 0.8), rel=1e-5)
    assert fit.plcc == pytest.approx(1)
    assert fit.converged
    assert fit.monotone
    assert fit.reason is None


def test_a_falling_metric_gets_a_falling_curve(rng):
    x = rng.uniform(0, 1, 200)
    fit = fit_logistic(x, _curve(x, 80, -60, 0.4, 0.1) + rng.normal(0, 1, 200))
    assert fit.height == pytest.approx(-60, rel=0.1)
    assert fit.plcc > 0.99


@settings(max_examples=12)
@given(
    seed=st.integers(0, 10_000),
    shift=st.sampled_from([0, 1e4, -3e3]),
    scale=st.sampled_from([1e-2, 1, -5e3, 1e90]),
)
def test_scale_and_origin_of_the_metric_do_not_matter(seed, shift, scale):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=80)
    y = np.tanh(x) + rng.normal(0, 0.4, 80)
    assert plcc_fitted(scale * x + shift, y) == pytest.approx(plcc_fitted(x, y), abs=1e-6)


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([4, 5]))
def test_never_worse_than_a_straight_line_and_five_never_worse_than_four(seed, size):
    rng = np.random.default_rng(seed)
    x = rng.gamma(1.5, size=120)
    y = np.sqrt(x) + rng.normal(0, 0.3, 120)
    fit = fit_logistic(x, y, size=size)
    # a line is the limit of ever flatter curves; the bound on flatness costs about 1e-5
    assert fit.plcc >= abs(plcc(x, y)) - 1e-4
    assert fit.sse == pytest.approx(np.square(y - fit(x)).sum(), rel=1e-6)
    assert fit.rmse == pytest.approx(np.sqrt(fit.sse / 120))
    assert fit.plcc == pytest.approx(plcc(fit(x), y), abs=1e-6)
    assert fit_logistic(x, y, size=5).sse <= fit_logistic(x, y, size=4).sse * (1 + 1e-6)


@pytest.mark.parametrize("size", [4, 5])
def test_the_jacobian_points_down_the_gradient(size, rng):
    z = rng.normal(size=60)
    curve = Curve(z, np.tanh(z) + rng.normal(0, 0.2, 60), size)
    at = np.array([0.4, 0.3])
    # Kaufman's Jacobian drops a term that is orthogonal to the residual, so the gradient is exact
    solved = curve.solve(at)
    gradient = 2 * np.array(curve.jacobian(at, solved)) @ solved.residual
    np.testing.assert_allclose(gradient, approx_fprime(at, curve.sse, 1e-7), rtol=1e-4)


def test_limits_of_logistics_are_reported(rng):
    x = rng.uniform(0, 3, 300)
    fit = fit_logistic(x, np.exp(x))
    assert fit.plcc > 0.9999
    assert "limit of logistics" in (fit.reason or "")


def test_five_parameters_need_not_be_monotone_and_say_so(rng):
    x = np.linspace(-3, 3, 200)
    fit = fit_logistic(x, np.where(x > 0, 5.0, 0.0) - x, size=5)
    assert not fit.monotone
    assert "not monotone" in (fit.reason or "")


@pytest.mark.parametrize("x", [[0, 1] * 10, [1, 2, 3, 4, 5] * 4, [0] * 19 + [1]])
def test_few_distinct_values(x, rng):
    y = np.array(x) + rng.normal(0, 0.5, 20)
    assert abs(plcc(x, y)) - 1e-4 <= fit_logistic(x, y).plcc <= 1


def test_an_outlier_a_million_times_the_spread(rng):
    x = np.append(rng.normal(size=100), 1e6)
    y = np.append(rng.normal(size=100), 0)
    assert 0 <= fit_logistic(x, y).plcc <= 1


def test_too_few_pairs_and_constants():
    with pytest.raises(StatisticsError, match="at least 5 pairs of values; there are 4"):
        fit_logistic([1, 2, 3, 4], [1, 2, 3, 5])
    with pytest.raises(StatisticsError, match="constant"):
        plcc_fitted([1] * 9, list(range(9)))


def test_a_search_that_fails_is_no_silent_number(rng, monkeypatch):
    monkeypatch.setattr("lmm4lmm.stats.logistic.search", lambda curve: (np.array([0.0, 0.0]), False))
    x = rng.normal(size=50)
    fit = fit_logistic(x, x)
    assert not fit.converged
    assert "before it reached a minimum" in (fit.reason or "")
    with pytest.raises(StatisticsError, match="logistic fit failed"):
        plcc_fitted(x, x)
    found = evaluate(x, x, prompts=None, rng=rng).plcc_fitted
    assert found.value is None
    assert "logistic fit failed" in (found.reason or "")
