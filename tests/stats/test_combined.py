from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import zscore

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.combined import combined


def _table(rng: np.random.Generator):
    makers = np.repeat(["a", "b", "c", "d"], 30)
    level = np.repeat([60.0, 55.0, 52.0, 30.0], 30)
    return makers, level + rng.normal(0, 5, 120), rng.random(120)


def _means(values, makers):
    return np.array([np.nanmean(values[makers == name]) for name in np.unique(makers)])


def test_a_generators_combined_score_is_the_mean_of_its_z_scores(rng):
    makers, quality, answer = _table(rng)
    found = combined({"quality": quality, "answer": answer}, makers)
    by_hand = (zscore(_means(quality, makers)) + zscore(_means(answer, makers))) / 2
    np.testing.assert_allclose(_means(found.values, makers), by_hand)
    assert found.yardsticks["quality"].sd == pytest.approx(_means(quality, makers).std())
    assert found.n_incomplete == 0


@given(st.floats(-100, 100), st.floats(0.01, 100))
def test_units_do_not_matter(shift, scale):
    makers, quality, answer = _table(np.random.default_rng(0))
    one = combined({"quality": quality, "answer": answer}, makers)
    other = combined({"quality": shift + scale * quality, "answer": answer}, makers)
    np.testing.assert_allclose(one.values, other.values, atol=1e-9)


def test_an_image_without_all_scores_has_none(rng):
    makers, quality, answer = _table(rng)
    quality[:3], answer[2:5] = np.nan, np.nan
    found = combined({"quality": quality, "answer": answer}, makers)
    assert np.isnan(found.values).sum() == 5
    assert found.n_incomplete == 4  # one of the five has no score at all
    complete = ~np.isnan(found.values)
    same = combined({"quality": quality[complete], "answer": answer[complete]}, makers[complete])
    np.testing.assert_array_equal(found.values[complete], same.values)


def test_a_dimension_in_which_all_are_equal_adds_nothing(rng):
    makers, quality, _ = _table(rng)
    found = combined({"quality": quality, "answer": np.full(120, 0.1)}, makers)
    assert found.yardsticks["answer"].sd == 0.0
    np.testing.assert_allclose(_means(found.values, makers), zscore(_means(quality, makers)) / 2)


def test_what_can_not_be_combined_is_refused(rng):
    makers, quality, answer = _table(rng)
    with pytest.raises(StatisticsError, match="two dimensions"):
        combined({"quality": quality}, makers)
    with pytest.raises(StatisticsError, match="at least 3 generators; there are 2"):
        combined({"quality": quality, "answer": answer}, ["one"] * 60 + ["two"] * 60)
    half = np.where(makers < "c", np.nan, quality)
    with pytest.raises(StatisticsError, match="no image has all of"):
        combined({"quality": half, "answer": np.where(np.isnan(half), answer, np.nan)}, makers)
