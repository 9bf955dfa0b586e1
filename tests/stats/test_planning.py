from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nct, t, ttest_1samp

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.planning import Spread, detectable, pilot_spread, power, prompts_needed


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_the_classic_sample_sizes(effect, n):
    """G*Power 3.1, "difference between two dependent means", two-sided .05, power .8; statsmodels' TTestPower gives
    198.15, 33.37 and 14.30 before rounding up."""
    assert prompts_needed(effect, 1.0) == n


@pytest.mark.parametrize("n", [2, 3, 10, 34, 200, 2000])
@pytest.mark.parametrize("effect", [0.0, 0.01, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("comparisons", [1, 276])
def test_power_is_that_of_the_noncentral_t(n, effect, comparisons):
    at = t.ppf(1 - 0.05 / comparisons / 2, n - 1)
    away = effect * np.sqrt(n)
    wrong_side = nct.cdf(-at, n - 1, away) if away < 8 else 0.0  # scipy has NaN there
    expected = nct.sf(at, n - 1, away) + wrong_side
    assert power(n, effect, 1.0, comparisons=comparisons) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("n", "effect", "comparisons"), [(2, 100.0, 1), (3, 50.0, 276), (5, 40.0, 1)])
def test_power_of_huge_differences_by_simulation(n, effect, comparisons):
    """Beyond 38 standard errors the noncentral t can't be computed; then chance is in the denominator alone."""
    rng = np.random.default_rng(0)
    p = ttest_1samp(rng.normal(effect, 1.0, (20_000, n)), 0.0, axis=1).pvalue
    assert power(n, effect, 1.0, comparisons=comparisons) == pytest.approx(
        (p < 0.05 / comparisons).mean(), abs=0.01
    )


@given(st.floats(0.02, 3), st.floats(0.05, 0.99), st.integers(1, 300))
def test_the_number_of_prompts_is_the_smallest(effect, wanted, comparisons):
    n = prompts_needed(effect, 1.0, wanted=wanted, comparisons=comparisons)
    assert power(n, effect, 1.0, comparisons=comparisons) >= wanted
    assert n == 2 or power(n - 1, effect, 1.0, comparisons=comparisons) < wanted


def test_the_detectable_difference_has_the_wanted_power():
    found = detectable(500, 10.0, wanted=0.9, confidence=0.99)
    assert power(500, found, 10.0, confidence=0.99) == pytest.approx(0.9)
    # a normal approximation by hand: (2.576 + 1.282) * 10 / sqrt(500)
    assert found == pytest.approx(1.725, rel=0.01)
    assert detectable(10, 1.0, wanted=0.01) == pytest.approx(0.0, abs=1e-9)  # chance alone finds more


def test_more_images_shrink_their_own_part_only():
    spread = Spread(10.0, 0.36)
    assert spread.with_images(1) == 10.0
    assert spread.with_images(4) == pytest.approx(10.0 * np.sqrt(0.64 + 0.09))
    assert spread.with_images(10**6) == pytest.approx(8.0)
    with pytest.raises(StatisticsError, match="several"):
        Spread(10.0, None).with_images(2)


def _pilot(rng, images: int, c: int = 4000):
    """Differences vary by prompt with SD 6, single images by 4 (new) and 3 (old)."""
    prompts = np.repeat(np.arange(c), images)
    hard = rng.normal(0, 20, c)[prompts]
    new = hard + rng.normal(0, 6, c)[prompts] + rng.normal(0, 4, prompts.size)
    return new, prompts, hard + rng.normal(0, 3, prompts.size), prompts


@pytest.mark.parametrize("images", [1, 2, 5])
def test_a_pilot_gives_the_spread_that_made_it(images, rng):
    found = pilot_spread(*_pilot(rng, images))
    assert found.sd == pytest.approx(np.sqrt(36 + 16 + 9), rel=0.04)
    if images == 1:
        assert found.share is None
    else:
        assert found.share == pytest.approx(25 / 61, abs=0.04)
        assert found.with_images(images) == pytest.approx(np.sqrt(36 + 25 / images), rel=0.04)


def test_a_pilot_is_over_shared_prompts(rng):
    new, prompts, old, _ = _pilot(rng, 1, 50)
    part = pilot_spread(new, prompts, old[:20], prompts[:20])
    assert part.sd == pytest.approx((new[:20] - old[:20]).std(ddof=1))


def test_what_makes_no_sense_is_refused(rng):
    codes = np.arange(3)
    for call, message in (
        (lambda: prompts_needed(0.0, 1.0), "difference of 0"),
        (lambda: prompts_needed(1e-9, 1.0), "more than 10,000,000"),
        (lambda: prompts_needed(1.0, 0.0), "spread above 0"),
        (lambda: prompts_needed(1.0, 1.0, wanted=1.0), "power must lie"),
        (lambda: power(1, 1.0, 1.0), "two prompts"),
        (lambda: power(10, 1.0, 1.0, comparisons=0), "one comparison"),
        (lambda: power(10, 1.0, 1.0, confidence=1.0), "confidence"),
        (lambda: Spread(1.0, 0.5).with_images(0), "one image"),
        (lambda: pilot_spread(np.ones(3), codes, np.ones(3), codes + 3), "two prompts that both drew"),
        (lambda: pilot_spread(np.ones(3), codes, np.zeros(3), codes), "the same on every prompt"),
    ):
        with pytest.raises(StatisticsError, match=message):
            call()
