"""On what scale a table's numbers are, as far as that is known: no table says so of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.datasets.facts import Scale
from lmm4lmm.report.wording import DimensionWords, number

_OURS: Mapping[Dimension, tuple[float, float]] = {"perception": (0, 100), "correspondence": (0, 100)}
_FINGERPRINT = re.compile(r".+:[0-9a-f]{8}")
"""A metric that was run here: its name and a hash. What else a column ``metric`` holds may be on any scale."""

_SHORT = 10
"""A scale no longer than this needs two decimals."""


@dataclass(frozen=True)
class KnownScale:
    """What is known of the numbers of one dimension.

    Attributes:
        low, high: ends of the scale; None where they are not known.
        least, greatest: in the table.
    """

    low: float | None
    high: float | None
    least: float
    greatest: float

    @property
    def words(self) -> str:
        """For people: ends and direction, or what the table holds and how it is ranked."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}, higher is better"
        digits = 2 if self.greatest - self.least <= _SHORT else 0
        least, greatest = number(self.least, digits), number(self.greatest, digits)
        return f"scale not stated, {least} to {greatest} here; ranked with higher as better"


def known_scales(good: pl.DataFrame, stated: Mapping[Dimension, Scale]) -> dict[Dimension, KnownScale]:
    """The scale of every dimension that has a score.

    Known are those of a named data set; that of an answer, since nothing outside 0 to 1 is read as one; and 0 to 100
    for scores of metrics that were run here, as long as all lie within.

    Args:
        good: a completed scores table without the rows that carry an error.
        stated: of the data set that the table is.
    """
    return {
        name: _known(name, good, stated.get(name))
        for name in DIMENSIONS
        if good[name].null_count() < good.height
    }


def on_scale(words: DimensionWords, scale: KnownScale) -> DimensionWords:
    """The words of a dimension, as they hold for one table."""
    if scale.low is None or scale.high is None:
        short = scale.greatest - scale.least <= _SHORT
        return replace(words, scale=scale.words, limits=None, digits=2 if short else words.digits)
    digits = 2 if scale.high - scale.low <= _SHORT else words.digits
    return replace(words, scale=scale.words, limits=(scale.low, scale.high), digits=digits)


def _known(name: Dimension, good: pl.DataFrame, stated: Scale | None) -> KnownScale:
    values = good[name].drop_nulls().to_numpy()
    least, greatest = float(values.min()), float(values.max())
    ends: tuple[float | None, float | None] = (None, None)
    if stated is not None:
        ends = (stated.low, stated.high)
    elif name == "answer":
        ends = (0.0, 1.0)
    elif _run_here(good) and _OURS[name][0] <= least <= greatest <= _OURS[name][1]:
        ends = _OURS[name]
    return KnownScale(*ends, least, greatest)


def _run_here(good: pl.DataFrame) -> bool:
    names = good["metric"].unique().to_list()
    return all(name is not None and _FINGERPRINT.fullmatch(str(name)) for name in names)
