"""Raters who chose between two: shares that can be counted by hand, and who is flagged."""

from __future__ import annotations

import numpy as np

from lmm4lmm.stats.choosers import Choosers, choosers


def by_hand(times: int) -> Choosers:
    """Item 0 is better than 1: rater 0 always takes the first, 1 the better, 2 the worse; 3 ties, 4 is silent."""
    first = np.tile([0, 1], 4 * times)
    raters = np.repeat(np.arange(4), 2 * times)
    better_first = first == 0
    picks = [np.ones(first.size), better_first, ~better_first, np.full(first.size, 0.5)]
    outcome = np.choose(raters, picks).astype(float)
    return choosers(first, 1 - first, outcome, raters, np.array([1.0, -1.0]), n_raters=5)


def test_shares() -> None:
    found = by_hand(1)
    np.testing.assert_array_equal(found.n, [2, 2, 2, 2, 0])
    np.testing.assert_allclose(found.bias, [0.5, 0.0, 0.0, np.nan, np.nan])
    np.testing.assert_allclose(found.against, [0.5, 0.0, 1.0, np.nan, np.nan])


def test_few_choices_flag_nobody() -> None:
    assert by_hand(1).reasons == (None,) * 5


def test_many_choices_flag_the_lazy_and_the_contrary() -> None:
    reasons = by_hand(20).reasons
    assert reasons[0] == "chose the first in 100% of 40 choices"
    assert reasons[2] == "chose against the order of the scores in 100%; usual is 50%"
    assert (reasons[1], reasons[3], reasons[4]) == (None, None, None)


def test_no_choice_and_items_without_score_count_for_nothing() -> None:
    first, second = np.array([0, 0, 0]), np.array([1, 1, 2])
    outcome, score = np.array([1.0, np.nan, 0.0]), np.array([0.3, -0.3, np.nan])
    found = choosers(first, second, outcome, np.zeros(3, np.intp), score, n_raters=1)
    assert found.n[0] == 2
    assert found.bias[0] == 0.0  # one of two fell on the first
    assert found.against[0] == 0.0  # of the one pair whose order is known
