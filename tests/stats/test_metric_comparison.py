from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.correlation import krcc, plcc, srcc
from lmm4lmm.stats.dependent import williams
from lmm4lmm.stats.metric_comparison import compare_metrics


@pytest.fixture
def world(rng: np.random.Generator):
    prompts = np.repeat(np.arange(60), 5)
    y = rng.normal(50, 10, 300)
    good = y + rng.normal(0, 4, 300)
    return (
        {"bad": y + rng.normal(0, 20, 300), "good": good, "twin": good + rng.normal(0, 0.1, 300)},
        y,
        prompts,
    )


def test_groups_say_who_can_be_told_apart(world, rng: np.random.Generator) -> None:
    metrics, y, prompts = world
    found = compare_metrics(metrics, y, prompts=prompts, rng=rng, resamples=300)
    assert set(found.names[:2]) == {"good", "twin"}
    assert found.groups["good"] == found.groups["twin"] == ("a",)
    assert found.groups["bad"] == ("b",)
    assert {(pair.a, pair.b) for pair in found.pairs if pair.different} == {("good", "bad"), ("twin", "bad")}
    assert all(pair.p_adjusted >= pair.p for pair in found.pairs)


@pytest.mark.parametrize(("measure", "by_hand"), [("srcc", srcc), ("krcc", krcc), ("plcc", plcc)])
def test_values_and_formulas_are_those_of_the_measure(world, rng, measure, by_hand) -> None:
    metrics, y, prompts = world
    found = compare_metrics(metrics, y, prompts=prompts, rng=rng, measure=measure, resamples=50)
    for name in metrics:
        assert found.values[name].value == pytest.approx(by_hand(metrics[name], y), abs=1e-9)
    pair = found.pairs[-1]
    assert pair.difference.value == pytest.approx(found.values[pair.a].value - found.values[pair.b].value)
    if measure == "krcc":
        assert pair.by_formula is None
    else:
        r = [
            by_hand(metrics[pair.a], y),
            by_hand(metrics[pair.b], y),
            by_hand(metrics[pair.a], metrics[pair.b]),
        ]
        assert pair.by_formula.williams == williams(*r, 300)


def test_the_p_value_holds_its_level(rng: np.random.Generator) -> None:
    """Two equally good metrics, clustered: at most about 5 % of worlds may be told apart."""
    told = 0
    for _ in range(200):
        prompts = np.repeat(np.arange(30), 4)
        y, shared = rng.normal(size=120), rng.normal(size=(2, 30))[:, prompts]
        metrics = {name: y + shared[i] + rng.normal(size=120) for i, name in enumerate("ab")}
        found = compare_metrics(metrics, y, prompts=prompts, rng=rng, resamples=60)
        told += found.pairs[0].different
    assert told <= 20


def test_items_that_any_metric_misses_are_left_out_for_all(world, rng) -> None:
    metrics, y, prompts = world
    metrics["bad"][:50] = np.nan
    found = compare_metrics(metrics, y, prompts=prompts, rng=rng, resamples=50)
    assert (found.n, found.n_dropped, found.n_prompts) == (250, 50, 50)
    assert found.values["good"].value == pytest.approx(srcc(metrics["good"][50:], y[50:]))


def test_a_constant_metric_is_listed_last_with_the_reason(world, rng) -> None:
    metrics, y, prompts = world
    found = compare_metrics(metrics | {"flat": np.ones(300)}, y, prompts=prompts, rng=rng, resamples=50)
    assert found.names[-1] == "flat"
    assert found.values["flat"].value is None
    assert "constant" in found.values["flat"].reason
    assert found.groups["flat"] == ()
    assert len(found.pairs) == 3


def test_the_same_metric_twice_and_one_prompt(world, rng) -> None:
    metrics, y, _ = world
    found = compare_metrics(
        {"a": metrics["good"], "b": metrics["good"]}, y, prompts=None, rng=rng, resamples=50
    )
    assert found.pairs[0].p == 1.0
    assert found.pairs[0].by_formula is None
    found = compare_metrics(metrics, y, prompts=["one"] * 300, rng=rng, resamples=50)
    assert found.pairs[0].p is None
    assert not found.pairs[0].different
    assert "one prompt only" in found.pairs[0].difference.reason


@pytest.mark.parametrize("measure", ["srcc", "krcc", "plcc"])
def test_a_metric_and_the_same_turned_round_differ_in_every_resample(rng, measure) -> None:
    """The difference is 2 in each, so its bootstrap error is 0: that is no sign that they are alike."""
    y = rng.normal(size=120)
    metrics = {"right": 3 * y + 1, "turned": -y}
    found = compare_metrics(
        metrics, y, prompts=np.repeat(np.arange(30), 4), rng=rng, measure=measure, resamples=50
    )
    pair = found.pairs[0]
    assert (pair.a, pair.difference.value) == ("right", pytest.approx(2.0))
    assert (pair.p, pair.different) == (0.5**29, True)
    assert (found.groups["right"], found.groups["turned"]) == (("a",), ("b",))
    few = compare_metrics(
        metrics, y, prompts=np.repeat(np.arange(4), 30), rng=rng, measure=measure, resamples=50
    )
    assert (few.pairs[0].p, few.pairs[0].different) == (0.125, False)


def test_lengths_must_agree(rng) -> None:
    with pytest.raises(StatisticsError, match="b has 2 values and human 3"):
        compare_metrics({"b": [1.0, 2.0]}, [1.0, 2.0, 3.0], prompts=None, rng=rng)
