from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.leaderboard import leaderboard


def _table(rng: np.random.Generator, means=(60.0, 55.0, 54.9, 40.0), c: int = 80):
    hard = rng.normal(0, 10, c)
    scores = np.concatenate([mean + hard + rng.normal(0, 3, c) for mean in means])
    generators = np.repeat([f"g{i}" for i in range(len(means))], c)
    return scores, generators, np.tile([f"prompt {i}" for i in range(c)], len(means))


def test_ranks_intervals_and_groups(rng):
    scores, generators, prompts = _table(rng)
    board = leaderboard(scores, generators, prompts, rng=rng)
    names = [s.generator for s in board.standings]
    assert names[0] == "g0"
    assert names[3] == "g3"
    first, second, third, last = board.standings
    assert (first.rank_low, first.rank_high) == (1, 1)
    assert (second.rank_low, second.rank_high) == (third.rank_low, third.rank_high) == (2, 3)
    assert (last.rank, last.rank_low, last.rank_high) == (4, 4, 4)
    assert (first.groups, second.groups, third.groups, last.groups) == (("a",), ("b",), ("b",), ("c",))
    assert all(s.low < s.mean < s.high and s.n == s.n_prompts == 80 for s in board.standings)
    assert len(board.comparisons) == 6
    assert board.notes == ()


def test_pairing_sees_what_means_alone_do_not(rng):
    scores, generators, prompts = _table(rng, means=(52.0, 50.0))
    paired = leaderboard(scores, generators, prompts, rng=rng)
    unpaired = leaderboard(scores, generators, None, rng=rng)
    assert paired.comparisons[0].different
    assert not unpaired.comparisons[0].different
    assert "unpaired" in unpaired.notes[0]
    # the two intervals overlap, and yet the two can be told apart
    assert paired.standings[0].low < paired.standings[1].high


def test_lower_can_be_better(rng):
    scores, generators, prompts = _table(rng)
    up = leaderboard(scores, generators, prompts, rng=np.random.default_rng(1))
    down = leaderboard(-scores, generators, prompts, rng=np.random.default_rng(1), higher_is_better=False)
    for a, b in zip(up.standings, down.standings, strict=True):
        assert (a.generator, a.rank, a.rank_low, a.rank_high, a.groups) == (
            b.generator,
            b.rank,
            b.rank_low,
            b.rank_high,
            b.groups,
        )
        assert (a.low, a.mean, a.high) == pytest.approx((-b.high, -b.mean, -b.low))


def test_rows_in_another_order_change_nothing_but_rounding(rng):
    scores, generators, prompts = _table(rng)
    order = rng.permutation(scores.size)
    one = leaderboard(scores, generators, prompts, rng=np.random.default_rng(1))
    two = leaderboard(scores[order], generators[order], prompts[order], rng=np.random.default_rng(1))
    for a, b in zip(one.standings, two.standings, strict=True):
        assert (a.generator, a.rank, a.rank_low, a.rank_high, a.groups) == (
            b.generator,
            b.rank,
            b.rank_low,
            b.rank_high,
            b.groups,
        )
        assert a.mean == pytest.approx(b.mean)


def test_several_images_a_prompt_are_one_draw(rng):
    scores, generators, prompts = _table(rng, c=20)
    single = leaderboard(scores, generators, prompts, rng=np.random.default_rng(1))
    thrice = leaderboard(
        *(np.repeat(x, 3) for x in (scores, generators, prompts)), rng=np.random.default_rng(1)
    )
    for a, b in zip(single.standings, thrice.standings, strict=True):
        assert (a.low, a.high) == pytest.approx((b.low, b.high))
        assert b.n == 3 * b.n_prompts
    assert [c.p for c in single.comparisons] == pytest.approx([c.p for c in thrice.comparisons])


def test_missing_scores_and_unequal_prompts(rng):
    scores, generators, prompts = _table(rng)
    scores[:7] = np.nan
    board = leaderboard(scores, generators, prompts, rng=rng)
    assert board.n_dropped == 7
    assert board.n == 313
    assert board.standings[0].n == 73
    assert "not scored on the same prompts" in board.notes[0]
    pair = next(c for c in board.comparisons if {c.a, c.b} == {"g0", "g3"})
    assert pair.n_pairs == 73
    assert pair.paired


def test_an_easier_set_of_prompts_does_not_win_the_pair():
    """g1 saw only easy prompts: its mean is higher, but on shared prompts g0 is better."""
    easy = np.arange(40) < 20
    base = np.where(easy, 90.0, 10.0) + np.random.default_rng(2).normal(0, 1, 40)
    scores = np.concatenate([base + 5, base[easy] + np.random.default_rng(3).normal(0, 1, 20)])
    generators = ["g0"] * 40 + ["g1"] * 20
    prompts = [*range(40), *range(20)]
    board = leaderboard(scores, generators, prompts, rng=np.random.default_rng(1))
    assert [s.generator for s in board.standings] == ["g1", "g0"]
    (pair,) = board.comparisons
    assert pair.a == "g1"
    assert pair.difference < 0
    assert pair.different
    # the rank interval holds the rank by mean and the rank that the shared prompts speak for
    assert [(s.rank, s.rank_low, s.rank_high) for s in board.standings] == [(1, 1, 2), (2, 1, 2)]
    assert board.notes


def test_a_generator_without_any_score_is_named(rng):
    scores, generators, prompts = _table(rng)
    scores[generators == "g2"] = np.nan
    board = leaderboard(scores, generators, prompts, rng=rng)
    assert len(board.standings) == 3
    assert "g2" in board.notes[0]


def test_one_generator(rng):
    board = leaderboard(rng.normal(size=30), ["only"] * 30, list(range(30)), rng=rng)
    (only,) = board.standings
    assert (only.rank, only.rank_low, only.rank_high, only.groups) == (1, 1, 1, ("a",))
    assert only.low < only.mean < only.high
    assert board.comparisons == ()


def test_one_image_each(rng):
    board = leaderboard([3.0, 1.0, 2.0], ["a", "b", "c"], ["p", "p", "p"], rng=rng)
    assert [s.generator for s in board.standings] == ["a", "c", "b"]
    assert [(s.rank, s.rank_low, s.rank_high) for s in board.standings] == [(1, 1, 3), (2, 1, 3), (3, 1, 3)]
    assert all(s.low is None and s.reason and s.groups == ("a",) for s in board.standings)
    assert "too few prompts for any test" in board.notes[0]


def test_constant_scores_tie_at_the_best_rank(rng):
    board = leaderboard([50.0] * 40, ["b", "a"] * 20, np.repeat(np.arange(20), 2), rng=rng)
    assert [(s.generator, s.rank, s.rank_low, s.rank_high) for s in board.standings] == [
        ("a", 1, 1, 2),
        ("b", 1, 1, 2),
    ]
    assert all(s.low == s.mean == s.high for s in board.standings)
    assert board.comparisons[0].p == 1


def test_no_shared_prompt_is_compared_unpaired(rng):
    scores = np.concatenate([rng.normal(0, 1, 40), rng.normal(3, 1, 40)])
    board = leaderboard(scores, ["a"] * 40 + ["b"] * 40, list(range(80)), rng=rng)
    assert board.comparisons[0].different
    assert not board.comparisons[0].paired
    assert "1 of 1 pairs share fewer than two" in board.notes[0]


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 5), st.one_of(st.integers(0, 3), st.just(np.nan))),
        min_size=1,
        max_size=60,
    )
)
def test_any_table_gives_a_consistent_board(rows):
    generators, prompts, scores = (list(column) for column in zip(*rows, strict=True))
    if np.isnan(scores).all():
        with pytest.raises(StatisticsError, match="has a score"):
            leaderboard(scores, generators, prompts, rng=np.random.default_rng(0), resamples=20)
        return
    board = leaderboard(scores, generators, prompts, rng=np.random.default_rng(0), resamples=20)
    g = len(board.standings)
    assert len(board.comparisons) == g * (g - 1) // 2
    assert board.n + board.n_dropped == len(rows)
    assert sum(s.n for s in board.standings) == board.n
    for above, below in zip(board.standings, board.standings[1:], strict=False):
        assert above.mean >= below.mean
        assert above.rank <= below.rank
    for s in board.standings:
        assert 1 <= s.rank_low <= s.rank <= s.rank_high <= g
        assert s.groups
        assert s.low is None or s.low <= s.high
    for c in board.comparisons:
        assert (c.p is None) == (c.p_adjusted is None) == (c.low is None)
        assert c.p is None or 0 <= c.p <= c.p_adjusted <= 1


def test_rank_intervals_hold_all_true_ranks_at_once():
    """Five generators with known order: all five rank intervals hold in at least 95 % of studies."""
    rng, studies, truth = np.random.default_rng(4), 200, np.array([0.6, 0.5, 0.3, 0.3, 0.0])
    generators, prompts = np.repeat(np.arange(5), 30), np.tile(np.arange(30), 5)
    held = 0
    for _ in range(studies):
        scores = (truth[:, None] + rng.normal(0, 2, 30) + rng.normal(0, 0.5, (5, 30))).ravel()
        board = leaderboard(scores, generators, prompts, rng=rng, resamples=10)
        held += all(
            s.rank_low <= 1 + (truth > truth[int(s.generator)]).sum()
            and s.rank_high >= 5 - (truth < truth[int(s.generator)]).sum()
            for s in board.standings
        )
    assert held / studies >= 0.93


def test_nothing_to_rank(rng):
    with pytest.raises(StatisticsError, match="none of the 2 images has a score"):
        leaderboard([np.nan, np.nan], ["a", "b"], ["p", "q"], rng=rng)
    with pytest.raises(StatisticsError, match="generators: item 1 has none"):
        leaderboard([1.0, 2.0], ["a", None], ["p", "q"], rng=rng)
