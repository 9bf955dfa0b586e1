"""The one-way intraclass correlation where images have different numbers of ratings, as in a sparse design."""

from __future__ import annotations

import numpy as np

from lmm4lmm.stats.icc import Intraclass
from lmm4lmm.stats.rating_table import RatingTable
from lmm4lmm.stats.resampling import Interval


def one_way(ratings: RatingTable, *, confidence: float = 0.95) -> tuple[Intraclass, Intraclass, float]:
    """ICC(1,1) and ICC(1,k) from all images with two ratings or more; how severe a rater is counts as error.

    Args:
        ratings: any design.
        confidence: of the intervals, 0 to 1, ends excluded.

    Returns:
        The one of a single rating; the one of a mean of k; and k, the effective number of ratings an image,
        ``(N - sum(n_i^2) / N) / (images - 1)``. With equal numbers these are the forms of ``icc``. Intervals are by F
        with k in the place of the common number: approximate. What can't be had is None, and the reason.

    Source:
        Donner, International Statistical Review 54, 1986.
    """
    n_i = ratings.item_counts
    used = ratings.only((n_i >= 2)[ratings.items])
    counts = n_i[n_i >= 2]
    images, total = counts.size, float(counts.sum())
    if images < 2:
        return _none(f"needs at least 2 images with two ratings; there are {images}")
    means = used.item_means(used.values)
    middle = float(used.values.mean())
    between = float((counts * np.square(means[n_i >= 2] - middle)).sum()) / (images - 1)
    within = float(np.square(used.values - means[used.items]).sum()) / (total - images)
    k = (total - float(np.square(counts).sum()) / total) / (images - 1)
    if between <= 1e-24 * middle * middle:
        return _none("images do not differ: nothing to agree about")
    if within <= 1e-24 * between:
        exact = Interval(1.0, None, None, "raters don't differ: no interval by formula")
        df = (images - 1, int(total) - images)
        return Intraclass(exact, None, df, None), Intraclass(exact, None, df, None), k
    return _with_intervals(between, within, k, (images - 1, int(total) - images), confidence)


def _with_intervals(
    between: float, within: float, k: float, df: tuple[int, int], confidence: float
) -> tuple[Intraclass, Intraclass, float]:
    from scipy.special import fdtrc, fdtri  # takes 0.3 s to import

    f, p = between / within, (1.0 + confidence) / 2.0
    low, high = f / float(fdtri(*df, p)), f * float(fdtri(df[1], df[0], p))
    chance = float(fdtrc(*df, f))
    single = Interval((f - 1) / (f + k - 1), (low - 1) / (low + k - 1), (high - 1) / (high + k - 1))
    mean = Interval(1 - 1 / f, 1 - 1 / low, 1 - 1 / high)
    return Intraclass(single, f, df, chance), Intraclass(mean, f, df, chance), k


def _none(reason: str) -> tuple[Intraclass, Intraclass, float]:
    nothing = Intraclass(Interval(None, None, None, reason), None, (0, 0), None)
    return nothing, nothing, 0.0
