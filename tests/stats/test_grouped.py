"""The bootstrap of many groups against the one of a single group, scipy, and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, spearmanr

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import grouped_draws, rank_arrangements, replicates
from lmm4lmm.stats.answers import auc_statistic
from lmm4lmm.stats.arrays import Groups, crossed, groups
from lmm4lmm.stats.grouped import grouped_auc, grouped_means, grouped_srcc
from lmm4lmm.stats.resampling import cluster_weights, percentile_interval


def _data(rng: np.random.Generator, *, ties: bool = False, c: int = 60, g: int = 4):
    """c prompts in 3 tasks, each drawn by g generators; prompts and generators differ."""
    prompts, makers = np.tile(np.arange(c), g), np.repeat(np.arange(g), c)
    y = rng.normal(size=c)[prompts] + rng.normal(size=g)[makers] + rng.normal(size=c * g)
    x = y + rng.normal(size=c * g)
    if ties:
        x, y = np.round(x), np.round(2 * y) / 2
    tasks = groups([f"task {p % 3}" for p in prompts], c * g, "tasks")
    generators = groups([f"generator {m}" for m in makers], c * g, "generators")
    groupings = {"all": None, "task": tasks, "generator": generators, "cell": crossed(tasks, generators)}
    return x, y, groupings, prompts


def _masks(groupings, n):
    for name, grouping in groupings.items():
        codes = np.zeros(n, int) if grouping is None else grouping.codes
        for code, label in enumerate([None] if grouping is None else grouping.names):
            yield name, label, codes == code


@pytest.mark.parametrize("ties", [False, True])
def test_replicates_are_those_of_each_group_alone(ties, rng):
    """Every group, every resample: to 1e-12 what ``replicates.spearman`` says of its rows under the same draws."""
    x, y, groupings, prompts = _data(rng, ties=ties)
    found = grouped_srcc(x, y, groupings, prompts, rng=np.random.default_rng(5), resamples=50)
    weights = np.concatenate(list(cluster_weights(60, 50, np.random.default_rng(5))))
    for at, (name, label, rows) in enumerate(_masks(groupings, x.size)):
        own = Groups(prompts[rows].astype(np.intp), tuple(range(60)))
        expected = replicates.spearman(x[rows], y[rows], own)(weights)
        np.testing.assert_allclose(found.replicates[:, at], expected, atol=1e-12, rtol=0)
        value = found.values[at]
        assert (value.grouping, value.group, value.n) == (name, label, rows.sum())
        assert value.interval.value == pytest.approx(spearmanr(x[rows], y[rows]).statistic, abs=1e-12)


@settings(max_examples=60)
@given(st.data())
def test_a_resample_is_the_repeated_rows(data):
    """scipy on rows repeated as drawn; few distinct values, so ties and constant groups are common."""
    n, c = data.draw(st.integers(3, 25)), data.draw(st.integers(2, 5))
    small = st.integers(0, 4)
    x = np.array(data.draw(st.lists(small, min_size=n, max_size=n)), float)
    y = np.array(data.draw(st.lists(small, min_size=n, max_size=n)), float)
    prompts = np.array(data.draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n)))
    parts = groups(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), n, "parts")
    found = grouped_srcc(x, y, {"part": parts}, prompts, rng=np.random.default_rng(1), resamples=10)
    clusters = groups(prompts, n, "prompts")
    weights = np.concatenate(list(cluster_weights(len(clusters), 10, np.random.default_rng(1))))
    for drawn, w in zip(found.replicates, weights, strict=True):
        for code, value in enumerate(drawn):
            rows = np.repeat(np.arange(n), np.where(parts.codes == code, w[clusters.codes], 0).astype(int))
            constant = rows.size == 0 or np.ptp(x[rows]) == 0 or np.ptp(y[rows]) == 0
            expected = np.nan if constant else spearmanr(x[rows], y[rows]).statistic
            np.testing.assert_allclose(value, expected, atol=1e-12)


@pytest.mark.parametrize("digits", [1, 6])
def test_areas_are_those_of_each_group_alone(digits, rng):
    """To 1e-12 what ``answers.auc_statistic`` says of each group's rows under the same draws; few digits tie."""
    x, _, groupings, prompts = _data(rng)
    p, yes = np.round(1 / (1 + np.exp(-x)), digits), rng.integers(0, 2, x.size).astype(float)
    found = grouped_auc(p, yes, groupings, prompts, rng=np.random.default_rng(5), resamples=50)
    weights = np.concatenate(list(cluster_weights(60, 50, np.random.default_rng(5))))
    for at, (name, label, rows) in enumerate(_masks(groupings, x.size)):
        own = Groups(prompts[rows].astype(np.intp), tuple(range(60)))
        expected = auc_statistic(p[rows], yes[rows], own)(weights)
        np.testing.assert_allclose(found.replicates[:, at], expected, atol=1e-12, rtol=0)
        value = found.values[at]
        assert (value.grouping, value.group, value.n) == (name, label, rows.sum())
        u = mannwhitneyu(p[rows & (yes == 1)], p[rows & (yes == 0)]).statistic
        n_yes = (rows & (yes == 1)).sum()
        assert value.interval.value == pytest.approx(u / (n_yes * (rows.sum() - n_yes)), abs=1e-12)


def test_areas_without_a_value_say_why(rng):
    p, parts = rng.uniform(size=9), ["yes"] * 3 + ["no"] * 3 + ["both"] * 3
    found = grouped_auc(p, [1, 1, 1, 0, 0, 0, 0, 1, 1], {"part": parts}, None, rng=rng, resamples=50).of(
        "part"
    )
    assert found["yes"].interval.reason == "people say yes to all 3 items"
    assert found["no"].interval.reason == "people say no to all 3 items"
    assert found["both"].interval.value is not None
    with pytest.raises(StatisticsError, match="it holds 0"):
        grouped_auc([0.1, 0.2], [0.5, 1.0], {"all": None}, None, rng=rng)


def test_neither_threads_nor_lanes_change_a_bit(rng, monkeypatch):
    x, y, groupings, prompts = _data(rng, ties=True)

    def run(threads: int):
        rng = np.random.default_rng(5)
        return grouped_srcc(x, y, groupings, prompts, rng=rng, resamples=70, threads=threads)

    one, two = run(1), run(2)
    monkeypatch.setattr(rank_arrangements, "CACHE_BYTES", 100)  # narrow blocks ...
    monkeypatch.setattr(rank_arrangements, "MOST_BYTES", 100)  # ... and still narrower
    monkeypatch.setattr(rank_arrangements, "ALONE_BYTES", 100)  # one thread at a time
    narrow = run(2)
    assert one.values == two.values == narrow.values
    np.testing.assert_array_equal(one.replicates, two.replicates)
    np.testing.assert_array_equal(one.replicates, narrow.replicates)


@pytest.mark.parametrize("ties", [False, True])
def test_the_width_of_ranks_changes_no_bit(ties, rng, monkeypatch):
    """16 bits beyond the rank at which a chunk of four rows begins, and 32 bits."""
    x, y, groupings, prompts = _data(rng, ties=ties)

    def run():
        return grouped_srcc(x, y, groupings, prompts, rng=np.random.default_rng(5), resamples=40).replicates

    monkeypatch.setattr(rank_arrangements, "CHUNK_BITS", 2)
    narrow = run()
    monkeypatch.setattr(rank_arrangements.GroupedRanks, "_bytes", lambda self, weight: 4)
    np.testing.assert_array_equal(narrow, run())


@pytest.mark.parametrize("tied", [0, 40_000])
@pytest.mark.parametrize("most", [3, 255])
def test_ranks_that_16_bits_do_not_hold_get_32(tied, most, rng):
    """Where a value has 40,000 rows the ranks of one chunk lie far apart, and so they do under large weights."""
    x, y, c = rng.normal(size=70_000), rng.normal(size=70_000), 300
    x[:tied] = 0.3
    prompts = Groups(rng.integers(0, c, x.size), tuple(range(c)))
    block = rng.integers(0, most + 1, (c, 6)).astype(np.uint8)
    one = Groups(np.zeros(x.size, np.intp), (None,))
    found = rank_arrangements.grouped_ranks(x, y, prompts, [one])[0](block)
    expected = replicates.spearman(x, y, prompts)(block.T.astype(float))
    np.testing.assert_allclose(found[0], expected, atol=1e-12, rtol=0)


def test_intervals_are_those_of_the_module_with_the_prompts_of_the_group(rng):
    x, y, groupings, prompts = _data(rng)
    found = grouped_srcc(x, y, groupings, prompts, rng=rng, resamples=200)
    at = [value.grouping for value in found.values].index("cell")
    cell = found.values[at]
    assert cell.n == cell.n_prompts == 20
    assert cell.interval == percentile_interval(cell.interval.value, found.replicates[:, at], 20)
    assert found.of("task")["task 1"].n_prompts == 20
    assert found.of("all")[None].n_prompts == 60


def test_groups_without_a_value_say_why(rng):
    x, y = rng.normal(size=12), rng.normal(size=12)
    x[4:8] = 7.0
    parts = ["ok"] * 4 + ["constant"] * 4 + ["few"] * 2 + ["lost"] * 2
    y[10:] = np.nan
    found = grouped_srcc(x, y, {"part": parts}, None, rng=rng, resamples=50)
    reasons = {label: value.interval.reason for label, value in found.of("part").items()}
    assert reasons["constant"] == "predicted is constant (7 for all 4 items)"
    assert reasons["few"] == "needs at least 3 pairs of values; there are 2"
    assert reasons["lost"] == "needs at least 3 pairs of values; there are 0"
    assert all(found.of("part")[name].interval.value is None for name in ("constant", "few", "lost"))
    assert found.n_dropped == 2


def test_a_group_of_one_prompt_has_a_value_and_no_interval(rng):
    x, y = rng.normal(size=20), rng.normal(size=20)
    prompts = ["a"] * 5 + [f"p{i}" for i in range(15)]
    parts = ["one"] * 5 + ["many"] * 15
    interval = grouped_srcc(x, y, {"part": parts}, prompts, rng=rng).of("part")["one"].interval
    assert interval.value == pytest.approx(spearmanr(x[:5], y[:5]).statistic)
    assert (interval.low, interval.reason) == (None, "one prompt only: no interval can be given")


def test_means_are_weighted_means(rng):
    x, y, groupings, prompts = _data(rng)
    y[::7] = np.nan
    found = grouped_means({"x": x, "y": y}, groupings, prompts, rng=np.random.default_rng(5), resamples=40)
    weights = np.concatenate(list(cluster_weights(60, 40, np.random.default_rng(5))))
    for name, values in (("x", x), ("y", y)):
        for at, (_, _, rows) in enumerate(_masks(groupings, x.size)):
            rows = rows & ~np.isnan(values)
            w = weights[:, prompts[rows]]
            with np.errstate(invalid="ignore"):
                expected = (w @ values[rows]) / w.sum(axis=1)
            np.testing.assert_allclose(found[name].replicates[:, at], expected, rtol=1e-12)
            assert found[name].values[at].interval.value == pytest.approx(values[rows].mean(), rel=1e-12)
            assert found[name].values[at].n == rows.sum()
    assert found["y"].n_dropped == np.isnan(y).sum()


def test_a_group_without_any_score_has_no_mean(rng):
    values = np.array([1.0, 2.0, np.nan])
    found = grouped_means({"x": values}, {"part": ["a", "a", "b"]}, ["p", "q", "r"], rng=rng)["x"]
    assert found.of("part")["b"].interval.reason == "no image has a score"
    assert found.of("part")["a"].interval.value == 1.5


def test_what_does_not_fit_is_refused(rng):
    x = rng.normal(size=6)
    with pytest.raises(StatisticsError, match="5 task for 6 items"):
        grouped_srcc(x, x, {"task": ["a"] * 5}, None, rng=rng)
    with pytest.raises(StatisticsError, match="5 prompts for 6 items"):
        grouped_srcc(x, x, {"all": None}, Groups(np.zeros(5, np.intp), ("p",)), rng=rng)
    with pytest.raises(StatisticsError, match="none of the 2 images"):
        grouped_srcc([np.nan, 1.0], [1.0, np.nan], {"all": None}, None, rng=rng)
    with pytest.raises(StatisticsError, match="one length; these are a 6, b 5"):
        grouped_means({"a": x, "b": x[:5]}, {"all": None}, None, rng=rng)
    with pytest.raises(StatisticsError, match="none"):
        grouped_means({}, {"all": None}, None, rng=rng)
    with pytest.raises(StatisticsError, match="at least one grouping"):
        grouped_srcc(x, x, {}, None, rng=rng)


def test_prompts_that_no_image_has_are_not_drawn(rng):
    x, y, groupings, prompts = _data(rng)
    sparse = Groups(3 * prompts.astype(np.intp), tuple(range(180)))
    one = grouped_srcc(x, y, groupings, prompts, rng=np.random.default_rng(1), resamples=20)
    two = grouped_srcc(x, y, groupings, sparse, rng=np.random.default_rng(1), resamples=20)
    np.testing.assert_array_equal(one.replicates, two.replicates)


def test_cells_are_the_pairs_that_occur():
    cells = crossed(groups(["b", "a", "b"], 3, "x"), groups([1, 2, 1], 3, "y"))
    assert cells.names == (("b", 1), ("a", 2))
    assert cells.codes.tolist() == [0, 1, 0]


def test_a_prompt_can_be_drawn_no_more_often_than_a_byte_holds():
    """255 of n draws from n: n^-255 binomial, less than 1 / 255!."""
    assert grouped_draws.MOST == 255
