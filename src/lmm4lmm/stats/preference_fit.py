"""The search behind ``preference``: Newton's steps on the likelihood of Bradley and Terry, or of Davidson."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Ints

MOST_STEPS = 200
NEARLY_FLAT = 1e-10


@dataclass(frozen=True)
class Pairings:
    """Comparisons summed up, one row a pair of items with i < j.

    Attributes:
        i: [m] the lower number.
        j: [m] the higher number.
        won: [m] times that i won; halves where ties count half.
        lost: [m] times that j won.
        tied: [m] ties.
        k: items.
    """

    i: Ints
    j: Ints
    won: Floats
    lost: Floats
    tied: Floats
    k: int

    @property
    def n(self) -> Floats:
        """[m] comparisons of each pair."""
        return self.won + self.lost + self.tied

    def per_item(self, of_i: Floats, of_j: Floats) -> Floats:
        """[k] sums of what each pair brings its two items."""
        sums = np.bincount(self.i, of_i, self.k) + np.bincount(self.j, of_j, self.k)
        return sums.astype(np.float64)

    def without_ties(self, *, half: bool) -> Pairings:
        """Ties as half a win each, or dropped."""
        more = self.tied / 2.0 if half else 0.0
        found = replace(self, won=self.won + more, lost=self.lost + more, tied=np.zeros_like(self.tied))
        used = found.n > 0
        if not used.any():
            raise StatisticsError("every comparison is a tie: without ties nothing is left")
        return Pairings(
            self.i[used], self.j[used], found.won[used], found.lost[used], found.tied[used], self.k
        )

    @cached_property
    def _parts(self) -> tuple[Ints, Ints]:
        """[k] group of each item by comparisons, and by wins in both directions."""
        from scipy.sparse import coo_array  # takes a while to import
        from scipy.sparse.csgraph import connected_components

        up, down = self.won + self.tied > 0, self.lost + self.tied > 0
        ends = np.concatenate([self.i[up], self.j[down]]), np.concatenate([self.j[up], self.i[down]])
        graph = coo_array((np.ones(ends[0].size), ends), shape=(self.k, self.k)).tocsr()
        _, weak = connected_components(graph, connection="weak")
        _, strong = connected_components(graph, connection="strong")
        return weak.astype(np.intp), strong.astype(np.intp)

    @cached_property
    def compared(self) -> Ints:
        """Numbers of the items in any comparison."""
        return np.flatnonzero(self.per_item(self.n, self.n) > 0)

    @property
    def group_of(self) -> Ints:
        """[k] group of each item."""
        return self._parts[0]

    @property
    def groups(self) -> int:
        """Groups of items that hang together through comparisons."""
        return int(np.unique(self._parts[0][self.compared]).size)

    @property
    def separated(self) -> int:
        """Sets of items between which wins go one way only; 0 where the likelihood has a maximum."""
        strong = int(np.unique(self._parts[1][self.compared]).size)
        return strong if strong > self.groups else 0


def paired(first: Ints, second: Ints, outcome: Floats, k: int) -> Pairings:
    """Sums up single comparisons: outcome 1 (first), 0 (second) or 0.5 (tie)."""
    turned = first > second
    i, j = np.where(turned, second, first), np.where(turned, first, second)
    x = np.where(turned, 1.0 - outcome, outcome)
    cells, place = np.unique(i * k + j, return_inverse=True)
    won, lost, tied = (
        np.bincount(place, (x == value).astype(np.float64), cells.size).astype(np.float64)
        for value in (1.0, 0.0, 0.5)
    )
    return Pairings(cells // k, cells % k, won, lost, tied, k)


@dataclass(frozen=True)
class Fit:
    """The maximum.

    Attributes:
        score: [k] sum 0 in each group; 0 for items without a comparison.
        covariance: [k, k].
        tie_parameter: nu, or None.
        log_likelihood: of the comparisons, without the prior.
    """

    score: Floats
    covariance: Floats
    tie_parameter: float | None
    log_likelihood: float


def maximum(pairs: Pairings, prior: float, *, modelled: bool) -> Fit:
    """Newton's steps, halved where they overshoot; the likelihood has one hill only.

    Args:
        pairs: the comparisons.
        prior: wins and losses of each item against score 0.
        modelled: whether ties are an outcome of their own.

    Raises:
        StatisticsError: the steps don't settle.
    """
    hill = _Hill(pairs, prior, modelled)
    at = np.zeros(pairs.k + 1)
    height = hill.height(at)
    for _ in range(MOST_STEPS):
        gradient, curvature = hill.slope(at)
        step = np.linalg.solve(curvature, gradient)
        rise = float(gradient @ step)
        if rise < NEARLY_FLAT**2 * max(1.0, abs(height)):
            break
        scale = 1.0
        while (new := hill.height(at + scale * step)) < height and scale > 1e-6:
            scale /= 2.0
        if new <= height:
            break
        at, height = at + scale * step, new
    else:
        raise StatisticsError("the likelihood of the comparisons found no maximum")
    inverse = np.asarray(np.linalg.inv(hill.slope(at)[1]), dtype=np.float64)
    score, covariance = _centred(at[: pairs.k], inverse[: pairs.k, : pairs.k], pairs)
    nu = float(np.exp(at[-1])) if modelled else None
    return Fit(score, covariance, nu, hill.height(at, data_only=True))


class _Hill:
    """Log-likelihood of scores [k] and, last, log nu; made steep where it is flat, so that it has one top.

    Flat directions are a shift of all scores of a group, items without a comparison, and log nu where ties are not
    modelled: a unit of curvature holds each at 0 and changes nothing else.
    """

    def __init__(self, pairs: Pairings, prior: float, modelled: bool) -> None:
        self.pairs, self.prior, self.modelled = pairs, prior, modelled
        self.compared = np.zeros(pairs.k, np.bool_)
        self.compared[pairs.compared] = True
        _, group = np.unique(pairs.group_of, return_inverse=True)
        self.same = (group[:, None] == group) / np.bincount(group)[group][:, None]

    def _shares(self, at: Floats) -> tuple[Floats, Floats, Floats]:
        """[3, m] logits of i, j and tie, their log of sum, and probabilities."""
        a, b = at[self.pairs.i], at[self.pairs.j]
        tie = at[-1] + (a + b) / 2.0 if self.modelled else np.full(a.size, -np.inf)
        logits = np.array([a, b, tie])
        top = logits.max(axis=0)
        total = top + np.log(np.exp(logits - top).sum(axis=0))
        return logits, total, np.exp(logits - total)

    def height(self, at: Floats, *, data_only: bool = False) -> float:
        logits, total, _ = self._shares(at)
        won, lost, tied = self.pairs.won, self.pairs.lost, self.pairs.tied
        found = float(won @ (logits[0] - total) + lost @ (logits[1] - total))
        if self.modelled:
            found += float(tied @ (logits[2] - total))
        if data_only or not self.prior:
            return found
        s = at[:-1][self.compared]
        return found - self.prior * float((2.0 * np.logaddexp(0.0, s) - s).sum())

    def slope(self, at: Floats) -> tuple[Floats, Floats]:
        """Gradient and curvature (minus the second derivatives)."""
        pairs, k = self.pairs, self.pairs.k
        _, _, (p, q, t) = self._shares(at)
        n, ei, ej = pairs.n, p + t / 2.0, q + t / 2.0
        half = pairs.tied / 2.0
        gradient = np.append(pairs.per_item(pairs.won + half - n * ei, pairs.lost + half - n * ej), 0.0)
        curvature = np.zeros((k + 1, k + 1))
        cross = n * (t / 4.0 - ei * ej)
        curvature[pairs.i, pairs.j] = curvature[pairs.j, pairs.i] = cross
        spread = pairs.per_item(n * (p + t / 4.0 - ei * ei), n * (q + t / 4.0 - ej * ej))
        if self.prior:
            share = 1.0 / (1.0 + np.exp(-at[:-1]))
            gradient[:-1] += np.where(self.compared, self.prior * (1.0 - 2.0 * share), 0.0)
            spread = spread + 2.0 * self.prior * share * (1.0 - share)
        curvature[np.arange(k), np.arange(k)] = spread + ~self.compared
        if not self.prior:
            curvature[:k, :k] += self.same
        curvature[k, k] = 1.0
        if self.modelled:
            gradient[-1] = float((pairs.tied - n * t).sum())
            curvature[k, k] = float((n * t * (1.0 - t)).sum())
            curvature[k, :k] = curvature[:k, k] = pairs.per_item(n * t * (0.5 - ei), n * t * (0.5 - ej))
        return gradient, curvature


def _centred(score: Floats, covariance: Floats, pairs: Pairings) -> tuple[Floats, Floats]:
    """Sum 0 in each group, and the covariance on that plane; nothing goes from one group to another."""
    _, group = np.unique(pairs.group_of, return_inverse=True)
    same = group[:, None] == group
    onto = np.eye(score.size) - same / np.bincount(group)[group][:, None]
    return onto @ score, np.where(same, onto @ covariance @ onto.T, 0.0)
