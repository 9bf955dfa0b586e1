from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import groups, pairs


def test_groups_are_numbered_in_order_of_appearance():
    found = groups(["b", "a", "b", "c"], 4, "prompts")
    assert found.codes.tolist() == [0, 1, 0, 2]
    assert found.names == ("b", "a", "c")
    kept = found.of(np.array([False, True, False, True]))
    assert kept.codes.tolist() == [0, 1]
    assert kept.names == ("a", "c")


def test_without_labels_every_item_is_its_own_group():
    assert groups(None, 3, "prompts").codes.tolist() == [0, 1, 2]


@pytest.mark.parametrize("labels", [np.array(["x", "y", "x"]), np.array([4, 2, 4]), ("x", "y", "x")])
def test_labels_of_any_kind(labels):
    assert groups(labels, 3, "tasks").codes.tolist() == [0, 1, 0]


def test_pairs_say_what_was_dropped():
    found = pairs([1, None, 3, 4], [1, 2, float("nan"), 4])
    assert found.kept.tolist() == [True, False, False, True]
    assert found.n_dropped == 2


def test_infinity_is_no_score():
    with pytest.raises(StatisticsError, match="human holds -inf at position 1"):
        pairs([1, 2], [1, float("-inf")])
