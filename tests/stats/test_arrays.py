from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import groups, pairs, table


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


def test_whole_numbers_are_numbered_as_any_labels_are(rng):
    labels = rng.integers(-5, 40, 200)
    quick, plain = groups(labels, 200, "labels"), groups(labels.tolist(), 200, "labels")
    np.testing.assert_array_equal(quick.codes, plain.codes)
    assert quick.names == plain.names


def test_a_table_is_two_dimensional_and_finite():
    assert np.isnan(table([[1, None], [2, 3]], "ratings")[0, 1])
    with pytest.raises(StatisticsError, match="ratings must be numbers"):
        table([["a", "b"]], "ratings")
    with pytest.raises(StatisticsError, match="items by raters; its shape is \\(2,\\)"):
        table([1, 2], "ratings")
    with pytest.raises(StatisticsError, match="-inf at item 0, rater 1"):
        table([[1, -np.inf]], "ratings")
