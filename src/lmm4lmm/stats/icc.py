"""Intraclass correlation (ICC): the share of the variance of ratings that is due to the images.

Six forms, after which variance counts as error and of what the reliability is:

=========  ==============  =====================================================================================
McGraw     Shrout
and Wong   and Fleiss      what it is
=========  ==============  =====================================================================================
ICC(1,1)   ICC(1,1)        one rating, each image rated by other people (one-way)
ICC(A,1)   ICC(2,1)        one rating, absolute agreement: a severe rater is in error (two-way)
ICC(C,1)   ICC(3,1)        one rating, consistency: how severe a rater is does not count (two-way)
ICC(1,k)   ICC(1,k)        the mean of k ratings, one-way
ICC(A,k)   ICC(2,k)        the mean of k ratings, absolute agreement
ICC(C,k)   ICC(3,k)        the mean of k ratings, consistency; equal to Cronbach's alpha
=========  ==============  =====================================================================================

A mean opinion score is a mean of k ratings. 1 is perfect; 0 and below (estimates may be negative) says that images
differ no more than raters do. The analysis of variance needs every image rated by every rater: images with a gap
are left out and counted. A rater who gives one mark throughout is a rater like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.stats.arrays import Floats, table
from lmm4lmm.stats.resampling import Interval, check_resampling

FORMS = {
    "ICC(1,1)": "ICC(1,1)",
    "ICC(A,1)": "ICC(2,1)",
    "ICC(C,1)": "ICC(3,1)",
    "ICC(1,k)": "ICC(1,k)",
    "ICC(A,k)": "ICC(2,k)",
    "ICC(C,k)": "ICC(3,k)",
}
"""Names after McGraw and Wong -> names after Shrout and Fleiss."""


@dataclass(frozen=True)
class Intraclass:
    """One form.

    Attributes:
        interval: the value, at most 1, with the interval by formula; where something is None, the reason.
        f: the statistic of the test that images do not differ (ICC = 0); None where raters don't differ at all.
        df: its degrees of freedom, of images and of error.
        p: one-sided, as such a test is; 0 to 1.
    """

    interval: Interval
    f: float | None
    df: tuple[int, int]
    p: float | None


@dataclass(frozen=True)
class IntraclassCorrelations:
    """All six forms.

    Attributes:
        forms: name after McGraw and Wong (``FORMS``) -> the form.
        n: images that all raters rated.
        n_dropped: images with a gap.
        raters: k.
        confidence: of the intervals.
    """

    forms: Mapping[str, Intraclass]
    n: int
    n_dropped: int
    raters: int
    confidence: float


def intraclass_correlations(ratings: ArrayLike, *, confidence: float = 0.95) -> IntraclassCorrelations:
    """The six forms with F tests and intervals. What the data can't support has no value, and the reason.

    Args:
        ratings: [n, raters] any unit; NaN where a rater did not rate an image.
        confidence: of the intervals, 0 to 1, ends excluded.

    Raises:
        StatisticsError: not a table of finite numbers.

    Source:
        Shrout and Fleiss, Psychological Bulletin 86, 1979; McGraw and Wong, Psychological Methods 1, 1996
        (tables 4, 7 and 8), with its correction of 1996.
    """
    check_resampling(10, confidence)
    whole = table(ratings, "ratings")
    rated = whole[~np.isnan(whole).any(axis=1)]
    n, k = rated.shape
    reason = _undefined(rated, len(whole))
    if reason is None:
        anova = _Anova(rated, confidence)
        forms = {**anova.one_way(), **anova.agreement(), **anova.consistency()}
    else:
        forms = dict.fromkeys(FORMS, Intraclass(Interval(None, None, None, reason), None, (0, 0), None))
    return IntraclassCorrelations(
        {name: forms[name] for name in FORMS}, n, int(len(whole) - n), k, confidence
    )


def _undefined(rated: Floats, n_images: int) -> str | None:
    n, k = rated.shape
    if k < 2:
        return f"needs at least 2 raters; there are {k}"
    if n < 2:
        return f"needs at least 2 images that all raters rated; {n} of {n_images} are"
    if np.ptp(rated) == 0:
        return f"all ratings are {rated[0, 0]:g}: nothing to agree about"
    return None


class _Anova:
    """Mean squares: between images, within images, between raters, and the residual."""

    def __init__(self, rated: Floats, confidence: float) -> None:
        self.n, self.k = rated.shape
        self.p = (1.0 + confidence) / 2.0
        rated = rated - rated.mean()
        of_image, of_rater = rated.mean(axis=1), rated.mean(axis=0)
        n, k = self.n, self.k
        self.images = k * float(np.square(of_image).sum()) / (n - 1)
        self.raters = n * float(np.square(of_rater).sum()) / (k - 1)
        within = float(np.square(rated - of_image[:, None]).sum())
        residual = float(np.square(rated - of_image[:, None] - of_rater).sum())
        # what is left of equal numbers after subtractions is no variance
        nothing = 1e-24 * float(np.square(rated).sum())
        self.within = within / (n * (k - 1)) if within > nothing else 0.0
        self.error = residual / ((n - 1) * (k - 1)) if residual > nothing else 0.0

    def one_way(self) -> dict[str, Intraclass]:
        return self._simple("1", self.within, self.n * (self.k - 1))

    def consistency(self) -> dict[str, Intraclass]:
        return self._simple("C", self.error, (self.n - 1) * (self.k - 1))

    def _simple(self, kind: str, error: float, freedom: int) -> dict[str, Intraclass]:
        """Where images are tested against the error that the form itself takes."""
        top, k = self.images - error, self.k
        single, mean = _ratio(top, self.images + (k - 1) * error), _ratio(top, self.images)
        if single is None or error == 0.0:
            return self._formed(kind, error, freedom, single, mean, None)
        f, df = self.images / error, self.n - 1
        low, high = f / _f(df, freedom, self.p), f * _f(freedom, df, self.p)
        ends = (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)
        return self._formed(kind, error, freedom, single, mean, ends)

    def agreement(self) -> dict[str, Intraclass]:
        n, k, images, raters, error = self.n, self.k, self.images, self.raters, self.error
        freedom = (n - 1) * (k - 1)
        single = _ratio(images - error, images + (k - 1) * error + k * (raters - error) / n)
        mean = _ratio(images - error, images + (raters - error) / n)
        if single is None or single >= 1.0 or (raters == 0.0 and error == 0.0):
            return self._formed("A", error, freedom, single, mean, None)
        # Satterthwaite's degrees of freedom of the sum of two variances
        a = k * single / (n * (1.0 - single))
        b = 1.0 + k * single * (n - 1) / (n * (1.0 - single))
        parts = (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / freedom
        v = (a * raters + b * error) ** 2 / parts if parts > 0.0 else np.nan
        other = k * raters + (k * n - k - n) * error
        up, down = _f(n - 1, v, self.p), _f(v, n - 1, self.p)
        ends = (
            n * (images - up * error) / (up * other + n * images),
            n * (down * images - error) / (other + n * down * images),
        )
        return self._formed("A", error, freedom, single, mean, ends)

    def _formed(
        self,
        kind: str,
        error: float,
        freedom: int,
        single: float | None,
        mean: float | None,
        ends: tuple[float, float] | None,
    ) -> dict[str, Intraclass]:
        """Both forms of a kind; the interval of the mean of k follows from the one of a single rating."""
        from scipy.special import fdtrc  # takes 0.3 s to import

        f = p = None
        df = (self.n - 1, freedom)
        if error > 0.0:
            f = self.images / error
            p = float(fdtrc(*df, f))
        of_mean = None if ends is None else tuple(_spearman_brown(end, self.k) for end in ends)
        return {
            f"ICC({kind},1)": Intraclass(_interval(single, ends), f, df, p),
            f"ICC({kind},k)": Intraclass(_interval(mean, of_mean), f, df, p),
        }


def _interval(value: float | None, ends: tuple[float, ...] | None) -> Interval:
    if value is None:
        return Interval(None, None, None, "images differ no more than by chance: undefined")
    if ends is None:
        return Interval(value, None, None, "raters don't differ: no interval by formula")
    if not np.isfinite(ends).all():
        return Interval(value, None, None, "images differ no more than by chance: no interval by formula")
    return Interval(value, float(ends[0]), float(ends[1]))


def _spearman_brown(single: float, k: int) -> float:
    bottom = 1.0 + (k - 1) * single
    return k * single / bottom if bottom > 1e-12 else np.nan


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0.0 else None


def _f(df1: float, df2: float, p: float) -> float:
    from scipy.special import fdtri  # takes 0.3 s to import

    return float(fdtri(df1, df2, p))
