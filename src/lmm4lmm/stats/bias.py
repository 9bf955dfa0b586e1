"""Bias of raters after Recommendation ITU-T P.913, and z-scores: ratings freed of how each rater uses the scale."""

from __future__ import annotations

import numpy as np

from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.rating_table import RatingTable, quotient


def rater_bias(ratings: RatingTable) -> Floats:
    """[n_raters] mean distance of a rater's ratings from the items' means; NaN without ratings.

    In a design where raters saw different items the items' means hold their raters' bias, and this is too small;
    ``likelihood`` solves for both.

    Source: Recommendation ITU-T P.913 (2021), 12.4.
    """
    return ratings.rater_means(ratings.values - ratings.item_means(ratings.values)[ratings.items])


def rater_inconsistency(ratings: RatingTable, bias: Floats) -> Floats:
    """[n_raters] SD (ddof 0) of ratings less their items' means and the rater's bias.

    NaN for who gave fewer than two: a bias takes up a single rating wholly, and leaves nothing to be inconsistent in.
    """
    left = ratings.values - ratings.item_means(ratings.values)[ratings.items] - bias[ratings.raters]
    spread = np.sqrt(ratings.rater_means(np.square(left)))
    return np.where(ratings.rater_counts >= 2, spread, np.nan)


def rater_scale(ratings: RatingTable) -> tuple[Floats, Floats]:
    """[n_raters] mean and SD (ddof 1) of each rater's ratings; NaN where there are too few."""
    mean = ratings.rater_means(ratings.values)
    away = ratings.values - mean[ratings.raters]
    away[np.abs(away) <= 1e-12 * np.abs(ratings.values).max(initial=0.0)] = 0.0
    return mean, np.sqrt(quotient(ratings.per_rater(np.square(away)), ratings.rater_counts - 1))


def z_scores(ratings: RatingTable) -> tuple[Floats, dict[int, str]]:
    """Ratings in units of their rater's SD (ddof 1) from the rater's mean.

    Returns:
        [r] z-scores, 0 for raters who have none; and these raters, with the reason: one mark throughout or a single
        rating says nothing of items, and there is no SD to divide by.
    """
    mean, sd = rater_scale(ratings)
    gone = {
        int(j): "gave a single rating: no z-score"
        if ratings.rater_counts[j] == 1
        else f"gave {mean[j]:g} throughout: no z-score"
        for j in np.flatnonzero((ratings.rater_counts > 0) & ~(sd > 0))
    }
    safe = np.where(sd > 0, sd, 1.0)
    z = np.where(
        (sd > 0)[ratings.raters], (ratings.values - mean[ratings.raters]) / safe[ratings.raters], 0.0
    )
    return z, gone
