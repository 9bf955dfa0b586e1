"""The biases of all raters at once, for given weights: what alternating steps only creep towards.

Where each image was rated by neighbours in a ring of raters, severity passes from rater to rater like heat along a
rod: alternating between items and raters takes thousands of steps. With the qualities eliminated, two-way weighted
least squares are one symmetric system in the biases,

    (diag(w_j n_j) - W' diag(1 / sum of w at item i) W) b = g,    W_ij = w_j where rater j rated item i,

with ``g_j = w_j * (sum of what rater j's ratings have left)``. Its factors serve for many steps: while no weight has
changed by more than a factor r, a step leaves at most ``r - 1`` of the distance to the solution, since the matrix
grows with every weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrays import Floats, Ints
from lmm4lmm.stats.rating_table import RatingTable

MOST_RATERS = 2000
"""More make a matrix that takes longer to factor than it saves."""
MOST_CHANGE = 1.1
"""By so large a factor may weights change before the factors are made anew."""


class RaterSystem:
    """The system for one set of weights, factored."""

    def __init__(
        self, ratings: RatingTable, weights: Floats, free: NDArray[np.bool_], of_rater: Ints
    ) -> None:
        """Makes and factors the matrix.

        Args:
            ratings: at least one.
            weights: [n_raters] above 0 for those who are free.
            free: [n_raters] whose biases may move.
            of_rater: [n_raters] group of raters who hang together; -1 without ratings.

        Raises:
            numpy.linalg.LinAlgError: the matrix is singular but for rounding.
        """
        from scipy.linalg import cho_factor  # takes a while to import

        self._weights, self._free = weights, free
        self._factors = cho_factor(_matrix(ratings, weights, free, of_rater), overwrite_a=True)

    def serves(self, weights: Floats) -> bool:
        """Whether these weights are still near enough to those of the matrix."""
        ratio = weights[self._free] / self._weights[self._free]
        return bool((ratio <= MOST_CHANGE).all() and (ratio * MOST_CHANGE >= 1.0).all())

    def step(self, gradient: Floats) -> Floats:
        """[n_raters] how far to move the biases: the solution for ``gradient`` [n_raters]."""
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve(self._factors, np.where(self._free, gradient, 0.0)), dtype=np.float64)


def _matrix(ratings: RatingTable, weights: Floats, free: NDArray[np.bool_], of_rater: Ints) -> Floats:
    """[n_raters, n_raters], made definite.

    Biases of a group that are all free may be shifted together without any change; the mean's square is added, which
    alters no step, since gradients sum to 0 there. Who is not free has a row of the unit matrix.
    """
    from scipy.sparse import csr_array

    at = weights[ratings.raters]
    total = ratings.per_item(at)[ratings.items]
    size = (ratings.n_items, ratings.n_raters)
    half = csr_array((at / np.sqrt(total), (ratings.items, ratings.raters)), shape=size)
    matrix = -np.asarray((half.T @ half).toarray(), dtype=np.float64)
    own = np.where(free, weights * ratings.rater_counts, 1.0)
    matrix[~free, :] = 0.0
    matrix[:, ~free] = 0.0
    matrix[np.diag_indices(len(own))] += own
    held = np.unique(of_rater[~free])
    for group in np.setdiff1d(np.unique(of_rater[free]), held):
        members = np.flatnonzero(of_rater == group)
        matrix[np.ix_(members, members)] += own[members].mean() / members.size
    return matrix
