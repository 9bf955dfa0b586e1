from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.ceiling import ceiling_from_errors, ceiling_from_ratings, reachable_share, standard_errors
from lmm4lmm.stats.correlation import plcc, srcc
from lmm4lmm.stats.mos import recover


def test_it_is_what_the_truth_reaches(rng: np.random.Generator) -> None:
    """Known truth: 4,000 items of SD 10, 9 raters of SD 12 and biases of their own."""
    true = rng.normal(50, 10, 4000)
    ratings = true[:, None] + rng.normal(0, 12, (4000, 9)) + rng.normal(0, 8, 9)
    mos = ratings.mean(axis=1)
    found = ceiling_from_ratings(ratings, rng=rng)
    assert found.plcc == pytest.approx(plcc(true, mos), abs=0.005)
    assert found.srcc == pytest.approx(srcc(true, mos), abs=0.005)
    assert found.reliability == pytest.approx(100 / (100 + 144 / 9), abs=0.01)


@pytest.mark.parametrize("raters", [60, 18])
def test_severity_is_noise_of_means_where_items_had_different_raters(
    raters: int, rng: np.random.Generator
) -> None:
    """Known truth again, each item rated by 9 of the raters at random."""
    true = rng.normal(50, 10, 4000)
    whole = true[:, None] + rng.normal(0, 12, (4000, raters)) + rng.normal(0, 12, raters)
    unseen = rng.random((4000, raters)).argsort(axis=1) >= 9
    seen = np.where(unseen, np.nan, whole)
    mos = np.nanmean(seen, axis=1)
    found = ceiling_from_ratings(seen, rng=rng)
    assert found.srcc == pytest.approx(srcc(true, mos), abs=0.01)
    freed = ceiling_from_ratings(seen, rng=rng, severity=False)
    scores = recover(seen, "p910").score
    assert freed.srcc == pytest.approx(srcc(true, scores), abs=0.01)
    assert freed.srcc > found.srcc + 0.02


def test_a_standard_deviation_and_a_number_of_raters_do_as_well(rng: np.random.Generator) -> None:
    true = rng.normal(50, 10, 2000)
    ratings = true[:, None] + rng.normal(0, 12, (2000, 9))
    errors = standard_errors(ratings.std(axis=1, ddof=1), np.full(2000, 9))
    found = ceiling_from_errors(ratings.mean(axis=1), errors, rng=rng)
    assert found.srcc == pytest.approx(srcc(true, ratings.mean(axis=1)), abs=0.01)


def test_unknown_errors_are_left_out() -> None:
    assert np.isnan(standard_errors([1.0, np.nan, 2.0], [1, 5, 4])).tolist() == [True, True, False]
    y = np.arange(10.0)
    found = ceiling_from_errors(y, np.r_[np.full(8, 0.5), np.nan, np.nan], rng=np.random.default_rng(0))
    assert found.n == 8


def test_noise_alone_has_no_ceiling() -> None:
    with pytest.raises(StatisticsError, match="their own noise"):
        ceiling_from_errors([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], rng=np.random.default_rng(0))
    with pytest.raises(StatisticsError, match="at least 3 items"):
        ceiling_from_errors([1.0, 2.0], [0.1, 0.1], rng=np.random.default_rng(0))
    with pytest.raises(StatisticsError, match="items by raters"):
        ceiling_from_ratings([1.0, 2.0], rng=np.random.default_rng(0))


def test_the_share_of_the_range() -> None:
    assert reachable_share(0.9, 0.8, 1.0) == pytest.approx(0.5)
    assert reachable_share(0.7, 0.8, 0.9) == pytest.approx(-1.0)
    assert reachable_share(0.7, 0.9, 0.9) is None
