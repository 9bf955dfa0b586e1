"""Plans are checked by doing: simulated studies have the intervals and the power that were promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import planning as of_prompts
from lmm4lmm.stats.rater_components import components_of
from lmm4lmm.stats.rater_planning import (
    EVALMI,
    Components,
    effort,
    evalmi_like,
    half_width,
    power,
    prompts_to_tell,
    ratings_for_half_width,
    ratings_to_tell,
)

PARTS = Components(item=0.8, rater=0.3, residual=0.6, pair=0.7)


def test_half_width_is_what_a_study_gets() -> None:
    rng = np.random.default_rng(0)
    n = ratings_for_half_width(PARTS, 0.35)
    ratings = rng.normal(0, PARTS.rater, (20_000, n)) + rng.normal(0, PARTS.residual, (20_000, n))
    widths = stats.t.ppf(0.975, n - 1) * ratings.std(1, ddof=1) / math.sqrt(n)
    assert math.sqrt(np.mean(widths**2)) == pytest.approx(half_width(PARTS, n), rel=0.01)
    assert half_width(PARTS, n) <= 0.35 < half_width(PARTS, n - 1)


@pytest.mark.parametrize("ratings", [1, 5])
def test_power_is_what_studies_have(ratings: int) -> None:
    rng = np.random.default_rng(1)
    prompts = prompts_to_tell(PARTS, 0.25, ratings)
    assert prompts is not None
    noise = rng.normal(0, PARTS.residual, (4_000, prompts, ratings, 2)).mean(2)
    found = rng.normal(0.25, PARTS.pair, (4_000, prompts)) + noise[..., 0] - noise[..., 1]
    seen = np.mean(stats.ttest_1samp(found, 0, axis=1).pvalue < 0.05)
    assert seen == pytest.approx(power(PARTS, 0.25, prompts, ratings), abs=0.02)
    assert power(PARTS, 0.25, prompts, ratings) >= 0.8 > power(PARTS, 0.25, prompts - 1, ratings)


def test_more_raters_do_not_replace_prompts() -> None:
    few = prompts_to_tell(PARTS, 0.25, 10_000)  # as good as raters without number
    assert few == prompts_to_tell(Components(0.8, 0.3, 0.0, 0.7), 0.25, 1)
    assert few is not None
    assert ratings_to_tell(PARTS, 0.25, few - 1) is None
    n = ratings_to_tell(PARTS, 0.25, few + 10)
    assert n is not None
    assert power(PARTS, 0.25, few + 10, n) >= 0.8 > power(PARTS, 0.25, few + 10, n - 1)


@pytest.mark.parametrize("dimension", EVALMI)
def test_evalmi_gives_back_its_figures(dimension: str) -> None:
    parts, one = evalmi_like(dimension), EVALMI[dimension]
    assert math.sqrt(parts.item**2 + parts.residual**2 / 15) == pytest.approx(one.sd)
    assert parts.item**2 / one.sd**2 == pytest.approx(one.ceiling**2)
    # DATA.md: one rater against the rest reaches .717 and .772; the plan is on the safe side, not by much.
    alone = parts.item**2 / (parts.item**2 + parts.residual**2)
    rest = parts.item**2 / (parts.item**2 + parts.residual**2 / 14)
    measured = {"perception": 0.717, "correspondence": 0.772}[dimension]
    assert measured - 0.04 < math.sqrt(alone * rest) < measured
    # The same figures as `lmm4lmm plan` uses for scores of 15 raters.
    assert one.pair == of_prompts.EVALMI[dimension].sd
    with_noise = math.sqrt(parts.pair**2 + 2 * parts.residual**2 / 15)
    assert with_noise == pytest.approx(one.pair)
    assert power(parts, 1.0, 800, 15) == pytest.approx(of_prompts.power(800, 1.0, one.pair), abs=1e-6)


def simulated(rng: np.random.Generator, gaps: float) -> Components:
    prompts, generators, raters = 150, 4, 30
    base = rng.normal(0, 0.5, (prompts, 1))
    own = rng.normal(0, 0.7 / math.sqrt(2), (prompts, generators))
    truth = (base + own).ravel()
    whole = truth[:, None] + rng.normal(0, 0.3, raters) + rng.normal(0, 0.6, (truth.size, raters))
    items, people = np.nonzero(rng.random(whole.shape) >= gaps)
    return components_of(
        items,
        people,
        whole[items, people],
        generators=[f"g{place % generators}" for place in range(truth.size)],
        prompts=[f"p{place // generators}" for place in range(truth.size)],
    )


@pytest.mark.parametrize("gaps", [0.0, 0.6])
def test_a_pilot_shows_its_components(gaps: float) -> None:
    rng = np.random.default_rng(2)
    runs = [simulated(rng, gaps) for _ in range(20)]
    assert np.mean([run.item for run in runs]) == pytest.approx(math.hypot(0.5, 0.7 / math.sqrt(2)), rel=0.03)
    assert np.sqrt(np.mean([run.rater**2 for run in runs])) == pytest.approx(0.3, rel=0.1)
    assert np.mean([run.residual for run in runs]) == pytest.approx(0.6, rel=0.02)
    assert np.mean([run.pair for run in runs]) == pytest.approx(0.7, rel=0.03)


def test_a_full_pilot_is_the_analysis_of_variance() -> None:
    # Shrout and Fleiss (1979), table 2: mean squares of the two-way table 11.24 (targets), 32.49, 1.02.
    table = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    items, raters = np.indices(table.shape)
    parts = components_of(items.ravel(), raters.ravel(), table.ravel().astype(float))
    assert parts.residual**2 == pytest.approx(1.02, abs=0.005)
    assert parts.item**2 == pytest.approx((11.24 - 1.02) / 4, abs=0.005)
    assert parts.rater**2 == pytest.approx((32.49 - 1.02) / 6, abs=0.005)
    assert parts.pair is None


def test_raters_who_agree_to_the_point_tell_nothing_of_scatter() -> None:
    items, raters = (place.ravel() for place in np.indices((5, 3)))
    for ratings in (np.full(15, 3.0), items + 0.1 * raters):
        with pytest.raises(StatisticsError, match="agree to the point"):
            components_of(items, raters, ratings.astype(float))


def test_effort_is_counted() -> None:
    found = effort(60, 15, seconds=6, most_a_rater=60, extra=0.1, minutes_before=5, pay=12)
    assert (found.ratings, found.raters, found.ratings_a_rater) == (900, 15, 60)
    assert found.hours == pytest.approx((900 * 1.1 * 6 + 15 * 300) / 3600)
    assert found.cost == pytest.approx(found.hours * 12)
    assert effort(10, 15, most_a_rater=60).raters == 15  # nobody rates an item twice
    assert effort(1_000, 15, most_a_rater=60).raters == 250


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: half_width(PARTS, 1),
        lambda: ratings_for_half_width(PARTS, 0),
        lambda: ratings_for_half_width(PARTS, 1e-6),
        lambda: half_width(PARTS, 5, 1.0),
        lambda: power(Components(1, 1, 1), 1, 10, 10),
        lambda: power(PARTS, 1, 1, 10),
        lambda: ratings_to_tell(PARTS, 1, 10, 80),
        lambda: evalmi_like("answer"),
        lambda: effort(0, 1),
        lambda: components_of(np.array([0, 1]), np.array([0, 1]), np.array([1.0, 2.0])),
    ],
)
def test_what_no_plan_can_rest_on(wrong) -> None:
    with pytest.raises(StatisticsError):
        wrong()
