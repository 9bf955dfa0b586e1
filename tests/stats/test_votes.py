"""Yes/no answers by several people: against hand-worked values and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.rating_table import from_long, from_matrix
from lmm4lmm.stats.votes import contradictions, count_votes

NAN = np.nan
SMALL = np.array([[1, 1, 0], [1, 0, NAN], [0, 0, 0], [NAN, NAN, NAN]])
"""Three raters: a majority of yes, a tie, all no, nobody."""


def test_majorities_and_ties() -> None:
    found = count_votes(from_matrix(SMALL))
    np.testing.assert_allclose(found.share, [2 / 3, 1 / 2, 0, NAN])
    np.testing.assert_array_equal(found.answer, [1, NAN, 0, NAN])
    np.testing.assert_array_equal(found.n, [3, 2, 3, 0])
    assert (found.tied, found.unanimous) == (1, 1)
    # pairs alike: one of three, none of one, three of three
    assert found.agreement == pytest.approx((1 / 3 + 0 + 1) / 3)


def test_raters_against_the_others() -> None:
    """By hand: rater 0 said yes where the others' share was 1/2 and 0, and no with them; and so on."""
    raters = count_votes(from_matrix(SMALL)).raters
    np.testing.assert_allclose(raters.bias, [(1 / 2 + 1 + 0) / 3, (1 / 2 - 1 + 0) / 3, (-1 + 0) / 2])
    np.testing.assert_allclose(raters.agreement, [1 / 2, 1 / 2, 1 / 2])
    np.testing.assert_allclose(raters.yes, [2 / 3, 1 / 3, 0])
    assert raters.reasons == (None, None, None)


@pytest.mark.parametrize(("yes", "n"), [(81, 263), (15, 148), (0, 20), (1, 29), (7, 7), (1, 2)])
def test_the_interval_is_wilsons(yes: int, n: int) -> None:
    """As scipy has it; the first four are the cases of Newcombe, Statistics in Medicine 17, 1998."""
    found = count_votes(from_matrix(np.repeat([1.0, 0.0], [yes, n - yes])[None, :]))
    theirs = binomtest(yes, n).proportion_ci(0.95, method="wilson")
    assert found.low[0] == pytest.approx(theirs.low, abs=1e-12)
    assert found.high[0] == pytest.approx(theirs.high, abs=1e-12)


def test_repeated_answers_that_differ_count_half_each() -> None:
    found = count_votes(from_long([0, 0, 0], [0, 0, 1], [1.0, 0.0, 1.0]))
    assert (found.share[0], found.n[0], found.answer[0]) == (0.75, 2, 1.0)


def test_half_an_answer_without_a_repetition_is_none() -> None:
    with pytest.raises(StatisticsError):
        count_votes(from_matrix([[1.0, 0.5]]))


def panel(rng: np.random.Generator, items: int = 80, raters: int = 8) -> np.ndarray:
    """Answers that hit the truth nine times in ten."""
    truth = rng.integers(0, 2, items)[:, None]
    return np.where(rng.random((items, raters)) < 0.9, truth, 1 - truth).astype(float)


def test_honest_raters_are_not_flagged(rng: np.random.Generator) -> None:
    assert count_votes(from_matrix(panel(rng))).raters.reasons == (None,) * 8


def test_suspicious_raters_are_flagged_and_nobody_else(rng: np.random.Generator) -> None:
    whole = panel(rng)
    whole[:, 0] = 1.0
    whole[:, 1] = rng.integers(0, 2, len(whole))
    whole[:, 2] = np.where(rng.random(len(whole)) < 0.6, 1.0, whole[:, 2])
    reasons = count_votes(from_matrix(whole)).raters.reasons
    assert reasons[0] is not None
    assert "said yes to everything" in reasons[0]
    assert reasons[1] is not None
    assert "agrees with the majority of the others" in reasons[1]
    assert reasons[2] is not None
    assert "more often than others" in reasons[2]
    assert reasons[3:] == (None,) * 5


def test_no_to_everything_where_everybody_said_no_is_no_fault() -> None:
    assert count_votes(from_matrix(np.zeros((20, 3)))).raters.reasons == (None,) * 3


def test_sub_answers_that_contradict_the_whole() -> None:
    whole = [1, 1, 0, 0, NAN, 1, 0]
    parts = [[1, 1], [1, 0], [1, 1], [0, 1], [1, 1], [NAN, NAN], [1, NAN]]
    # a part is no though the whole is yes; all are yes though it is no; the one known part is yes though it is no
    np.testing.assert_array_equal(contradictions(whole, parts), [1, 2, 6])


def test_sub_answers_of_other_items() -> None:
    with pytest.raises(StatisticsError, match="2 items"):
        contradictions([1.0], [[1.0], [0.0]])
