"""Raters as judges of one ranking: Kendall's W, split-half reliability, and each rater against the rest.

Ratings are a table of images by raters with gaps. These figures ask whether raters order images alike, however
severe each is. Where raters have gaps, means over other raters keep some of that severity as noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, table
from lmm4lmm.stats.correlation import midranks, plcc, srcc

SPLIT_MEASURES = {"srcc": srcc, "plcc": plcc}


@dataclass(frozen=True)
class Concordance:
    """Kendall's W.

    Attributes:
        w: corrected for ties, 0 (no agreement) to 1 (one ranking); None where it is undefined.
        w_uncorrected: as though there were no ties: ties alone keep it below 1.
        chi2: raters * (n - 1) * w, the test that raters rank at random.
        df: n - 1.
        p: of the test; rough below eight images.
        n: images that all raters rated.
        n_dropped: images with a gap.
        raters: how many.
        reason: why there is no value.
    """

    w: float | None
    w_uncorrected: float | None
    chi2: float | None
    df: int
    p: float | None
    n: int
    n_dropped: int
    raters: int
    reason: str | None = None


def kendall_w(ratings: ArrayLike) -> Concordance:
    """Kendall's coefficient of concordance, ties at their mean rank.

    A ranking needs every image: those with a gap are left out. A rater who gives one mark throughout ranks
    nothing; one such among m lowers W to (m - 1) / m of what the others have. Where all do, W is undefined.

    Args:
        ratings: [n, raters] any unit; NaN where a rater did not rate an image.

    Raises:
        StatisticsError: not a table of finite numbers.

    Source:
        Kendall and Babington Smith, Annals of Mathematical Statistics 10, 1939; Siegel and Castellan,
        Nonparametric Statistics, 2nd ed., 9.7 (ties).
    """
    whole = table(ratings, "ratings")
    rated = whole[~np.isnan(whole).any(axis=1)]
    n, m = rated.shape
    dropped = int(len(whole) - n)
    reason = None
    if m < 2:
        reason = f"needs at least 2 raters; there are {m}"
    elif n < 2:
        reason = f"needs at least 2 images that all raters rated; {n} of {len(whole)} are"
    elif (np.ptp(rated, axis=0) == 0).all():
        reason = "every rater gave one rating throughout: nothing is ranked"
    if reason is not None:
        return Concordance(None, None, None, max(n - 1, 0), None, n, dropped, m, reason)
    ranks = np.column_stack([midranks(column) for column in rated.T])
    spread = float(np.square(ranks.sum(axis=1) - m * (n + 1) / 2.0).sum())
    ties = sum(_cubes(column) for column in rated.T)
    whole_range = m * m * float(n**3 - n)
    w = min(12.0 * spread / (whole_range - m * ties), 1.0)
    from scipy.special import chdtrc  # takes 0.3 s to import

    chi2 = m * (n - 1) * w
    return Concordance(w, 12.0 * spread / whole_range, chi2, n - 1, float(chdtrc(n - 1, chi2)), n, dropped, m)


@dataclass(frozen=True)
class HalfReliability:
    """One correlation of two halves of the raters.

    Attributes:
        halves: mean over splits of the correlation of the halves' means, -1 to 1.
        reliability: mean over splits of 2 r / (1 + r) (Spearman-Brown): of the mean of all raters. A split with
            r below 0 counts as it is, for the formula explodes towards -1.
        sd: of ``reliability`` over the splits: how much the split matters, and no standard error.
        n_splits: splits where it is defined.
        reason: why there is no value.
    """

    halves: float | None
    reliability: float | None
    sd: float | None
    n_splits: int
    reason: str | None = None


@dataclass(frozen=True)
class SplitHalf:
    """Split-half reliability.

    Attributes:
        srcc: in ranks.
        plcc: in ratings.
        raters: how many were split.
        splits: how many were made.
        n_images: mean number of images that both halves rated.
    """

    srcc: HalfReliability
    plcc: HalfReliability
    raters: int
    splits: int
    n_images: float


def split_half(ratings: ArrayLike, *, rng: np.random.Generator, splits: int = 100) -> SplitHalf:
    """Raters are divided in two at random, again and again; do the halves' mean ratings agree?

    With an odd number of raters one half has one more. An image that one half did not rate is left out of that
    split. A rater who gives one mark throughout shifts the mean of a half and takes part like any other.

    Args:
        ratings: [n, raters] any unit; NaN where a rater did not rate an image.
        rng: the only source of chance.
        splits: at least 1.

    Raises:
        StatisticsError: not a table of finite numbers, or no splits.

    Source:
        Spearman, British Journal of Psychology 3, 1910; Brown, ibid.
    """
    whole = table(ratings, "ratings")
    if splits < 1:
        raise StatisticsError(f"needs at least one split; asked for {splits}")
    raters = whole.shape[1]
    if raters < 2:
        none = HalfReliability(None, None, None, 0, f"needs at least 2 raters; there are {raters}")
        return SplitHalf(none, none, raters, splits, 0.0)
    found: dict[str, list[float]] = {name: [] for name in SPLIT_MEASURES}
    failures, sizes = dict.fromkeys(SPLIT_MEASURES, ""), []
    for _ in range(splits):
        order = rng.permutation(raters)
        halves = [_means(whole[:, part]) for part in np.array_split(order, 2)]
        sizes.append(int((~np.isnan(halves[0] + halves[1])).sum()))
        for name, measure in SPLIT_MEASURES.items():
            try:
                found[name].append(measure(*halves))
            except StatisticsError as error:
                failures[name] = f"of two halves of the raters: {error}"
    measured = {name: _reliability(np.array(r), failures[name]) for name, r in found.items()}
    return SplitHalf(raters=raters, splits=splits, n_images=float(np.mean(sizes)), **measured)


@dataclass(frozen=True)
class RaterAgainstRest:
    """One rater and the mean of the others.

    Attributes:
        srcc: over the images that this rater and another one rated, -1 to 1; None where it is undefined.
        plcc: the same of the ratings.
        n: these images.
        reason: why there is no value.
    """

    srcc: float | None
    plcc: float | None
    n: int
    reason: str | None = None


@dataclass(frozen=True)
class AgainstRest:
    """Every rater against the mean of the others.

    Attributes:
        srcc: mean over the raters who have one; None where none has.
        srcc_se: SD over raters / sqrt(their number), of other raters for the same images; raters share the means
            that they are compared with, so it is rough. None with fewer than two raters.
        plcc: mean over the raters.
        plcc_se: as ``srcc_se``.
        raters: [raters] in the order of the columns.
    """

    srcc: float | None
    srcc_se: float | None
    plcc: float | None
    plcc_se: float | None
    raters: tuple[RaterAgainstRest, ...]

    @property
    def n(self) -> int:
        """Raters who have a value."""
        return sum(rater.srcc is not None for rater in self.raters)


def against_rest(ratings: ArrayLike) -> AgainstRest:
    """How well one rater agrees with the others: what a metric has to beat to be worth more than one person.

    Args:
        ratings: [n, raters] any unit; NaN where a rater did not rate an image.

    Returns:
        Means over raters. A rater who gives one mark throughout, or shares fewer than three images with others,
        has no value, and the reason; such raters are not in the means.

    Raises:
        StatisticsError: not a table of finite numbers.
    """
    whole = table(ratings, "ratings")
    known = ~np.isnan(whole)
    total, count = np.where(known, whole, 0.0).sum(axis=1), known.sum(axis=1)
    raters = []
    for one, seen in zip(whole.T, known.T, strict=True):
        used = seen & (count >= 2)
        mine, rest = one[used], (total[used] - one[used]) / (count[used] - 1)
        try:
            raters.append(RaterAgainstRest(srcc(mine, _clean(rest)), plcc(mine, rest), int(used.sum())))
        except StatisticsError as error:
            reason = str(error).replace("predicted", "this rater").replace("human", "the others' mean")
            raters.append(RaterAgainstRest(None, None, int(used.sum()), reason))
    return AgainstRest(
        *_mean_and_error([rater.srcc for rater in raters]),
        *_mean_and_error([rater.plcc for rater in raters]),
        tuple(raters),
    )


def _reliability(r: Floats, failure: str) -> HalfReliability:
    if not r.size:
        return HalfReliability(None, None, None, 0, failure)
    stepped = np.where(r > 0.0, 2.0 * r / (1.0 + np.maximum(r, 0.0)), r)
    sd = float(stepped.std(ddof=1)) if r.size > 1 else None
    return HalfReliability(float(r.mean()), float(stepped.mean()), sd, r.size)


def _means(part: Floats) -> Floats:
    """[n] means of the ratings there are; NaN where there is none."""
    known = ~np.isnan(part)
    with np.errstate(invalid="ignore"):
        return _clean(np.where(known, part, 0.0).sum(axis=1) / known.sum(axis=1))


def _clean(means: Floats) -> Floats:
    """Means that are equal but for rounding are ties."""
    return np.asarray(np.round(means, 12), dtype=np.float64)


def _mean_and_error(values: list[float | None]) -> tuple[float | None, float | None]:
    known = np.array([value for value in values if value is not None])
    if not known.size:
        return None, None
    error = float(known.std(ddof=1) / np.sqrt(known.size)) if known.size > 1 else None
    return float(known.mean()), error


def _cubes(column: Floats) -> float:
    """Sum of t^3 - t over the ties of a rater."""
    _, size = np.unique(column, return_counts=True)
    return float((size.astype(np.float64) ** 3 - size).sum())
