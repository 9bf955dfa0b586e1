"""One score from several: the rule behind the combined rank.

*Rule.* Each dimension is put on a common yardstick: its generators' means get mean 0 and standard deviation 1 (over
generators, each counting once, divided by their number). An image's combined score is the plain mean of its
dimensions on that yardstick; a generator's combined score is the mean over its images, which equals the mean of its
z-scores. So a lead of one standard deviation among generators counts the same in every dimension.

*Why not mean ranks?* Ranks forget by how much one leads, and a third generator between two changes how far apart
they stand. *Why not the raw mean?* Then the dimension whose means happen to spread most decides alone: 0 to 1 beside
0 to 100 would count for nothing. *Why is the yardstick not resampled?* It is a convention, the same for all
generators: with fixed weights a combined score is a score of images like any other, so intervals, paired tests and
rank intervals hold as they do for a dimension. The price: the yardstick, and with it the combined score, belongs to
the generators that are ranked together. Add one, and the weights move a little; it is printed beside the ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Labels, column, groups

RULE = "mean over dimensions of the generators' z-scores: (mean - mean of the generators) / their standard deviation"
LEAST_GENERATORS = 3
"""Of two generators one always has the z-score 1 and the other -1, however little they differ."""
NO_SPREAD = 1e-9
"""Generators' means that spread less than this share of the scores themselves are equal but for rounding."""


@dataclass(frozen=True)
class Yardstick:
    """How one dimension is weighed.

    Attributes:
        mean: of the generators' means, in score units.
        sd: their standard deviation, in score units; 0 where they don't differ, and the dimension then adds nothing.
    """

    mean: float
    sd: float


@dataclass(frozen=True)
class Combined:
    """Combined scores of images.

    Attributes:
        values: [n] in standard deviations of generators; NaN where an image lacks one of the scores.
        yardsticks: dimension -> how it was weighed.
        n_incomplete: images that have a score, but not all.
    """

    values: Floats
    yardsticks: Mapping[str, Yardstick]
    n_incomplete: int


def combined(scores: Mapping[str, ArrayLike], generators: Labels) -> Combined:
    """The combined score of each image; see the module for the rule. Higher must be better in every dimension.

    Args:
        scores: dimension -> [n] any unit; NaN where an image has none. At least two.
        generators: [n] who made the image.

    Raises:
        StatisticsError: fewer than two dimensions, no image with all of them, fewer than three generators
            among those, lengths that differ, a label that is None.
    """
    columns = {name: column(values, name) for name, values in scores.items()}
    if len(columns) < 2:
        raise StatisticsError("a combined score needs at least two dimensions")
    table = np.column_stack(list(columns.values()))
    missing = np.isnan(table)
    complete: NDArray[np.bool_] = np.asarray(~missing.any(axis=1))
    if not complete.any():
        raise StatisticsError(f"no image has all of {', '.join(columns)}")
    makers = groups(generators, complete.size, "generators").of(complete)
    if len(makers) < LEAST_GENERATORS:
        raise StatisticsError(
            f"z-scores need at least {LEAST_GENERATORS} generators; there are {len(makers)}"
        )
    parts, yardsticks = np.zeros(complete.size), {}
    for name, values in columns.items():
        kept = values[complete]
        means = np.bincount(makers.codes, kept, len(makers)) / np.bincount(makers.codes)
        mean, sd = float(means.mean()), float(means.std())
        sd = sd if sd > NO_SPREAD * float(np.abs(kept).max()) else 0.0
        yardsticks[name] = Yardstick(mean, sd)
        if sd:
            parts[complete] += (kept - mean) / (sd * len(columns))
    parts[~complete] = np.nan
    some = ~missing.all(axis=1)
    return Combined(parts, yardsticks, int((some & ~complete).sum()))
