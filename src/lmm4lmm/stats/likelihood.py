"""Scores by maximum likelihood, with bias and inconsistency of each rater: Recommendation ITU-T P.910, Annex E.

A rating is ``x_ij = q_i + b_j + v_j * e_ij``: quality of the item, bias and inconsistency of the rater, and normal
noise. The maximum is found by alternating projection: each rater's bias is the mean of what the qualities leave,
the inconsistency the root mean square of what is left then, and each quality the mean of the ratings less bias,
weighted by ``1 / v_j^2``; again and again until the qualities stand still. Where that creeps, as it does if raters
hang together only through a chain of others, all biases are solved for at once (``rater_system``): the fixed point is
the same, the steps are few. Careless raters weigh little, nobody is rejected.

Two standard errors go with the same scores:

- ``p910`` (Annex E): SD (ddof 0) of the item's ratings less the raters' biases, over the root of their number. It
  knows that raters agree on some items less than on others.
- ``p910_ap`` and ``mle``: ``1 / sqrt(sum of 1 / v_j^2)``, from the curvature of the likelihood. Items with the same
  raters have the same error. (sureal climbs the same hill by Newton's steps under the name MLE and comes to
  the same maximum.)

Where the model is silent, a rule speaks, and a warning with it:

- Qualities and biases can be shifted against each other: biases of raters who hang together through common items have
  mean 0. Groups of raters that share no item are each put to mean 0: they can't be compared.
- With a single rating, no bias: it is 0. With fewer than ``LEAST_RATINGS``, no inconsistency of one's own: the pooled
  one is taken.
- The likelihood has no bound where a rater is fitted exactly. No inconsistency goes below ``FLOOR`` times the pooled.

Source: ITU-T P.910 (2023), Annex E; Li, Bampis, Krasula, Janowski and Katsavounidis, Electronic Imaging 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmm4lmm.core.counting import counted
from lmm4lmm.stats.arrays import Floats, Ints
from lmm4lmm.stats.rater_system import MOST_RATERS, RaterSystem
from lmm4lmm.stats.rating_table import RatingTable, components, quotient

LEAST_RATINGS = 5
FLOOR = 0.05
TOLERANCE = 1e-10
MOST_ITERATIONS = 2000
PATIENCE = 20
"""Alternating steps before biases are solved for at once."""


@dataclass(frozen=True)
class LikelihoodFit:
    """The maximum.

    Attributes:
        score: [n_items] quality; NaN for items without a rating.
        bias: [n_raters] mean 0 in each group of raters that hang together; NaN without ratings.
        inconsistency: [n_raters] v_j; NaN without ratings.
        left: [r] each rating less quality and bias.
        se_residual: [n_items] after Annex E; NaN with fewer than two ratings.
        se_curvature: [n_items] from the likelihood; NaN where raters are fitted exactly.
        iterations: how many were made.
        converged: whether the qualities stood still within ``MOST_ITERATIONS``.
        warnings: which rules were needed.
    """

    score: Floats
    bias: Floats
    inconsistency: Floats
    left: Floats
    se_residual: Floats
    se_curvature: Floats
    iterations: int
    converged: bool
    warnings: tuple[str, ...]


def fit_likelihood(ratings: RatingTable) -> LikelihoodFit:
    """Alternating projection from the items' means on; see the module."""
    groups, of_item, of_rater = components(ratings)
    climb = _Climb(ratings, of_rater)
    iterations, converged = climb.run()
    bias, score = _anchored(climb.bias, climb.score + climb.centre, of_item, of_rater, groups)
    warnings = list(climb.warnings())
    if groups > 1:
        warnings.append(
            f"raters fall into {groups} groups that share no item, not even through others: "
            "scores of items of different groups can't be compared"
        )
    if not converged:
        warnings.append(f"the likelihood was still rising after {iterations} steps; scores are rough")
    n = ratings.item_counts
    away = climb.left - ratings.item_means(climb.left)[ratings.items]
    se = np.where(n >= 2, np.sqrt(ratings.item_means(np.square(away)) / np.maximum(n, 1)), np.nan)
    information = ratings.per_item(climb.weights[ratings.raters])
    curvature = quotient(np.ones(n.size), information) if climb.pooled > 0 else np.full(n.size, np.nan)
    return LikelihoodFit(
        score, bias, climb.shown, climb.left, se, np.sqrt(curvature), iterations, converged, tuple(warnings)
    )


class _Climb:
    """One step after the other; qualities, biases and weights as they stand.

    Attributes:
        score: [n_items].
        bias: [n_raters]; 0 for who may have none.
        left: [r] ratings less quality and bias.
        weights: [n_raters] 1 / v^2, by the rules of the module.
        pooled: root mean square of ``left``.
    """

    def __init__(self, ratings: RatingTable, of_rater: Ints) -> None:
        self.ratings = ratings
        self.of_rater = of_rater
        self.system: RaterSystem | None = None
        self.centre = float(ratings.values.mean()) if ratings.values.size else 0.0
        self.values = ratings.values - self.centre
        self.counts = ratings.rater_counts
        self.score = ratings.item_means(self.values)
        self.unit = float(np.ptp(self.values)) if self.values.size else 0.0
        self.free = self.counts > 1
        self.bias = np.zeros(self.counts.size)
        self._alternate()
        self._weigh()

    def run(self) -> tuple[int, bool]:
        for step in range(1, MOST_ITERATIONS + 1):
            before = self.score
            self._quality()
            moved = np.abs(self.score - before)
            if step <= PATIENCE or not self._jump():
                self._alternate()
            self._weigh()
            if np.nanmax(moved, initial=0.0) <= TOLERANCE * self.unit:
                return step, True
        return MOST_ITERATIONS, False

    def _alternate(self) -> None:
        """Biases that fit the qualities best."""
        left = self.values - self.score[self.ratings.items]
        self.bias = np.where(self.free, self.ratings.rater_means(left), 0.0)

    def _jump(self) -> bool:
        """Biases, then qualities, that fit together best for the weights as they are; False where it can't be had."""
        if self.counts.size > MOST_RATERS:
            return False
        if self.system is None or not self.system.serves(self.weights):
            try:
                self.system = RaterSystem(self.ratings, self.weights, self.free, self.of_rater)
            except np.linalg.LinAlgError:
                return False
        left = self.values - self.score[self.ratings.items] - self.bias[self.ratings.raters]
        self.bias = self.bias + self.system.step(self.weights * self.ratings.per_rater(left))
        self._quality()
        return True

    def _weigh(self) -> None:
        """Inconsistencies from what qualities and biases leave."""
        of_item, of_rater = self.ratings.items, self.ratings.raters
        self.left = self.values - self.score[of_item] - self.bias[of_rater]
        squares = np.square(self.left)
        self.pooled = float(np.sqrt(squares.mean())) if squares.size else 0.0
        if self.pooled <= 1e-9 * self.unit:  # rounding
            self.pooled = 0.0
        self.own = np.sqrt(self.ratings.rater_means(squares))
        v = np.where(self.counts < LEAST_RATINGS, self.pooled, np.maximum(self.own, FLOOR * self.pooled))
        self.weights = 1.0 / np.square(v) if self.pooled > 0 else np.ones(v.size)

    def _quality(self) -> None:
        weights = self.weights[self.ratings.raters]
        top = self.ratings.per_item((self.values - self.bias[self.ratings.raters]) * weights)
        self.score = quotient(top, self.ratings.per_item(weights))

    @property
    def shown(self) -> Floats:
        """[n_raters] inconsistencies; NaN without ratings."""
        v = 1.0 / np.sqrt(self.weights) if self.pooled > 0 else np.zeros(self.counts.size)
        return np.where(self.counts > 0, v, np.nan)

    def warnings(self) -> list[str]:
        found = []
        rated = self.counts > 0
        single = int((self.counts == 1).sum())
        few = int((rated & (self.counts < LEAST_RATINGS)).sum())
        floored = int(((self.counts >= LEAST_RATINGS) & (self.own < FLOOR * self.pooled)).sum())
        if single:
            found.append(f"{counted(single, 'rater')} with a single rating: bias 0 is assumed")
        if few:
            found.append(
                f"{counted(few, 'rater')} with fewer than {LEAST_RATINGS} ratings: the pooled inconsistency is taken"
            )
        if floored:
            found.append(
                f"{counted(floored, 'rater')} fitted almost exactly: inconsistency held at {FLOOR:.0%} of the pooled"
            )
        if self.values.size and self.pooled == 0.0 and (self.counts > 1).any():
            found.append("quality and bias explain every rating exactly: there is no error to estimate")
        return found


def _anchored(
    bias: Floats, score: Floats, of_item: Ints, of_rater: Ints, groups: int
) -> tuple[Floats, Floats]:
    """Biases of mean 0 in each group, and qualities shifted against them."""
    rated = of_rater >= 0
    size = np.bincount(of_rater[rated], minlength=groups)
    shift = np.bincount(of_rater[rated], bias[rated], groups) / np.maximum(size, 1)
    anchored = np.where(rated, bias - shift[np.maximum(of_rater, 0)] if groups else bias, np.nan)
    moved = np.where(of_item >= 0, score + shift[np.maximum(of_item, 0)] if groups else score, np.nan)
    return anchored, moved
