"""Intervals by linearisation: the textbook's where items are independent, honest where prompts are alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.linearised import clustered_mean, fit_band
from lmm4lmm.stats.logistic import fit_logistic


def world(rng: np.random.Generator, prompts: int, each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, people's scores and prompts; images of one prompt share part of their noise."""
    cluster = np.repeat(np.arange(prompts), each)
    x = rng.normal(0, 1, cluster.size)
    shared = rng.normal(0, 4, prompts)[cluster]
    return x, truth(x) + shared + rng.normal(0, 4, cluster.size), cluster


def truth(x: np.ndarray) -> np.ndarray:
    return 20 + 60 / (1 + np.exp(-x / 0.6))


def test_a_mean_of_single_items_has_the_textbook_interval(rng: np.random.Generator) -> None:
    values = rng.normal(3, 2, 30)
    found = clustered_mean(values, np.arange(30))
    expected = scipy_stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_items_copied_within_their_prompt_add_nothing(rng: np.random.Generator) -> None:
    values = rng.normal(0, 1, 40)
    once = clustered_mean(values, np.arange(40))
    ten_times = clustered_mean(np.repeat(values, 10), np.repeat(np.arange(40), 10))
    assert (ten_times.low, ten_times.high) == pytest.approx((once.low, once.high))


def test_what_can_not_be_had_has_a_reason() -> None:
    assert clustered_mean([], []).reason == "no item"
    one = clustered_mean([1.0, 2.0], ["a", "a"])
    assert (one.value, one.low) == (1.5, None)
    assert "one prompt" in (one.reason or "")
    assert "rough" in (clustered_mean([1.0, 2.0], ["a", "b"]).reason or "")


def test_the_band_holds_the_true_curve_as_often_as_it_says() -> None:
    """120 worlds of 80 prompts x 3 images whose curve is known; by items alone it would hold it far less often."""
    at = np.array([-1.5, -0.5, 0.0, 0.8, 1.6])
    held, naive = [], []
    for seed in range(120):
        x, y, prompts = world(np.random.default_rng(seed), 80, 3)
        fit = fit_logistic(x, y)
        band = fit_band(fit, x, y, prompts=prompts, at=at)
        held.append((band.low <= truth(at)) & (truth(at) <= band.high))
        alone = fit_band(fit, x, y, prompts=np.arange(x.size), at=at)
        naive.append((alone.low <= truth(at)) & (truth(at) <= alone.high))
    assert 0.90 <= np.mean(held) <= 0.985
    assert np.mean(naive) < np.mean(held)


def test_the_band_is_that_of_refits_on_drawn_prompts() -> None:
    rng = np.random.default_rng(5)
    x, y, prompts = world(rng, 120, 2)
    at = np.linspace(-1.5, 1.5, 7)
    band = fit_band(fit_logistic(x, y), x, y, prompts=prompts, at=at)
    curves = []
    for _ in range(150):
        rows = np.concatenate([np.flatnonzero(prompts == p) for p in rng.integers(0, 120, 120)])
        curves.append(fit_logistic(x[rows], y[rows])(at))
    width = 2 * 1.98 * np.std(curves, axis=0)
    assert band.high - band.low == pytest.approx(width, rel=0.3)


def test_a_step_and_a_line_have_bands_without_nan(rng: np.random.Generator) -> None:
    x = rng.normal(0, 1, 200)
    for y in ((x > 0) * 1.0, 2 * x + 1 + rng.normal(0, 0.01, 200)):
        fit = fit_logistic(x, y)
        if fit.converged:
            band = fit_band(fit, x, y, prompts=np.arange(200), at=np.linspace(-2, 2, 9))
            assert np.isfinite(band.low).all()
            assert (band.low <= band.value).all()


def test_one_prompt_has_no_band(rng: np.random.Generator) -> None:
    x, y, _ = world(rng, 30, 1)
    with pytest.raises(StatisticsError, match="one prompt"):
        fit_band(fit_logistic(x, y), x, y, prompts=["a"] * 30, at=[0.0])
