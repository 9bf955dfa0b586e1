from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.splits import crossed_folds, folds, grouped_folds


@given(n=st.integers(5, 200), seed=st.integers(0, 99))
def test_folds_are_even(n, seed):
    sizes = np.bincount(folds(n, 5, np.random.default_rng(seed)), minlength=5)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1


@given(labels=st.lists(st.integers(0, 30), min_size=1, max_size=200), seed=st.integers(0, 99))
def test_equal_labels_stay_together_and_folds_stay_even(labels, seed):
    if len(set(labels)) < 3:
        return
    fold = grouped_folds(labels, 3, np.random.default_rng(seed))
    for label in set(labels):
        assert len({int(f) for f, other in zip(fold, labels, strict=True) if other == label}) == 1
    sizes = np.bincount(fold, minlength=3)
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= max(labels.count(label) for label in set(labels))


def test_seeded(rng):
    prompts = [f"p{i // 4}" for i in range(100)]
    first, second, other = (grouped_folds(prompts, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_too_few(rng):
    with pytest.raises(StatisticsError, match="5 folds need at least 5 groups; there are 2"):
        grouped_folds(["a", "a", "b"] * 9, 5, rng)
    with pytest.raises(StatisticsError, match="at least 2 folds"):
        folds(10, 1, rng)


def test_crossed_folds_share_neither_prompt_nor_generator_with_their_training_items(rng):
    prompt, generator = np.divmod(np.arange(60 * 8), 8)
    found = crossed_folds(prompt, generator, 3, rng)
    for p, g in itertools.product(range(3), range(3)):
        test, train = found.test(p, g), found.train(p, g)
        assert test.any()
        assert train.any()
        assert not set(prompt[test]) & set(prompt[train])
        assert not set(generator[test]) & set(generator[train])
    assert sum(found.test(p, g).sum() for p in range(3) for g in range(3)) == 480


def test_crossed_folds_need_labels_of_one_length(rng):
    with pytest.raises(StatisticsError, match="not the same items"):
        crossed_folds([1, 2], [1], 2, rng)
