"""Krippendorff's alpha and the kappas: published examples, what must not change them, and what has no value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.agreement import fleiss_kappa, krippendorff_alpha, randolph_kappa

NA = np.nan
# four observers, twelve units: Krippendorff, Computing Krippendorff's alpha-reliability, 2011, section C
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NA, NA, NA],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NA, 3],
        [NA, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NA],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NA],
    ]
).T
# fourteen raters, ten subjects, counts of five categories: the worked example after Fleiss 1971
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def _alpha(ratings, level="interval"):
    return krippendorff_alpha(ratings, level, rng=np.random.default_rng(0), resamples=50)


@pytest.mark.parametrize(
    ("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorffs_example(level, value):
    found = _alpha(KRIPPENDORFF, level)
    assert found.interval.value == pytest.approx(value, abs=0.0005)
    assert (found.n, found.n_dropped, found.n_ratings, found.n_values) == (11, 1, 40, 5)


def test_fleiss_example(rng):
    ratings = np.array([np.repeat(np.arange(5.0), counts) for counts in FLEISS])
    assert fleiss_kappa(ratings, rng=rng).interval.value == pytest.approx(0.210, abs=0.0005)


def test_randolphs_kappa_is_agreement_beyond_equal_chances(rng):
    # two thirds of the pairs of each image agree (one rater of three differs only on the second): 1/2 chance
    ratings = [[1, 1, 1], [1, 1, 2], [2, 2, 2]]
    agreed = (1 + 1 / 3 + 1) / 3
    assert randolph_kappa(ratings, rng=rng).interval.value == pytest.approx((agreed - 1 / 2) / (1 / 2))
    found = randolph_kappa(ratings, rng=rng, values=5).interval.value
    assert found == pytest.approx((agreed - 1 / 5) / (4 / 5))
    with pytest.raises(StatisticsError, match="2 different ratings, more than the 1"):
        randolph_kappa(ratings, rng=rng, values=1)


@settings(max_examples=60)
@given(st.data())
def test_alpha_is_the_mean_over_all_pairs(data):
    """The definition in plain loops, with gaps and ties."""
    n, k = data.draw(st.integers(2, 8)), data.draw(st.integers(2, 4))
    cell = st.one_of(st.none(), st.integers(0, 4))
    rows = data.draw(st.lists(st.lists(cell, min_size=k, max_size=k), min_size=n, max_size=n))
    found = _alpha([[NA if r is None else r for r in row] for row in rows])
    units = [[r for r in row if r is not None] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    every = [r for unit in units for r in unit]
    expected = sum((a - b) ** 2 for a in every for b in every)
    if not expected:
        assert found.interval.value is None
        return
    observed = sum(sum((a - b) ** 2 for a in unit for b in unit) / (len(unit) - 1) for unit in units)
    assert found.interval.value == pytest.approx(1 - observed * (len(every) - 1) / expected)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_a_replicate_is_the_repeated_images(level):
    """The interval rests on weights: weights of two and nought are images twice and not at all."""
    from lmm4lmm.stats import agreement

    rng = np.random.default_rng(4)
    ratings = rng.integers(0, 6, (30, 4)).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = NA
    ratings = ratings[(~np.isnan(ratings)).sum(axis=1) >= 2]
    weights = rng.integers(0, 3, len(ratings))
    statistic = getattr(agreement, f"_{level}")(agreement._Seen(ratings))
    repeated = _alpha(np.repeat(ratings, weights, axis=0), level)
    assert statistic(weights[None].astype(float))[0] == pytest.approx(repeated.interval.value, abs=1e-12)


def test_the_interval_covers(rng):
    """95 % intervals of nominal alpha hold the value of the population in about 95 % of studies."""
    truth = rng.integers(0, 3, 100_000)

    def rated(which):
        wrong = rng.random((which.size, 4)) < 0.3
        return np.where(wrong, rng.integers(0, 3, wrong.shape), which[:, None]).astype(float)

    population = krippendorff_alpha(rated(truth), "nominal", rng=rng, resamples=10).interval.value
    held = 0
    for _ in range(200):
        found = krippendorff_alpha(rated(rng.choice(truth, 60)), "nominal", rng=rng, resamples=200).interval
        held += found.low <= population <= found.high
    # two standard errors of a share of 0.95 in 200 studies are 0.031
    assert 0.91 <= held / 200 <= 0.985


def test_ordinal_alpha_hangs_on_order_alone(rng):
    ratings = rng.integers(1, 6, (30, 4)).astype(float)
    assert _alpha(ratings, "ordinal").interval.value == pytest.approx(
        _alpha(np.exp(ratings), "ordinal").interval.value
    )


def test_a_constant_rater_lowers_alpha_and_one_rating_is_left_out(rng):
    truth = rng.integers(1, 6, 40).astype(float)
    agreed = np.column_stack([truth, truth, truth])
    assert _alpha(agreed).interval.value == pytest.approx(1.0)
    assert 0 < _alpha(np.column_stack([agreed, np.full(40, 3.0)])).interval.value < 1
    lone = np.vstack([agreed, [5.0, NA, NA]])
    assert _alpha(lone).interval == _alpha(agreed).interval
    assert _alpha(lone).n_dropped == 1


@pytest.mark.parametrize("coefficient", [_alpha, fleiss_kappa, randolph_kappa])
@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([[1.0], [2.0]], "at least 2 raters; there are 1"),
        ([[1.0, NA], [NA, 2.0]], "none of the 2 images has two ratings"),
        ([[3.0, 3.0], [3.0, 3.0]], "all 4 ratings are 3"),
    ],
)
def test_what_has_no_value_says_why(coefficient, ratings, reason):
    found = (
        coefficient(ratings) if coefficient is _alpha else coefficient(ratings, rng=np.random.default_rng(0))
    )
    assert found.interval.value is None
    assert reason in found.interval.reason


def test_few_images_are_called_images(rng):
    found = krippendorff_alpha([[1.0, 2.0], [4.0, 5.0], [3.0, 3.0]], "interval", rng=rng)
    assert found.interval.reason == "only 3 images: the interval is rough"
    one = krippendorff_alpha([[1.0, 2.0]], "interval", rng=rng)
    assert one.interval.low is None
    assert one.interval.reason == "one image only: no interval can be given"


def test_ratios_need_a_zero():
    assert "one is -1" in _alpha([[-1.0, 2.0], [2.0, 3.0]], "ratio").interval.reason


def test_what_is_no_table_of_ratings_is_refused():
    with pytest.raises(StatisticsError, match="items by raters"):
        _alpha([1.0, 2.0])
    with pytest.raises(StatisticsError, match="inf at item 1, rater 0"):
        _alpha([[1.0, 2.0], [np.inf, 2.0]])
    with pytest.raises(StatisticsError, match="empty table"):
        _alpha(np.empty((0, 3)))
