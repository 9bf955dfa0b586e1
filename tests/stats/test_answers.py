from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.answers import evaluate_answers


def _answers(rng: np.random.Generator, n: int = 300):
    human = rng.integers(0, 2, n).astype(np.float64)
    return np.clip(0.3 + 0.4 * human + rng.normal(0, 0.2, n), 0, 1), human, np.arange(n) // 3


def test_values_by_hand(rng):
    #                 yes  yes  no   no   yes
    found = evaluate_answers([0.9, 0.5, 0.6, 0.1, 0.2], [1, 1, 0, 0, 1], prompts=None, rng=rng)
    assert found.accuracy.value == pytest.approx(3 / 5)
    assert found.balanced_accuracy.value == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.f1.value == pytest.approx(4 / 6)
    assert found.auc.value == pytest.approx(4 / 6)
    assert found.brier.value == pytest.approx((0.01 + 0.25 + 0.36 + 0.01 + 0.64) / 5)
    assert (found.n, found.n_yes) == (5, 3)


def test_intervals_hold_their_values(rng):
    p, human, prompts = _answers(rng)
    found = evaluate_answers(p, human, prompts=prompts, rng=rng)
    for name in ("accuracy", "balanced_accuracy", "f1", "auc", "brier"):
        interval = getattr(found, name)
        assert interval.low < interval.value < interval.high


def test_one_answer_only_leaves_no_auc_and_no_balance(rng):
    found = evaluate_answers([0.2, 0.8, 0.9, 0.7], [1, 1, 1, 1], prompts=None, rng=rng)
    assert found.accuracy.value == 0.75
    assert found.auc.value is None
    assert "people say yes to all 4 items" in (found.auc.reason or "")
    assert found.balanced_accuracy.value is None


def test_nobody_says_yes(rng):
    assert evaluate_answers([0.2, 0.1, 0.3], [0, 0, 0], prompts=None, rng=rng).f1.value is None
    assert evaluate_answers([0.2, 0.9, 0.3], [0, 0, 0], prompts=None, rng=rng).f1.value == 0


def test_nothing_answered(rng):
    found = evaluate_answers([np.nan, 0.3], [1, np.nan], prompts=["a", "b"], rng=rng)
    assert (found.n, found.n_dropped) == (0, 2)
    assert found.accuracy.reason == "no item has both answers"


@pytest.mark.parametrize(
    ("p", "human", "message"),
    [
        ([0.5, 1.2], [0, 1], "p_yes must be a probability, 0 to 1; it holds 1.2"),
        ([0.5, 0.2], [0, 0.5], r"human must be 1 \(yes\) or 0 \(no\); it holds 0.5"),
    ],
)
def test_values_that_are_no_answers_are_refused(p, human, message, rng):
    with pytest.raises(StatisticsError, match=message):
        evaluate_answers(p, human, prompts=None, rng=rng)
