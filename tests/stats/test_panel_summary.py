"""All figures of one panel at once, and the ICC with gaps: against scipy and other functions of ours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import panel_summary
from lmm4lmm.stats.agreement import fleiss_kappa, krippendorff_alpha
from lmm4lmm.stats.icc import intraclass_correlations
from lmm4lmm.stats.icc_gaps import one_way
from lmm4lmm.stats.panel import against_rest
from lmm4lmm.stats.panel_summary import packed, panel_agreement
from lmm4lmm.stats.rating_table import RatingTable, from_long, from_matrix

NAN = np.nan
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]]
)
"""The data of Shrout and Fleiss, Psychological Bulletin 86, 1979, table 2; numbers to compute with, no results."""


def panel(rng: np.random.Generator, items: int = 40, raters: int = 9, gaps: float = 0.3) -> np.ndarray:
    marks = rng.normal(3, 1, (items, 1)) + rng.normal(0, 0.3, raters) + rng.normal(0, 0.6, (items, raters))
    whole = np.clip(np.rint(marks), 1, 5)
    whole[rng.random(whole.shape) < gaps] = NAN
    return whole


def test_one_way_is_an_analysis_of_variance() -> None:
    """(F - 1) / (F + k - 1) and (F - 1) / F with scipy's F of the one-way analysis; and as ``icc`` has it."""
    single, mean, k = one_way(from_matrix(SHROUT_FLEISS))
    assert k == pytest.approx(4.0)
    f = f_oneway(*SHROUT_FLEISS).statistic
    assert single.interval.value == pytest.approx((f - 1) / (f + 3), abs=1e-12)
    assert mean.interval.value == pytest.approx((f - 1) / f, abs=1e-12)
    forms = intraclass_correlations(SHROUT_FLEISS).forms
    for ours, name in ((single, "ICC(1,1)"), (mean, "ICC(1,k)")):
        theirs = forms[name]
        assert ours.df == theirs.df
        for value in ("value", "low", "high"):
            assert getattr(ours.interval, value) == pytest.approx(getattr(theirs.interval, value), abs=1e-12)


def test_effective_number_of_ratings() -> None:
    """By hand: 2, 3 and 4 ratings are (9 - 29 / 9) / 2 = 2.889 an image; a single rating is left out."""
    rows = [[1, 2, NAN, NAN], [3, 3, 4, NAN], [5, 4, 5, 5], [2, NAN, NAN, NAN]]
    assert one_way(from_matrix(rows))[2] == pytest.approx((9 - 29 / 9) / 2)


def test_one_way_with_gaps_finds_the_truth(rng: np.random.Generator) -> None:
    """Variances 1 between images and 1 within: ICC(1,1) is .5, whatever the gaps."""
    whole = rng.normal(0, 1, (3000, 1)) + rng.normal(0, 1, (3000, 8))
    whole[rng.random(whole.shape) < 0.5] = NAN
    assert one_way(from_matrix(whole))[0].interval.value == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[1, 2], [3, NAN]], "at least 2 images"),
        ([[3, 3], [3, 3.0]], "do not differ"),
    ],
)
def test_one_way_says_why_there_is_none(rows: list[list[float]], reason: str) -> None:
    single, mean, _ = one_way(from_matrix(rows))
    for form in (single, mean):
        assert form.interval.value is None
        assert reason in str(form.interval.reason)


def test_one_way_of_raters_who_never_differ() -> None:
    single = one_way(from_matrix([[1, 1], [4, 4.0]]))[0].interval
    assert (single.value, single.low) == (1.0, None)
    assert single.reason


def test_packed_rows_have_the_ratings_of_their_item() -> None:
    table = from_long([2, 0, 2, 2, 0], [5, 1, 0, 3, 4], [1.0, 2, 3, 4, 5], n_items=4)
    expected = [[2, 5, NAN], [NAN] * 3, [1, 3, 4], [NAN] * 3]
    np.testing.assert_array_equal(packed(table), expected)


def test_figures_are_those_of_the_single_functions(rng: np.random.Generator) -> None:
    whole = panel(rng)
    found = panel_agreement(from_matrix(whole), rng=np.random.default_rng(0), resamples=20, splits=5)
    assert found.alpha_interval.interval.value == pytest.approx(
        krippendorff_alpha(whole, "interval", rng=rng, resamples=20).interval.value, abs=1e-12
    )
    assert found.alpha_ordinal is not None
    assert found.alpha_ordinal.interval.value == pytest.approx(
        krippendorff_alpha(whole, "ordinal", rng=rng, resamples=20).interval.value, abs=1e-12
    )
    assert found.fleiss is not None
    assert found.fleiss.interval.value == pytest.approx(
        fleiss_kappa(whole, rng=rng, resamples=20).interval.value, abs=1e-12
    )
    assert found.against_rest.srcc == pytest.approx(against_rest(whole).srcc)
    assert found.ceiling is not None
    assert found.notes == ()


def test_a_slider_has_no_figures_for_categories(rng: np.random.Generator) -> None:
    found = panel_agreement(from_matrix(rng.random((12, 5))), rng=rng, resamples=10, splits=5)
    assert (found.alpha_ordinal, found.fleiss) == (None, None)


def test_one_rater_gives_reasons(rng: np.random.Generator) -> None:
    found = panel_agreement(from_matrix(np.arange(6.0)[:, None]), rng=rng, resamples=10, splits=5)
    assert found.ceiling is None
    assert found.ceiling_reason
    assert found.alpha_interval.interval.value is None
    assert found.alpha_interval.interval.reason


def test_too_large_a_table_is_drawn_from_and_that_is_said(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = panel(rng, items=300, gaps=0.1)
    monkeypatch.setattr(panel_summary, "MOST_CELLS", 9 * 200)
    found = panel_agreement(from_matrix(whole), rng=np.random.default_rng(0), resamples=10, splits=5)
    assert found.icc.n + found.icc.n_dropped == 200
    assert "200 images at random" in found.notes[0]
    complete = krippendorff_alpha(whole, "interval", rng=rng, resamples=10).interval.value
    assert found.alpha_interval.interval.value == pytest.approx(complete, abs=1e-12)  # of all


def test_no_ratings(rng: np.random.Generator) -> None:
    nothing = np.zeros(0, np.intp)
    with pytest.raises(StatisticsError, match="no ratings"):
        panel_agreement(RatingTable(nothing, nothing, np.zeros(0), 2, 2), rng=rng)
