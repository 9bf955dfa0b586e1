"""Correlations as functions of prompt weights, for ``resampling.bootstrap``.

Each function here prepares the data once and returns a statistic ``[r, c] -> [r]``. A weight of k means that
every image of the prompt is there k times; weights of one give the value on the data.

==================  ======================================================================================
pearson             exact, from six sums a prompt
spearman            exact: sorted once, weighted midranks by cumulative sums in every resample
kendall             exact up to ``EXACT`` items (pairs counted between prompts, then a quadratic form);
                    beyond, counts of pairs are taken to first order in the weights (Hajek projection),
                    which changes the replicates by terms of order 1 / prompts
fitted_pearson      one Gauss-Newton step from the fit on the data in every resample, from sums a prompt;
                    a full refit differs by terms of second order
==================  ======================================================================================
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.stats.arrangements import Block
from lmm4lmm.stats.arrays import Floats, Groups, Ints, dot
from lmm4lmm.stats.compiled import MANY
from lmm4lmm.stats.concordance import pair_counts
from lmm4lmm.stats.logistic import LogisticFit, tangent
from lmm4lmm.stats.pairing import one_group
from lmm4lmm.stats.rank_arrangements import grouped_ranks
from lmm4lmm.stats.resampling import Statistic

EXACT = 4096
"""Most items (and half as many prompts) for which all pairs are counted between prompts."""


def pearson(x: Floats, y: Floats, prompts: Groups) -> Statistic:
    """PLCC of raw values."""
    x, y = _standard(x), _standard(y)
    sums = by_prompt(np.column_stack([np.ones_like(x), x, y, x * x, y * y, x * y]), prompts)

    def statistic(weights: Floats) -> Floats:
        n, sx, sy, sxx, syy, sxy = (weights @ sums).T
        return _ratio(sxy - sx * sy / n, sxx - sx * sx / n, syy - sy * sy / n, n)

    return statistic


def spearman(x: Floats, y: Floats, prompts: Groups) -> Statistic:
    """SRCC; beyond ``MANY`` items by compiled loops, with the same values."""
    if x.size < MANY:
        return _spearman(x, y, prompts)
    ranks = grouped_ranks(x, y, prompts, [one_group(x.size)])[0]
    return of_whole_weights(ranks, lambda: _spearman(x, y, prompts))


def of_whole_weights(compiled: Callable[[Block], Floats], otherwise: Callable[[], Statistic]) -> Statistic:
    """A compiled statistic of one group, where weights are numbers of draws; ``otherwise`` for any other weights."""
    slow = functools.cache(otherwise)

    def statistic(weights: Floats) -> Floats:
        drawn = np.clip(weights, 0, 255).astype(np.uint8)
        if not np.array_equal(drawn, weights):
            return slow()(weights)
        values: Floats = compiled(np.ascontiguousarray(drawn.T))[0]
        return values

    return statistic


def _spearman(x: Floats, y: Floats, prompts: Groups) -> Statistic:
    ranks_x, ranks_y = WeightedRanks(x, prompts.codes), WeightedRanks(y, prompts.codes)
    # both in the order of x, which spares one of the two ways back to the order of items
    y_at = ranks_y.place[ranks_x.order]
    aligned = np.empty(x.size)

    def one(weights: Floats) -> float:
        rank_x, spread_x = ranks_x(weights)
        rank_y, spread_y = ranks_y(weights)
        if spread_x <= 0.0 or spread_y <= 0.0:
            return np.nan
        np.take(rank_y, y_at, out=aligned, mode="clip")
        np.multiply(aligned, rank_x, out=aligned)
        return dot(aligned, ranks_x.drawn) / math.sqrt(spread_x * spread_y)

    return lambda weights: np.array([one(row) for row in weights])


class WeightedRanks:
    """Midranks of values that are there several times, centred at zero, without sorting again.

    The arrays are kept between calls: at 50,000 items, fresh memory would cost more than the arithmetic.

    Args:
        values: [n] the values.
        codes: [n] the prompt of each.

    Attributes:
        order: [n] the items by ascending value.
        place: [n] where each item stands in that order.
        drawn: [n] the weights of the latest call, in that order.
    """

    def __init__(self, values: Floats, codes: Ints) -> None:
        self.order = np.argsort(values, kind="stable")
        self.place = np.empty_like(self.order)
        self.place[self.order] = np.arange(values.size)
        self.codes = codes[self.order]
        ordered = values[self.order]
        self.edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
        self.tie = np.repeat(np.arange(self.edges.size - 1), np.diff(self.edges))
        self.drawn = np.empty(values.size)
        self._up_to = np.zeros(values.size + 1)
        self._ranks = np.empty(values.size)

    def __call__(self, weights: Floats) -> tuple[Floats, float]:
        """[n] centred ranks in ascending order, and the weighted sum of their squares, for one resample."""
        np.take(weights, self.codes, out=self.drawn, mode="clip")
        np.cumsum(self.drawn, out=self._up_to[1:])
        total = self._up_to[-1]
        edges = self._up_to if self.tie.size == self.edges.size - 1 else self._up_to[self.edges]
        together = np.diff(edges)
        centre = edges[1:] - together / 2.0
        centre -= total / 2.0
        # the sum of squares of midranks has a closed form; ties of size t take (t^3 - t) / 12 off it
        spread = (total**3 - dot(together, together * together)) / 12.0
        if together.size == self.tie.size:
            return centre, spread
        return np.take(centre, self.tie, out=self._ranks, mode="clip"), spread


def kendall(x: Floats, y: Floats, prompts: Groups) -> Statistic:
    """KRCC (tau-b)."""
    if x.size <= EXACT and len(prompts) <= EXACT // 2:
        return _kendall_exact(x, y, prompts)
    counts = pair_counts(x, y)
    columns = [counts.concordant - counts.discordant, counts.untied_x, counts.untied_y]
    slopes = by_prompt(np.column_stack(columns).astype(np.float64), prompts)
    total = slopes.sum(axis=0)

    def statistic(weights: Floats) -> Floats:
        # twice a count of pairs is a quadratic form w A w; to first order that is 1 A 1 + 2 (w - 1) A 1
        difference, untied_x, untied_y = (2.0 * (weights @ slopes) - total).T
        return _ratio(difference, untied_x, untied_y, total[1])

    return statistic


def _kendall_exact(x: Floats, y: Floats, prompts: Groups) -> Statistic:
    order = np.argsort(prompts.codes, kind="stable")
    codes, c = prompts.codes[order], len(prompts)
    first = np.searchsorted(codes, np.arange(c))
    # small whole numbers: signs and their sums take a quarter of the time of floats
    of_x, of_y = (np.unique(values[order], return_inverse=True)[1].astype(np.int16) for values in (x, y))
    difference_form = np.zeros((c, c))
    for i, (begin, end) in enumerate(itertools.pairwise([*first.tolist(), x.size])):
        signs = _signs(of_x, begin, end) * _signs(of_y, begin, end)
        row = np.add.reduceat(signs.sum(axis=0, dtype=np.int32), first[i:] - begin)
        difference_form[i, i:] = difference_form[i:, i] = row
    forms = difference_form, _untied(of_x, codes, c), _untied(of_y, codes, c)

    def statistic(weights: Floats) -> Floats:
        difference, untied_x, untied_y = (np.einsum("rc,rc->r", weights @ form, weights) for form in forms)
        return _ratio(difference, untied_x, untied_y, x.size)

    return statistic


def _signs(values: NDArray[np.int16], begin: int, end: int) -> NDArray[np.int8]:
    """[end - begin, n - begin] the order of a prompt's items and all from there on: 1, 0 or -1."""
    left, right = values[begin:end, None], values[None, begin:]
    return (left > right).view(np.int8) - (left < right).view(np.int8)


def _untied(values: NDArray[np.int16], codes: Ints, c: int) -> Floats:
    """[c, c] ordered pairs of items of two prompts with different values."""
    size = np.bincount(codes, minlength=c).astype(np.float64)
    alone = np.bincount(values)[values] == 1
    # a value of its own ties with itself only: there is no need for a column of it
    tied = np.diag(np.bincount(codes[alone], minlength=c).astype(np.float64))
    shared, of_shared = np.unique(values[~alone], return_inverse=True)
    counts = np.zeros((shared.size, c))
    np.add.at(counts, (of_shared.ravel(), codes[~alone]), 1.0)
    return np.asarray(size[:, None] * size - tied - counts.T @ counts, dtype=np.float64)


def fitted_pearson(fit: LogisticFit, x: Floats, y: Floats, prompts: Groups) -> Statistic:
    """PLCC after the logistic fit is adjusted to the resample."""
    y_centred = y - y.mean()
    residual = y - fit(x)
    moves = tangent(fit, x)
    moves = moves / np.maximum(np.linalg.norm(moves, axis=0), 1e-300)
    directions, size, _ = np.linalg.svd(moves, full_matrices=False)
    # a curve that is nearly a line has nearly dependent parameters: what they can't tell apart is left out
    directions = directions[:, size > 1e-7 * size[0]] * np.sqrt(x.size)
    k = directions.shape[1]
    products = (directions[:, :, None] * directions[:, None, :]).reshape(x.size, k * k)
    columns = [np.ones_like(x), y_centred, y_centred**2, residual**2]
    sums = by_prompt(np.column_stack([*columns, directions * residual[:, None], products]), prompts)

    def statistic(weights: Floats) -> Floats:
        found = weights @ sums
        n, sy, syy, sse = found[:, :4].T
        pull, curvature = found[:, 4 : 4 + k], found[:, 4 + k :].reshape(-1, k, k)
        sse = sse - _gains(curvature, pull)
        total = syy - sy * sy / n
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 1e-12 * n * y_centred.var(), sse / total, np.nan)
        return np.sqrt(np.clip(1.0 - share, 0.0, 1.0))

    return statistic


def _gains(curvature: Floats, pull: Floats) -> Floats:
    """[r] ``pull inverse(curvature) pull``: what the step to the minimum of a quadratic wins.

    By Cholesky's factors, for all resamples at once, where these are sound; else by the pseudo-inverse.
    """
    k = pull.shape[1]
    lower, ahead = np.zeros_like(curvature), np.zeros_like(pull)
    least = 1e-6 * np.einsum("rkk->r", curvature) / k
    sound = np.ones(len(pull), np.bool_)
    for j in range(k):
        pivot = curvature[:, j, j] - np.square(lower[:, j, :j]).sum(axis=1)
        sound &= pivot > least
        root = np.sqrt(np.where(pivot > least, pivot, 1.0))
        lower[:, j, j] = root
        below = curvature[:, j + 1 :, j] - np.einsum("rim,rm->ri", lower[:, j + 1 :, :j], lower[:, j, :j])
        lower[:, j + 1 :, j] = below / root[:, None]
        ahead[:, j] = (pull[:, j] - np.einsum("rm,rm->r", lower[:, j, :j], ahead[:, :j])) / root
    gains = np.square(ahead).sum(axis=1)
    if not sound.all():
        inverse = np.linalg.pinv(curvature[~sound], rcond=1e-9, hermitian=True)
        gains[~sound] = np.einsum("rk,rkl,rl->r", pull[~sound], inverse, pull[~sound])
    return np.asarray(gains, dtype=np.float64)


def by_prompt(columns: Floats, prompts: Groups) -> Floats:
    """[c, k] sums of ``[n, k]`` columns over the items of each prompt."""
    sums = [np.bincount(prompts.codes, column, len(prompts)) for column in columns.T]
    return np.column_stack(sums).astype(np.float64)


def _standard(values: Floats) -> Floats:
    centred = values - values.mean()
    return np.asarray(centred / np.abs(centred).max(), dtype=np.float64)


def _ratio(top: Floats, left: Floats, right: Floats, unit: Floats | float) -> Floats:
    """top / sqrt(left * right), NaN where a column is constant in the resample (up to rounding)."""
    defined = (left > 1e-12 * unit) & (right > 1e-12 * unit)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(defined, np.clip(top / np.sqrt(np.abs(left * right)), -1.0, 1.0), np.nan)
