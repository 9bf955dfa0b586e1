from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import resampling
from lmm4lmm.stats.resampling import (
    Draws,
    bca_interval,
    bootstrap,
    cluster_weights,
    jackknife,
    percentile_interval,
)


def _mean_of(values):
    return lambda weights: weights @ values / weights.sum(axis=1)


def test_weights_are_multinomial_and_chunks_do_not_show(rng, monkeypatch):
    whole = np.concatenate(list(cluster_weights(7, 5000, np.random.default_rng(1))))
    monkeypatch.setattr("lmm4lmm.stats.resampling.CHUNK", 50)
    chunked = np.concatenate(list(cluster_weights(7, 5000, np.random.default_rng(1))))
    np.testing.assert_array_equal(whole, chunked)
    assert (whole.sum(axis=1) == 7).all()
    np.testing.assert_allclose(whole.mean(axis=0), 1, atol=0.06)
    np.testing.assert_allclose(whole.var(axis=0), 6 / 7, atol=0.08)


def test_the_same_seed_gives_the_same_replicates(rng):
    values = rng.normal(size=20)
    first, second = (
        bootstrap({"mean": _mean_of(values)}, 20, rng=np.random.default_rng(5), resamples=50)["mean"]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_statistics_of_one_call_share_their_draws(rng):
    values = rng.normal(size=20)
    found = bootstrap({"a": _mean_of(values), "b": _mean_of(values + 1)}, 20, rng=rng, resamples=50)
    np.testing.assert_allclose(found["b"] - found["a"], 1)


def test_jackknife_leaves_each_out_once(rng):
    values = rng.normal(size=9)
    expected = [np.delete(values, i).mean() for i in range(9)]
    np.testing.assert_allclose(jackknife(_mean_of(values), 9), expected)


@pytest.mark.parametrize("c", [4, 12, 200])
def test_the_percentile_interval_of_a_mean_is_the_t_interval(c):
    values = np.random.default_rng(c).normal(size=c)
    found = bootstrap({"m": _mean_of(values)}, c, rng=np.random.default_rng(0), resamples=40_000)["m"]
    interval = percentile_interval(values.mean(), found, c)
    low, high = scipy_stats.t.interval(0.95, c - 1, values.mean(), scipy_stats.sem(values))
    # with four prompts the far tails of the bootstrap are bounded by the data and can't reach t's
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.3 if c == 4 else 0.06)


def test_bca_agrees_with_scipy(rng):
    values = rng.exponential(size=60)
    expected = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    found = bootstrap({"m": _mean_of(values)}, 60, rng=rng, resamples=20_000)["m"]
    interval = bca_interval(values.mean(), found, jackknife(_mean_of(values), 60), 60)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=0.015)


def test_no_interval_where_none_can_be_given():
    assert "one prompt only" in (percentile_interval(0.5, np.empty(0), 1).reason or "")
    some_undefined = np.append(np.linspace(0, 1, 90), np.full(10, np.nan))
    interval = percentile_interval(0.5, some_undefined, 30)
    assert interval.low is None
    assert "undefined in 10% of the resamples" in (interval.reason or "")
    assert "lie on one side" in (bca_interval(5.0, np.linspace(0, 1, 90), np.arange(9.0), 9).reason or "")


def test_few_prompts_get_a_warning():
    assert percentile_interval(0.5, np.linspace(0, 1, 100), 30).reason is None
    assert (
        percentile_interval(0.5, np.linspace(0, 1, 100), 5).reason == "only 5 prompts: the interval is rough"
    )


@pytest.mark.parametrize("resamples", [0, 9])
def test_too_few_resamples_are_refused(resamples, rng):
    with pytest.raises(StatisticsError, match="resamples must be at least 10"):
        bootstrap({}, 5, rng=rng, resamples=resamples)


@pytest.mark.parametrize(("c", "least"), [(6, 0.88), (12, 0.915), (40, 0.93)])
def test_coverage_of_a_clustered_mean(c, least):
    """Intervals of 95 % hold the truth in about 95 % of studies; below ten prompts they say they are rough."""
    rng, held, studies = np.random.default_rng(c), 0, 600
    for _ in range(studies):
        values = rng.normal(size=c)
        found = bootstrap({"m": _mean_of(values)}, c, rng=rng, resamples=400)["m"]
        interval = percentile_interval(values.mean(), found, c)
        held += interval.low <= 0 <= interval.high
    # two standard errors of the share are 0.018
    assert least <= held / studies <= 0.975


def test_draws_do_not_hang_on_the_size_of_a_chunk():
    whole = np.concatenate(list(cluster_weights(37, 50, np.random.default_rng(1))))
    chunks = list(cluster_weights(37, 50, np.random.default_rng(1), rows=16))
    assert [chunk.shape[0] for chunk in chunks] == [16, 16, 16, 2]
    np.testing.assert_array_equal(np.concatenate(chunks), whole)


def test_draws_are_those_of_a_generator_at_the_seed_however_often_they_are_asked_for():
    draws = Draws(3)
    expected = np.concatenate(list(cluster_weights(37, 50, np.random.default_rng(3))))
    for rows in (None, 16, 50, 7):
        found = np.concatenate(list(cluster_weights(37, 50, draws, rows=rows)))
        np.testing.assert_array_equal(found, expected)
    other = np.concatenate(list(cluster_weights(5, 50, draws)))
    np.testing.assert_array_equal(
        other, np.concatenate(list(cluster_weights(5, 50, np.random.default_rng(3))))
    )
    np.testing.assert_array_equal(np.concatenate(list(cluster_weights(37, 50, draws, rows=9))), expected)


def test_many_sizes_and_large_ones_are_drawn_anew(monkeypatch):
    monkeypatch.setattr(resampling, "KEPT", 60)
    monkeypatch.setattr(resampling, "KEPT_SIZES", 2)
    draws = Draws(1)
    for n in (2, 3, 4, 5, 2, 7, 7, 3):
        found = np.concatenate(list(cluster_weights(n, 12, draws)))
        np.testing.assert_array_equal(
            found, np.concatenate(list(cluster_weights(n, 12, np.random.default_rng(1))))
        )
    assert len(draws._kept) == 2


def test_a_draw_that_was_not_finished_is_not_kept():
    draws = Draws(1)
    next(iter(cluster_weights(5, 40, draws, rows=10)))
    found = np.concatenate(list(cluster_weights(5, 40, draws, rows=10)))
    np.testing.assert_array_equal(
        found, np.concatenate(list(cluster_weights(5, 40, np.random.default_rng(1))))
    )
