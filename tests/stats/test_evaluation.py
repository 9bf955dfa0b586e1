from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import replicates
from lmm4lmm.stats.arrays import groups
from lmm4lmm.stats.correlation import krcc, plcc, srcc
from lmm4lmm.stats.evaluation import evaluate, intervals
from lmm4lmm.stats.logistic import plcc_fitted

MEASURES = ("srcc", "krcc", "plcc", "plcc_fitted")


def _study(rng: np.random.Generator, c: int = 40, per_prompt: int = 5):
    prompts = np.repeat([f"a photo of {i}" for i in range(c)], per_prompt)
    truth = np.repeat(rng.normal(size=c), per_prompt) + rng.normal(size=prompts.size)
    metric = truth + np.repeat(rng.normal(size=c), per_prompt) + rng.normal(size=prompts.size)
    return metric, truth, prompts


def test_values_are_those_of_the_plain_functions(rng):
    x, y, prompts = _study(rng)
    found = evaluate(x, y, prompts=prompts, rng=rng)
    assert found.srcc.value == pytest.approx(srcc(x, y))
    assert found.krcc.value == pytest.approx(krcc(x, y))
    assert found.plcc.value == pytest.approx(plcc(x, y))
    assert found.plcc_fitted.value == pytest.approx(plcc_fitted(x, y))
    assert (found.n, found.n_dropped, found.n_prompts) == (200, 0, 40)
    for name in MEASURES:
        interval = getattr(found, name)
        assert interval.low < interval.value < interval.high
        assert interval.reason is None


def test_same_seed_same_answer(rng):
    x, y, prompts = _study(rng)
    first, second = (evaluate(x, y, prompts=prompts, rng=np.random.default_rng(3)) for _ in range(2))
    assert first == second


def test_missing_scores_are_dropped_and_counted(rng):
    x, y, prompts = _study(rng)
    x[:5], y[7] = np.nan, np.nan
    found = evaluate(x, y, prompts=prompts, rng=rng)
    assert (found.n, found.n_dropped, found.n_prompts) == (194, 6, 39)
    kept = ~np.isnan(x + y)
    assert found.srcc.value == pytest.approx(srcc(x[kept], y[kept]))


def test_drawing_prompts_is_wider_than_drawing_images_when_prompts_matter(rng):
    x, y, prompts = _study(rng, 30, 20)
    by_prompt = evaluate(x, y, prompts=prompts, rng=rng).srcc
    by_image = evaluate(x, y, prompts=None, rng=rng).srcc
    assert by_prompt.high - by_prompt.low > 1.5 * (by_image.high - by_image.low)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1, 2], [1, 2], "at least 3"),
        ([], [], "at least 3"),
        ([np.nan] * 4, [1, 2, 3, 4], "there are 0"),
        ([5, 5, 5, 5, 5], [1, 2, 3, 4, 5], "predicted is constant"),
        ([1, 2, 3, 4, 5], [5, 5, 5, 5, 5], "human is constant"),
    ],
)
def test_what_the_data_do_not_support_is_none_with_a_reason(x, y, reason, rng):
    found = evaluate(x, y, prompts=list(range(len(x))), rng=rng)
    for name in MEASURES:
        interval = getattr(found, name)
        assert (interval.value, interval.low, interval.high) == (None, None, None)
        assert reason in (interval.reason or "")


def test_four_pairs_have_ranks_but_no_curve(rng):
    found = evaluate([1, 2, 3, 4], [1, 3, 2, 4], prompts=[1, 2, 3, 4], rng=rng)
    assert found.srcc.value == pytest.approx(0.8)
    assert found.plcc_fitted.value is None
    assert "at least 5 pairs" in (found.plcc_fitted.reason or "")
    assert found.fit is None


def test_one_prompt_has_values_and_no_intervals(rng):
    x = rng.normal(size=20)
    found = evaluate(x, x + rng.normal(size=20), prompts=["the same"] * 20, rng=rng)
    assert found.srcc.value is not None
    assert found.srcc.low is None
    assert "one prompt only" in (found.srcc.reason or "")


def test_binary_human_scores(rng):
    y = rng.integers(0, 2, 100)
    found = evaluate(y + rng.normal(size=100), y, prompts=None, rng=rng)
    assert 0 < found.krcc.value < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompts": ["a", "b"]}, "there are 2 prompts for 6 items"),
        ({"prompts": ["a", "b", None, "c", "d", "e"]}, "prompts: item 2 has none"),
        ({"prompts": None, "confidence": 95}, "confidence must lie between 0 and 1"),
        ({"prompts": None, "resamples": 1}, "resamples must be at least 10"),
    ],
)
def test_misuse_is_refused(arguments, message, rng):
    with pytest.raises(StatisticsError, match=message):
        evaluate([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6, 5], rng=rng, **arguments)


def test_coverage_over_studies_with_prompts_that_differ():
    """Of 95 % intervals about 95 % hold the correlation of the population that the studies come from."""
    rng, studies, c = np.random.default_rng(11), 200, 40
    x, y, _ = _study(np.random.default_rng(1), 50_000, 4)
    measures = {
        "srcc": (srcc, replicates.spearman),
        "krcc": (krcc, replicates.kendall),
        "plcc": (plcc, replicates.pearson),
    }
    truth = {name: plain(x, y) for name, (plain, _) in measures.items()}
    held = dict.fromkeys(truth, 0)
    drawn = groups(np.repeat(np.arange(c), 4), 4 * c, "prompts")
    for _ in range(studies):
        x, y, _ = _study(rng, c, 4)
        statistics = {name: partial(make, x, y, drawn) for name, (_, make) in measures.items()}
        found = intervals(statistics, drawn, undefined=None, rng=rng, resamples=200, confidence=0.95)
        for name, value in truth.items():
            held[name] += found[name].low <= value <= found[name].high
    # two standard errors of a share of 0.95 in 200 studies are 0.031
    assert all(0.915 <= count / studies <= 0.985 for count in held.values()), held
