"""Recovery of scores: what holds whatever the ratings, and the rule for every trap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmm4lmm.core.errors import StatisticsError, UnknownNameError
from lmm4lmm.stats.mos import METHODS, recover
from lmm4lmm.stats.rating_table import components, from_long, from_matrix
from lmm4lmm.stats.recovered import Recovered

Z_UNITS = {"zscore", "zscore_bt500", "aigi"}
SCREENED = {"bt500", "zscore_bt500", "p913_bt500", "aigi"}
ALL = pytest.mark.parametrize("method", METHODS)


def panel(items: int = 40, raters: int = 12, seed: int = 0, gaps: float = 0.0) -> np.ndarray:
    """Ratings of known raters, on whole marks."""
    rng = np.random.default_rng(seed)
    quality, bias = rng.normal(3.0, 0.9, items), rng.normal(0.0, 0.4, raters)
    noise = rng.uniform(0.3, 0.8, raters) * rng.standard_normal((items, raters))
    whole = np.clip(np.rint(quality[:, None] + bias + noise), 1, 5)
    whole[rng.random(whole.shape) < gaps] = np.nan
    return whole


def check_whole(found: Recovered) -> None:
    """No NaN without a reason beside it."""
    assert set(np.flatnonzero(np.isnan(found.score))) == set(found.missing)
    rated_twice = found.n >= 2
    assert np.isfinite(found.se[rated_twice & ~np.isnan(found.score)]).all() or found.warnings
    assert np.isnan(found.se[found.n < 2]).all()


@ALL
def test_order_of_items_and_raters_does_not_matter(method: str, rng: np.random.Generator) -> None:
    whole = panel(gaps=0.3)
    rows, columns = rng.permutation(whole.shape[0]), rng.permutation(whole.shape[1])
    one, other = recover(whole, method), recover(whole[rows][:, columns], method)
    np.testing.assert_allclose(other.score, one.score[rows], atol=1e-8)
    np.testing.assert_allclose(other.se, one.se[rows], atol=1e-8)
    np.testing.assert_allclose(other.raters.bias, one.raters.bias[columns], atol=1e-8)
    assert other.raters.rejected.tolist() == one.raters.rejected[columns].tolist()


@ALL
@given(scale=st.floats(0.1, 20.0), shift=st.floats(-50.0, 50.0))
@settings(max_examples=15)
def test_another_unit_of_the_ratings(method: str, scale: float, shift: float) -> None:
    whole = panel(gaps=0.2)
    one, other = recover(whole, method), recover(scale * whole + shift, method)
    expected = (one.score, one.se) if method in Z_UNITS else (scale * one.score + shift, scale * one.se)
    np.testing.assert_allclose(other.score, expected[0], atol=1e-6 * scale + 1e-7)
    np.testing.assert_allclose(other.se, expected[1], atol=1e-6 * scale + 1e-7)
    assert other.raters.rejected.tolist() == one.raters.rejected.tolist()


@pytest.mark.parametrize("method", ["zscore", "p910", "p910_ap", "mle", "p913"])
def test_a_severe_rater_changes_no_order(method: str) -> None:
    """Where everyone rated everything a shift of one rater is a shift of that rater's bias, or nothing at all."""
    whole = panel()
    shifted = whole.copy()
    shifted[:, 3] -= 7.0
    one, other = recover(whole, method), recover(shifted, method)
    away = other.score - one.score
    np.testing.assert_allclose(away, away[0], atol=1e-7)
    np.testing.assert_allclose(other.se, one.se, atol=1e-7)
    moved = other.raters.bias - one.raters.bias
    np.testing.assert_allclose(moved[3] - moved[0], -7.0, atol=1e-7)


@pytest.mark.parametrize("method", ["zscore"])
def test_a_rater_who_uses_more_of_the_scale_changes_no_z_score(method: str) -> None:
    whole = panel()
    stretched = whole.copy()
    stretched[:, 5] = 10.0 * stretched[:, 5] - 3.0
    np.testing.assert_allclose(recover(stretched, method).score, recover(whole, method).score, atol=1e-9)


def test_a_careless_rater_weighs_little_in_the_likelihood(rng: np.random.Generator) -> None:
    whole = panel(items=80, raters=10)
    guessed = np.column_stack([whole, rng.integers(1, 6, 80).astype(float)])
    found = recover(guessed, "p910")
    assert found.raters.inconsistency.argmax() == 10
    clean = recover(whole, "p910").score
    assert np.abs(found.score - clean).mean() < np.abs(recover(guessed, "mos").score - clean).mean() / 2


def test_the_likelihood_is_unbiased_where_means_are_not() -> None:
    """Two severe raters saw the first half only: means make that half worse, the likelihood doesn't."""
    rng = np.random.default_rng(3)
    quality = rng.normal(50.0, 10.0, 60)
    bias = np.array([-12.0, -12.0, 4.0, 4.0, 8.0, 8.0])
    whole = quality[:, None] + bias + 2.0 * rng.standard_normal((60, 6))
    whole[30:, :2], whole[:30, 4:] = np.nan, np.nan
    error = recover(whole, "p910").score - quality
    assert abs(error[:30].mean() - error[30:].mean()) < 1.0
    rough = recover(whole, "mos").score - quality
    assert abs(rough[:30].mean() - rough[30:].mean()) > 5.0


@ALL
def test_repeated_rows_change_nothing(method: str) -> None:
    table = from_matrix(panel(gaps=0.2))
    twice = from_long(
        np.concatenate([table.items, table.items[:9]]),
        np.concatenate([table.raters, table.raters[:9]]),
        np.concatenate([table.values, table.values[:9]]),
    )
    assert twice.n_repeats == 9
    one, other = recover(table, method), recover(twice, method)
    np.testing.assert_allclose(other.score, one.score, atol=1e-9)
    np.testing.assert_allclose(other.se, one.se, atol=1e-9)
    assert any("9 repeated ratings" in text for text in other.warnings)


def test_repeated_ratings_are_averaged_or_refused() -> None:
    rows = ([0, 0, 1], [0, 0, 0], [2.0, 4.0, 5.0])
    assert from_long(*rows).matrix().tolist() == [[3.0], [5.0]]
    with pytest.raises(StatisticsError, match="rater 0 rated item 0 more than once"):
        from_long(*rows, repeats="error")


@pytest.mark.parametrize(
    ("items", "raters", "values", "message"),
    [
        ([], [], [], "there are no ratings"),
        ([0], [0, 1], [1.0], "one a row each"),
        ([-1], [0], [1.0], "item numbers go from -1"),
        ([5], [0], [1.0], "there are 3 items"),
    ],
)
def test_long_rows_that_make_no_table(items: list, raters: list, values: list, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        from_long(items, raters, values, n_items=3)


@ALL
def test_unrated_item(method: str) -> None:
    whole = panel()
    whole[7] = np.nan
    found = recover(whole, method)
    assert found.missing == {7: "nobody rated it"}
    assert np.isfinite(np.delete(found.score, 7)).all()
    assert np.isfinite(np.delete(found.low, 7)).all()
    assert found.n[7] == 0
    assert any("1 item without a rating" in text for text in found.warnings)
    # it changes nothing for the others
    np.testing.assert_allclose(
        np.delete(found.score, 7), recover(np.delete(whole, 7, 0), method).score, atol=1e-8
    )


@ALL
def test_silent_rater(method: str) -> None:
    whole = panel()
    whole[:, 2] = np.nan
    found = recover(whole, method)
    check_whole(found)
    assert any("1 rater without a rating" in text for text in found.warnings)
    assert not found.raters.rejected[2]


@ALL
def test_unanimous_item(method: str) -> None:
    whole = panel()
    whole[4] = 3.0
    found = recover(whole, method)
    check_whole(found)
    assert any("all raters agreed to the mark" in text for text in found.warnings)
    if method in {"mos", "bt500"}:
        assert (found.score[4], found.se[4]) == (3.0, 0.0)
        assert not recover(np.full((9, 4), 2.0), method).raters.rejected.any()


def test_a_unanimous_item_flags_everyone_twice_in_sureal_only() -> None:
    whole = panel()
    whole[4] = 3.0
    strict, sureal = recover(whole, "bt500"), recover(whole, "bt500", compat="sureal")
    without = recover(np.delete(whole, 4, 0), "bt500")
    assert strict.raters.above.tolist() == without.raters.above.tolist()
    assert (sureal.raters.above >= 1).all()
    assert (sureal.raters.below >= 1).all()


@ALL
def test_constant_rater(method: str) -> None:
    whole = panel()
    whole[:, 6] = 2.0
    found = recover(whole, method)
    check_whole(found)
    assert np.isfinite(found.score).all()
    assert any("gave one mark to everything" in text for text in found.warnings)
    if method in Z_UNITS:
        assert found.raters.rejected[6]
        assert found.raters.reasons[6] == "gave 2 throughout: no z-score"
        assert (found.n <= 11).all()
    if method == "zscore":
        np.testing.assert_allclose(found.score, recover(np.delete(whole, 6, 1), method).score, atol=1e-9)


@ALL
def test_everyone_alike(method: str) -> None:
    """One mark from all raters for all items: a score where the unit is that of the ratings, no z-score."""
    found = recover(np.full((6, 5), 4.0), method)
    if method in Z_UNITS:
        assert set(found.missing.values()) == {"all of its ratings were left out"}
        assert np.isnan(found.score).all()
    else:
        assert found.score.tolist() == [4.0] * 6
    assert found.warnings


@ALL
def test_single_rater(method: str) -> None:
    whole = panel()[:, :1]
    found = recover(whole, method)
    assert np.isfinite(found.score).all()
    assert np.isnan(found.se).all()
    assert np.isnan(found.low).all()
    assert any("a single rater" in text for text in found.warnings)
    if method not in Z_UNITS:
        np.testing.assert_allclose(found.score, whole[:, 0])


@ALL
def test_single_item(method: str) -> None:
    found = recover(np.array([[1.0, 2.0, 4.0, 4.0, 5.0]]), method)
    assert any("a single item" in text for text in found.warnings)
    if method in Z_UNITS:
        assert found.missing == {0: "all of its ratings were left out"}
    else:
        assert found.score[0] == pytest.approx(3.2)


@ALL
def test_sparse_design(method: str, rng: np.random.Generator) -> None:
    """Each of 60 items is rated by 4 of 30 raters."""
    quality = rng.normal(3.0, 1.0, 60)
    whole = np.full((60, 30), np.nan)
    for i, value in enumerate(quality):
        whole[i, rng.permutation(30)[:4]] = value + 0.3 * rng.standard_normal(4)
    found = recover(whole, method)
    check_whole(found)
    known = ~np.isnan(found.score)
    # each rater saw other items: z-scores, with about eight a rater, are rough here
    least = 0.75 if method in Z_UNITS else 0.95
    assert np.corrcoef(found.score[known], quality[known])[0, 1] > least


@ALL
def test_each_rating_by_another_rater(method: str) -> None:
    whole = np.full((4, 8), np.nan)
    for j, value in enumerate([1.0, 2.0, 2.0, 4.0, 5.0, 5.0, 3.0, 4.0]):
        whole[j // 2, j] = value
    found = recover(whole, method)
    check_whole(found)
    assert found.warnings
    if method not in Z_UNITS | {"p913", "p913_bt500"}:
        np.testing.assert_allclose(found.score, [1.5, 3.0, 5.0, 3.5])


def test_one_rating_has_a_bias_and_no_inconsistency() -> None:
    whole = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, np.nan], [3.0, 3.0, np.nan]])
    found = recover(whole, "mos").raters
    assert found.bias[2] == pytest.approx(4 - 7 / 3)
    assert np.isnan(found.inconsistency).tolist() == [False, False, True]


def test_groups_of_raters_that_share_no_item_are_said() -> None:
    whole = np.full((20, 8), np.nan)
    whole[:10, :4], whole[10:, 4:] = panel(10, 4, 1), panel(10, 4, 2)
    groups, of_item, of_rater = components(from_matrix(whole))
    assert groups == 2
    assert len(set(of_item[:10])) == len(set(of_item[10:])) == 1
    found = recover(whole, "p910")
    assert any("2 groups that share no item" in text for text in found.warnings)
    assert abs(found.raters.bias[of_rater == 0].mean()) < 1e-9
    assert abs(found.raters.bias[of_rater == 1].mean()) < 1e-9


@pytest.mark.parametrize("method", ["aigi", "bt500"])
def test_everyone_rejected_means_nobody(method: str) -> None:
    """In turn two of 16 raters are at the ends, beyond 2 SD of a kurtosis of 2.6: 12.5 % of everyone's ratings."""
    middle = np.resize([0.35, -0.35], 16)
    whole = np.array([middle] * 32)
    for i in range(32):
        whole[i, i % 16], whole[i, (i + 1) % 16] = 1.0, -1.0
    found = recover(whole, method)
    assert not found.raters.rejected.any()
    assert found.raters.reasons == (None,) * 16
    assert any("would reject every rater" in text for text in found.warnings)
    assert np.isfinite(found.score).all()
    assert (found.raters.flagged_share > 0.05).all()
    # the single ratings that EvalMi's protocol drops stay dropped
    assert len(found.removed) == (64 if method == "aigi" else 0)


@pytest.mark.parametrize("method", sorted(SCREENED))
def test_a_guessing_rater_is_rejected_with_a_reason(method: str) -> None:
    rng = np.random.default_rng(5)
    quality = rng.uniform(0.0, 100.0, 200)
    whole = quality[:, None] + 4.0 * rng.standard_normal((200, 16))
    whole[:, 9] = rng.uniform(0.0, 100.0, 200)
    found = recover(whole, method)
    assert found.raters.rejected[9]
    assert found.raters.rejected.sum() == 1
    assert "ratings" in str(found.raters.reasons[9])
    assert found.raters.flagged_share[9] > 0.05


def test_intervals_of_both_kinds() -> None:
    whole = panel()
    found = recover(whole, "mos")
    assert found.t is not None
    assert (found.low == found.t.low).all()
    assert (found.t.high > found.normal.high).all()
    assert (recover(whole, "mos", interval="normal").low == found.normal.low).all()
    assert recover(whole, "mle").t is None
    wide = recover(whole, "mos", confidence=0.99)
    assert (wide.high > found.high).all()


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """A panel of 8, 400 items: t holds the truth in about 95 % of cases, the normal interval less often."""
    rng = np.random.default_rng(8)
    quality = rng.normal(0.0, 1.0, 400)
    found = recover(quality[:, None] + rng.standard_normal((400, 8)), "mos")
    t = found.t
    assert t is not None
    assert np.mean((t.low <= quality) & (quality <= t.high)) == pytest.approx(0.95, abs=0.03)
    assert np.mean((found.normal.low <= quality) & (quality <= found.normal.high)) < 0.94


@ALL
@given(
    whole=hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 7), st.integers(1, 6)),
        elements=st.sampled_from([np.nan, 1.0, 2.0, 3.0, 4.0, 5.0]),
    )
)
@settings(max_examples=60)
def test_no_ratings_are_too_odd(method: str, whole: np.ndarray) -> None:
    if np.isnan(whole).all():
        with pytest.raises(StatisticsError, match="there are no ratings"):
            recover(whole, method)
        return
    found = recover(whole, method)
    assert set(np.flatnonzero(np.isnan(found.score))) == set(found.missing)
    assert not np.isinf(found.score).any()
    assert not np.isinf(found.se).any()
    if method not in Z_UNITS | {"p913", "p913_bt500"}:
        # a likelihood may go beyond the marks by biases, a mean may not
        slack = 4.0 if method in {"p910", "p910_ap", "mle"} else 1e-9
        assert np.nanmin(found.score) >= 1.0 - slack
        assert np.nanmax(found.score) <= 5.0 + slack


def test_wrong_requests() -> None:
    with pytest.raises(UnknownNameError, match="did you mean bt500"):
        recover(panel(), "bt50")
