"""ICC: the published example, what each form forgives, and what has no value."""

from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.stats.icc import FORMS, intraclass_correlations

# four judges, six targets: Shrout and Fleiss 1979, table 2
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)


def _values(ratings):
    return {name: form.interval.value for name, form in intraclass_correlations(ratings).forms.items()}


def test_the_published_example():
    """Values: table 4 of Shrout and Fleiss; F and intervals: what R's psych::ICC prints of these data."""
    found = intraclass_correlations(SHROUT_FLEISS.astype(float)).forms
    values = {FORMS[name]: round(form.interval.value, 2) for name, form in found.items()}
    assert values == {
        "ICC(1,1)": 0.17,
        "ICC(2,1)": 0.29,
        "ICC(3,1)": 0.71,
        "ICC(1,k)": 0.44,
        "ICC(2,k)": 0.62,
        "ICC(3,k)": 0.91,
    }
    ends = {name: (form.interval.low, form.interval.high) for name, form in found.items()}
    assert ends["ICC(1,1)"] == pytest.approx((-0.133, 0.723), abs=0.0006)
    assert ends["ICC(A,1)"] == pytest.approx((0.019, 0.761), abs=0.0006)
    assert ends["ICC(C,1)"] == pytest.approx((0.342, 0.946), abs=0.0006)
    assert ends["ICC(A,k)"] == pytest.approx((0.071, 0.927), abs=0.0006)
    assert found["ICC(1,1)"].f == pytest.approx(1.79, abs=0.006)
    assert found["ICC(A,1)"].f == pytest.approx(11.03, abs=0.006)
    assert found["ICC(1,1)"].df == (5, 18)
    assert found["ICC(C,k)"].df == (5, 15)
    assert found["ICC(C,k)"].p == pytest.approx(0.000135, abs=1e-6)


def test_consistency_forgives_severity_and_agreement_does_not(rng):
    ratings = rng.normal(size=(40, 1)) + 0.5 * rng.normal(size=(40, 5))
    severe = ratings + np.array([0.0, 3.0, -3.0, 1.0, 0.0])
    plain, shifted = _values(ratings), _values(severe)
    assert shifted["ICC(C,1)"] == pytest.approx(plain["ICC(C,1)"])
    assert shifted["ICC(C,k)"] == pytest.approx(plain["ICC(C,k)"])
    assert shifted["ICC(A,1)"] < plain["ICC(A,1)"] - 0.2
    assert shifted["ICC(1,1)"] < shifted["ICC(A,1)"]


def test_intervals_cover(rng):
    """Variance of images 1, of raters 0.3, of error 1: ICC(A,1) = 1 / 2.3, ICC(C,1) = 1 / 2; 400 studies."""
    held = dict.fromkeys(("ICC(A,1)", "ICC(C,1)"), 0)
    for _ in range(400):
        raters = np.sqrt(0.3) * rng.normal(size=6)
        found = intraclass_correlations(rng.normal(size=(30, 1)) + raters + rng.normal(size=(30, 6))).forms
        for name, truth in (("ICC(A,1)", 1 / 2.3), ("ICC(C,1)", 1 / 2)):
            held[name] += found[name].interval.low <= truth <= found[name].interval.high
    # two standard errors of a share of 0.95 in 400 studies are 0.022; Satterthwaite's is approximate
    assert 0.925 <= held["ICC(C,1)"] / 400 <= 0.975
    assert 0.915 <= held["ICC(A,1)"] / 400 <= 0.985


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([[1.0], [2.0]], "at least 2 raters; there are 1"),
        ([[1.0, 2.0], [np.nan, 3.0]], "1 of 2 are"),
        ([[4.0, 4.0], [4.0, 4.0]], "all ratings are 4"),
    ],
)
def test_what_has_no_value_says_why(ratings, reason):
    found = intraclass_correlations(ratings)
    assert list(found.forms) == list(FORMS)
    assert all(
        form.interval.value is None and reason in form.interval.reason for form in found.forms.values()
    )


def test_raters_who_say_the_same_agree_perfectly(rng):
    column = rng.normal(size=20)
    found = intraclass_correlations(np.column_stack([column] * 3))
    for form in found.forms.values():
        assert form.interval.value == pytest.approx(1.0)
        assert "raters don't differ" in form.interval.reason
        assert (form.f, form.p) == (None, None)


def test_raters_who_differ_by_severity_alone():
    ratings = np.arange(10.0)[:, None] + np.array([0.0, 1.0, 2.0])
    found = intraclass_correlations(ratings).forms
    assert found["ICC(C,1)"].interval.value == pytest.approx(1.0)
    assert 0 < found["ICC(A,1)"].interval.value < 1
    assert found["ICC(A,1)"].interval.low < found["ICC(A,1)"].interval.value < found["ICC(A,1)"].interval.high


def test_images_that_do_not_differ():
    """Every image has the same ratings: all variance is raters'."""
    found = intraclass_correlations([[1.0, 5.0]] * 6).forms
    assert found["ICC(1,1)"].interval.value == pytest.approx(-1.0)
    for form in found.values():
        values = (form.interval.value, form.interval.low, form.interval.high, form.f, form.p)
        assert not any(v is not None and not np.isfinite(v) for v in values)
        assert form.interval.value is not None or form.interval.reason
