from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmm4lmm.stats.concordance import pair_counts

SMALL = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.integers(-3, 3)) for _ in range(2)])
)


@given(SMALL)
def test_counts_are_those_of_looking_at_every_pair(columns):
    x, y = columns
    sign_x, sign_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    counts = pair_counts(x, y)
    np.testing.assert_array_equal(counts.concordant, (sign_x * sign_y > 0).sum(1))
    np.testing.assert_array_equal(counts.discordant, (sign_x * sign_y < 0).sum(1))
    np.testing.assert_array_equal(counts.untied_x, (sign_x != 0).sum(1))
    np.testing.assert_array_equal(counts.untied_y, (sign_y != 0).sum(1))
    np.testing.assert_array_equal(counts.tied_both, ((sign_x == 0) & (sign_y == 0)).sum(1) - 1)


def test_counts_at_sizes_around_powers_of_two(rng):
    for n in (2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 127, 128, 129):
        x, y = rng.normal(size=n), rng.normal(size=n)
        product = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
        np.testing.assert_array_equal(pair_counts(x, y).concordant, (product > 0).sum(1))
