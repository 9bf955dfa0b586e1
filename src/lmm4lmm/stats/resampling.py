"""Bootstrap over prompts: images of one prompt are alike, so whole prompts are drawn, never single images.

A *statistic* here is a function from prompt weights to values: given ``[r, c]`` weights (how often each of
c prompts was drawn in each of r resamples) it returns ``[r]`` values, NaN where the resample does not define
it. ``replicates`` holds those of this project. Several statistics of one ``bootstrap`` call see the same
draws, so their differences are paired.

The interval is the *expanded* percentile interval (Hesterberg, The American Statistician 69, 2015): the plain
percentile interval of a mean is too short by sqrt((c - 1) / c) and by normal instead of t quantiles. For 50
prompts that is 3.6 %, for 2,000 prompts nothing. With fewer than ten prompts even this covers less than it
says (91 % instead of 95 % of normal means with six), and the interval says that it is rough.
``bca_interval`` is there for skewed statistics; it costs c more evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats

Statistic: TypeAlias = Callable[[Floats], Floats]

CHUNK = 2_000_000
"""Weights held at a time: 16 MB."""
KEPT = 2 * CHUNK
"""``Draws`` keeps no more weights than this of one number of clusters (4 MB, the latest 32 MB more) ..."""
KEPT_SIZES = 4
"""... and of no more numbers of clusters than this."""
MOST_UNDEFINED = 0.05
"""Without an interval if more than this share of the resamples does not define the statistic."""
FEW_PROMPTS = 10
"""Below this many prompts an interval comes with a warning."""


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval.

    Attributes:
        value: the statistic on the data; None where it is undefined.
        low: lower end; None where no interval can be given.
        high: upper end; None where no interval can be given.
        reason: why something is None, or why to trust the interval less; None when all is well.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None


class Draws:
    """A seed in place of a generator: every bootstrap starts from it anew.

    Bootstraps of as many clusters then see the same draws, which are made once and kept while others may ask for
    them. The values are those of ``np.random.default_rng(seed)`` for each bootstrap.

    Args:
        seed: 0 or more.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._kept: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._latest: tuple[tuple[int, int], Floats] | None = None

    def weights(self, n_clusters: int, resamples: int, rows: int) -> Iterator[Floats]:
        """As ``cluster_weights``."""
        size = n_clusters, resamples
        if size in self._kept:
            if self._latest is None or self._latest[0] != size:
                whole = self._kept[size].astype(np.float64)
                whole.setflags(write=False)
                self._latest = size, whole
            whole = self._latest[1]
            yield from (whole[at : at + rows] for at in range(0, resamples, rows))
            return
        keep = n_clusters * resamples <= KEPT
        # no cluster is drawn 256 times: the chance of it is below 1e-500
        made = np.empty((resamples, n_clusters) if keep else (0, 0), np.uint8)
        at = 0
        for chunk in cluster_weights(n_clusters, resamples, np.random.default_rng(self.seed), rows):
            if keep:
                made[at : at + len(chunk)] = chunk
                at += len(chunk)
            yield chunk
        if keep:
            while len(self._kept) >= KEPT_SIZES:
                del self._kept[next(iter(self._kept))]
            self._kept[size] = made


Chance: TypeAlias = np.random.Generator | Draws
"""Where random numbers come from."""


def generator(rng: Chance) -> np.random.Generator:
    """For what draws in other ways than ``cluster_weights``: the generator itself, or one at the seed."""
    return np.random.default_rng(rng.seed) if isinstance(rng, Draws) else rng


def cluster_weights(
    n_clusters: int, resamples: int, rng: Chance, rows: int | None = None
) -> Iterator[Floats]:
    """Chunks ``[r, n_clusters]`` of weights: how often each cluster is drawn in ``n_clusters`` draws.

    Args:
        n_clusters: at least 1.
        resamples: how many rows in all.
        rng: the draws depend on nothing else.
        rows: of a chunk; None for about ``CHUNK`` weights. The draws are the same whatever it is.
    """
    rows = rows or max(1, CHUNK // n_clusters)
    if isinstance(rng, Draws):
        yield from rng.weights(n_clusters, resamples, rows)
        return
    for start in range(0, resamples, rows):
        r = min(rows, resamples - start)
        drawn = rng.integers(0, n_clusters, size=(r, n_clusters))
        drawn += np.arange(r)[:, None] * n_clusters
        counts = np.bincount(drawn.ravel(), minlength=r * n_clusters)
        yield counts.reshape(r, n_clusters).astype(np.float64)


def bootstrap(
    statistics: Mapping[str, Statistic], n_clusters: int, *, rng: Chance, resamples: int = 1000
) -> dict[str, Floats]:
    """Replicates of several statistics under the same draws of clusters.

    Returns:
        For each statistic ``[resamples]`` values, NaN where a resample does not define it.
    """
    check_resampling(resamples, 0.95)
    parts: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in cluster_weights(n_clusters, resamples, rng):
        for name, statistic in statistics.items():
            parts[name].append(statistic(weights))
    return {name: np.concatenate(found) for name, found in parts.items()}


def jackknife(statistic: Statistic, n_clusters: int) -> Floats:
    """[n_clusters] the statistic without each cluster in turn."""
    rows = max(1, CHUNK // n_clusters)
    parts = []
    for start in range(0, n_clusters, rows):
        left_out = np.arange(start, min(start + rows, n_clusters))
        weights = np.ones((left_out.size, n_clusters))
        weights[np.arange(left_out.size), left_out] = 0.0
        parts.append(statistic(weights))
    return np.concatenate(parts)


def percentile_interval(
    value: float, replicates: Floats, n_clusters: int, confidence: float = 0.95, *, unit: str = "prompt"
) -> Interval:
    """The expanded percentile interval (see the module).

    Args:
        value: the statistic on the data.
        replicates: [r] its bootstrap replicates.
        n_clusters: how many clusters were resampled.
        confidence: coverage wanted, 0 to 1, ends excluded.
        unit: what a cluster is, for the reasons.
    """
    missing = _no_interval(value, replicates, n_clusters, unit)
    if missing is not None:
        return missing
    from scipy.special import ndtr, stdtrit  # takes 0.3 s to import

    wide = np.sqrt(n_clusters / (n_clusters - 1)) * stdtrit(n_clusters - 1, (1 + confidence) / 2)
    return _interval(value, replicates, float(ndtr(-wide)), float(ndtr(wide)), n_clusters, unit)


def bca_interval(
    value: float, replicates: Floats, left_out: Floats, n_clusters: int, confidence: float = 0.95
) -> Interval:
    """The bias-corrected and accelerated interval (Efron, JASA 82, 1987).

    Args:
        value: the statistic on the data.
        replicates: [r] its bootstrap replicates.
        left_out: [n_clusters] its jackknife values.
        n_clusters: how many clusters were resampled.
        confidence: coverage wanted, 0 to 1, ends excluded.
    """
    missing = _no_interval(value, replicates, n_clusters)
    if missing is not None:
        return missing
    from scipy.special import ndtr, ndtri  # takes 0.3 s to import

    known = replicates[~np.isnan(replicates)]
    below = float((known < value).mean() + (known == value).mean() / 2)
    pull = np.nanmean(left_out) - left_out
    spread = float(np.nansum(pull**2)) ** 1.5
    if not 0.0 < below < 1.0 or spread == 0.0:
        return Interval(value, None, None, "all resamples lie on one side of the value")
    bias, acceleration = float(ndtri(below)), float(np.nansum(pull**3)) / (6.0 * spread)
    at = bias + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = ndtr(bias + at / (1.0 - acceleration * at))
    return _interval(value, replicates, float(low), float(high), n_clusters)


def check_resampling(resamples: int, confidence: float) -> None:
    """Refuses a number of resamples or a confidence that makes no sense.

    Raises:
        StatisticsError: fewer than 10 resamples, or a confidence outside 0 .. 1.
    """
    if resamples < 10:
        raise StatisticsError(f"resamples must be at least 10, better 1000; it is {resamples}")
    if not 0.0 < confidence < 1.0:
        raise StatisticsError(f"confidence must lie between 0 and 1, say 0.95; it is {confidence}")


def _no_interval(value: float, replicates: Floats, n_clusters: int, unit: str = "prompt") -> Interval | None:
    if n_clusters < 2:
        return Interval(value, None, None, f"one {unit} only: no interval can be given")
    undefined = float(np.isnan(replicates).mean())
    if undefined > MOST_UNDEFINED:
        return Interval(value, None, None, f"undefined in {undefined:.0%} of the resamples: too few {unit}s")
    return None


def _interval(
    value: float, replicates: Floats, low: float, high: float, n_clusters: int, unit: str = "prompt"
) -> Interval:
    ends = np.nanquantile(replicates, [low, high])
    few = f"only {n_clusters} {unit}s: the interval is rough" if n_clusters < FEW_PROMPTS else None
    return Interval(value, float(ends[0]), float(ends[1]), few)
