"""Agreement of raters among themselves beyond chance: Krippendorff's alpha, Fleiss' and Randolph's kappa.

Beside this file: ``icc`` (how much of the variance is due to the images), ``panel`` (do raters order images alike:
Kendall's W, split halves, one against the rest) and ``ceiling`` (what that leaves to a metric).

Ratings are a table of images by raters with gaps. All three are ``1 - observed / expected`` disagreement: 1 is
perfect agreement, 0 what chance gives, below 0 worse than chance (down to about -1 / (raters - 1)). The kappas take
ratings as nominal and differ in what chance is; alpha also asks how far apart two ratings are:

==================  ===============================================================================================
nominal             equal or not
ordinal             ((ratings given between the two, each end counted half))^2: the squared difference of midranks
                    among all ratings; how often each mark is given stretches the scale
interval            (a - b)^2
ratio               ((a - b) / (a + b))^2, for ratings of zero and above; two zeros are equal
==================  ===============================================================================================

Only images with two ratings or more can show agreement; the others are left out and counted. A rater who gives
one mark throughout is a rater like any other and lowers the figures. Where all ratings are equal there is nothing
that chance could miss: no value, and the reason.

Intervals draw images anew and take the expanded percentiles of ``resampling``. Zapf, Castell,
Morawietz and Karch (BMC Medical Research Methodology 16:93, 2016) find that this covers as it says, where the
asymptotic interval of Fleiss' kappa does not. They speak of other images and the same raters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Groups, Ints, table
from lmm4lmm.stats.evaluation import intervals
from lmm4lmm.stats.resampling import Interval, Statistic, check_resampling

Level: TypeAlias = Literal["nominal", "ordinal", "interval", "ratio"]
"""What differences between ratings mean."""

MOST_VALUES = 5000
"""Different ratings that the ratio level can compare with each other: 200 MB."""


@dataclass(frozen=True)
class ChanceCorrected:
    """One coefficient.

    Attributes:
        interval: the value, at most 1, with its interval; where something is None, the reason.
        n: images with two ratings or more.
        n_dropped: images with fewer.
        n_ratings: of the n images.
        n_values: different ratings among them, the categories of the kappas.
    """

    interval: Interval
    n: int
    n_dropped: int
    n_ratings: int
    n_values: int


def krippendorff_alpha(
    ratings: ArrayLike,
    level: Level,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> ChanceCorrected:
    """Krippendorff's alpha. Any number of raters, gaps allowed; see the module.

    Args:
        ratings: [n, raters] any unit; NaN where a rater did not rate an image.
        level: what differences mean: marks from 1 to 5 are at least ordinal.
        rng: the only source of chance.
        resamples: of the images, at least 10.
        confidence: of the interval, 0 to 1, ends excluded.

    Raises:
        StatisticsError: not a table of finite numbers, an unknown level.

    Source:
        Krippendorff, Computing Krippendorff's alpha-reliability, 2011; Content Analysis, 4th ed., chapter 12.
    """
    if level not in get_args(Level):
        raise StatisticsError(f"no level {level!r}: known are {', '.join(get_args(Level))}")
    seen = _Seen(ratings)
    make = {"nominal": _nominal, "ordinal": _ordinal, "interval": _interval, "ratio": _ratio}[level]
    return seen.measured(lambda: make(seen), rng, resamples, confidence)


def fleiss_kappa(
    ratings: ArrayLike, *, rng: np.random.Generator, resamples: int = 1000, confidence: float = 0.95
) -> ChanceCorrected:
    """Fleiss' kappa: chance gives each mark as often as all raters together do.

    Args:
        ratings: [n, raters] categories as numbers, equal or not; NaN where a rater did not rate an image. With
            gaps each image counts alike, however many rated it.
        rng: the only source of chance.
        resamples: of the images, at least 10.
        confidence: of the interval, 0 to 1, ends excluded.

    Raises:
        StatisticsError: not a table of finite numbers.

    Source:
        Fleiss, Psychological Bulletin 76, 1971; for unequal numbers of raters Gwet, Handbook of Inter-Rater
        Reliability, 4th ed., chapter 2.
    """
    seen = _Seen(ratings)

    def make() -> Statistic:
        agreed, shares = _agreed(seen), seen.counts / seen.raters[:, None]

        def statistic(weights: Floats) -> Floats:
            n = weights.sum(axis=1)
            chance = np.square((weights @ shares) / n[:, None]).sum(axis=1)
            return _one_minus(1.0 - (weights @ agreed) / n, 1.0 - chance)

        return statistic

    return seen.measured(make, rng, resamples, confidence)


def randolph_kappa(
    ratings: ArrayLike,
    *,
    rng: np.random.Generator,
    values: int | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> ChanceCorrected:
    """Randolph's free-marginal kappa: chance gives each mark equally often.

    Args:
        ratings: [n, raters] categories as numbers; NaN where a rater did not rate an image.
        rng: the only source of chance.
        values: marks that raters could choose from; None counts those that were given.
        resamples: of the images, at least 10.
        confidence: of the interval, 0 to 1, ends excluded.

    Raises:
        StatisticsError: not a table of finite numbers, or more marks given than ``values``.

    Source:
        Randolph, Free-marginal multirater kappa, Joensuu Learning and Instruction Symposium, 2005.
    """
    seen = _Seen(ratings)
    if values is not None and values < seen.n_values:
        raise StatisticsError(f"raters gave {seen.n_values} different ratings, more than the {values} stated")
    choices = seen.n_values if values is None else values

    def make() -> Statistic:
        agreed = _agreed(seen)
        return lambda weights: _one_minus(
            1.0 - (weights @ agreed) / weights.sum(axis=1), np.full(len(weights), 1.0 - 1.0 / choices)
        )

    return seen.measured(make, rng, resamples, confidence)


class _Seen:
    """The images with two ratings or more.

    Attributes:
        known: [n, raters] whether there is a rating.
        codes: [n, raters] the number of the rating among ``values``; 0 where there is none.
        values: [v] the different ratings, ascending.
        raters: [n] ratings of each image.
        reason: why no coefficient can be had; None where one can.
    """

    def __init__(self, ratings: ArrayLike) -> None:
        whole = table(ratings, "ratings")
        enough = (~np.isnan(whole)).sum(axis=1) >= 2
        rated = whole[enough]
        self.n, self.n_dropped = len(rated), int(enough.size - enough.sum())
        self.known: NDArray[np.bool_] = ~np.isnan(rated)
        self.raters = self.known.sum(axis=1).astype(np.float64)
        self.values, codes = np.unique(rated[self.known], return_inverse=True)
        self.codes: Ints = np.zeros(rated.shape, np.intp)
        self.codes[self.known] = codes
        self.n_values = self.values.size
        self.reason: str | None = None
        if whole.shape[1] < 2:
            self.reason = f"needs at least 2 raters; there are {whole.shape[1]}"
        elif not self.n:
            self.reason = f"none of the {whole.shape[0]} images has two ratings"
        elif self.n_values == 1:
            self.reason = (
                f"all {int(self.raters.sum())} ratings are {self.values[0]:g}: nothing to agree about"
            )

    @property
    def counts(self) -> Floats:
        """[n, v] how often each image got each rating."""
        cells = (np.arange(self.n)[:, None] * self.n_values + self.codes)[self.known]
        counted = np.bincount(cells, minlength=self.n * self.n_values)
        return counted.reshape(self.n, self.n_values).astype(np.float64)

    def measured(
        self, make: Callable[[], Statistic], rng: np.random.Generator, resamples: int, confidence: float
    ) -> ChanceCorrected:
        check_resampling(resamples, confidence)
        images = Groups(np.arange(self.n), tuple(range(self.n)))
        found = intervals(
            {"coefficient": make},
            images,
            undefined=self.reason,
            rng=rng,
            resamples=resamples,
            confidence=confidence,
            unit="image",
        )
        n_ratings = int(self.raters.sum())
        return ChanceCorrected(found["coefficient"], self.n, self.n_dropped, n_ratings, self.n_values)


def _agreed(seen: _Seen) -> Floats:
    """[n] share of the pairs of an image's ratings that are equal."""
    counts, m = seen.counts, seen.raters
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (m * (m - 1)), dtype=np.float64)


def _nominal(seen: _Seen) -> Statistic:
    counts, m = seen.counts, seen.raters
    apart = (m * m - np.square(counts).sum(axis=1)) / (m - 1)

    def statistic(weights: Floats) -> Floats:
        n, marginal = weights @ m, weights @ counts
        return _alpha(weights @ apart, n * n - np.square(marginal).sum(axis=1), n)

    return statistic


def _interval(seen: _Seen) -> Statistic:
    # a shift changes no difference, and centred numbers keep their digits when squared
    m, values = seen.raters, seen.values - seen.values.mean()
    rated = np.where(seen.known, values[seen.codes], 0.0)
    sums = np.column_stack([m, rated.sum(axis=1), np.square(rated).sum(axis=1), _spread(rated, seen)])

    def statistic(weights: Floats) -> Floats:
        n, total, squares, apart = (weights @ sums).T
        return _alpha(apart, 2.0 * (n * squares - total * total), n)

    return statistic


def _ordinal(seen: _Seen) -> Statistic:
    """The interval level on midranks, which hang on how often each mark is given: anew in every resample."""
    m = seen.raters

    def one(weights: Floats) -> float:
        n = float(weights @ m)
        of_rating = np.broadcast_to(weights[:, None], seen.known.shape)[seen.known]
        marginal = np.bincount(seen.codes[seen.known], of_rating, seen.n_values)
        ranks = np.cumsum(marginal) - marginal / 2.0 - n / 2.0
        apart = float(weights @ _spread(np.where(seen.known, ranks[seen.codes], 0.0), seen))
        # midranks are centred at zero, so the sum of their squares is all that differences need
        expected = 2.0 * n * float(marginal @ np.square(ranks))
        return float(_alpha(np.array([apart]), np.array([expected]), np.array([n]))[0])

    return lambda weights: np.array([one(row) for row in weights])


def _ratio(seen: _Seen) -> Statistic:
    if seen.values[0] < 0:
        raise StatisticsError(f"the ratio level needs ratings of 0 and above; one is {seen.values[0]:g}")
    if seen.n_values > MOST_VALUES:
        raise StatisticsError(
            f"the ratio level compares at most {MOST_VALUES:,} different ratings; these are {seen.n_values:,}"
        )
    m, counts = seen.raters, seen.counts
    total = seen.values[:, None] + seen.values
    away = np.abs(seen.values[:, None] - seen.values)
    distance = np.square(np.divide(away, total, out=np.zeros_like(total), where=total > 0))
    apart = np.einsum("nv,nv->n", counts @ distance, counts) / (m - 1)

    def statistic(weights: Floats) -> Floats:
        marginal = weights @ counts
        expected = np.einsum("rv,rv->r", marginal @ distance, marginal)
        return _alpha(weights @ apart, expected, weights @ m)

    return statistic


def _spread(rated: Floats, seen: _Seen) -> Floats:
    """[n] squared differences of all ordered pairs of an image's ratings, over its raters less one."""
    mean = rated.sum(axis=1) / seen.raters
    away = np.where(seen.known, rated - mean[:, None], 0.0)
    return np.asarray(2.0 * seen.raters * np.square(away).sum(axis=1) / (seen.raters - 1.0), dtype=np.float64)


def _alpha(apart: Floats, expected: Floats, n: Floats) -> Floats:
    """1 - observed / expected from sums over ordered pairs: within images, and of all n ratings."""
    return _one_minus(apart * (n - 1.0), expected)


def _one_minus(observed: Floats, expected: Floats) -> Floats:
    """NaN in a resample that holds one value only."""
    defined = expected > 1e-12
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(defined, 1.0 - observed / expected, np.nan), dtype=np.float64)
