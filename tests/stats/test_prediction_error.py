from __future__ import annotations

import math

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.prediction_error import prediction_errors


def test_by_hand() -> None:
    """Nine raters with SD 3: SE 1, t(0.975, 8) = 2.306004; errors 1, 2, 3, 8."""
    human, fitted = [10.0, 20.0, 30.0, 40.0], [11.0, 18.0, 33.0, 48.0]
    found = prediction_errors(fitted, human, sd=[3.0] * 4, raters=[9] * 4, parameters=2)
    assert found.rmse == pytest.approx(math.sqrt(78 / 4))
    assert found.rmse_unbiased == pytest.approx(math.sqrt(78 / 2))
    assert found.rmse_star == pytest.approx(
        math.sqrt(((3 - 2.306004) ** 2 + (8 - 2.306004) ** 2) / 2), abs=1e-6
    )
    assert (found.outlier_ratio, found.outlier_ratio_2se, found.outlier_ratio_2sd) == (0.5, 0.5, 0.25)


def test_without_spread_there_is_an_rmse_only() -> None:
    found = prediction_errors([1.0, 2.0], [1.0, 3.0])
    assert (found.n, found.n_uncertain, found.rmse_unbiased) == (2, 0, None)
    assert found.outlier_ratio is None
    assert found.rmse == pytest.approx(math.sqrt(0.5))


def test_items_with_one_rater_or_without_spread_do_not_count_as_certain() -> None:
    found = prediction_errors(
        [1.0, 2.0, 3.0, np.nan], [1.0, 3.0, 9.0, 1.0], sd=[1.0, 1.0, np.nan, 1.0], raters=[1, 9, 9, 9]
    )
    assert (found.n, found.n_uncertain) == (3, 1)
    assert found.outlier_ratio == 1.0


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(StatisticsError, match="can't be negative"):
        prediction_errors([1.0], [1.0], sd=[-1.0], raters=[3])
    with pytest.raises(StatisticsError, match="sd has 2 values for 1 items"):
        prediction_errors([1.0], [1.0], sd=[1.0, 2.0])
    with pytest.raises(StatisticsError, match="no item has both"):
        prediction_errors([np.nan], [1.0])
