from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.analytic import IGNORES, analytic_interval, normal_quantile


def test_fisher_is_scipys(rng: np.random.Generator) -> None:
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    theirs = scipy_stats.pearsonr(x, y)
    low, high = theirs.confidence_interval(0.9)
    found = analytic_interval(float(theirs.statistic), 50, "pearson", 0.9)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.reason == IGNORES


@pytest.mark.parametrize(("kind", "variance"), [("kendall", 0.437 / 96), ("spearman_fieller", 1.06 / 97)])
def test_fieller_by_definition(kind, variance: float) -> None:
    """Fieller, Hartley and Pearson 1957: var(atanh) = 0.437 / (n - 4) for tau and 1.06 / (n - 3) for rho."""
    expected = np.tanh(np.arctanh(0.5) + np.array([-1, 1]) * scipy_stats.norm.ppf(0.975) * np.sqrt(variance))
    found = analytic_interval(0.5, 100, kind)
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)


def test_where_the_formula_has_no_interval_the_reason_is_given() -> None:
    assert analytic_interval(1.0, 100, "spearman").low is None
    few = analytic_interval(0.5, 4, "kendall")
    assert few.low is None
    assert few.reason
    assert "needs 5" in few.reason


def test_nonsense_is_refused() -> None:
    with pytest.raises(StatisticsError, match="lies in -1"):
        analytic_interval(1.5, 10, "pearson")
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        normal_quantile(95.0)
