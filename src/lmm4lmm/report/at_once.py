"""What needs ranks, resampled for all groups of many images at once (``stats.grouped``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl
from numpy.typing import NDArray

from lmm4lmm.core.records import Dimension
from lmm4lmm.stats.compiled import MANY
from lmm4lmm.stats.grouped import GroupValues, grouped_auc, grouped_srcc
from lmm4lmm.stats.resampling import Draws, Interval

ALL = "all"
"""The grouping of which all images are the one group; its value is None."""
Group: TypeAlias = tuple[str, Any]
"""A grouping and one of its values."""


@dataclass(frozen=True)
class Known:
    """What was measured of a group; None where it was not."""

    srcc: Interval | None = None
    auc: Interval | None = None


def at_once(
    frame: pl.DataFrame,
    name: Dimension,
    groupings: Sequence[str],
    *,
    draws: Draws,
    resamples: int,
    answers: bool,
) -> dict[Group, Known]:
    """SRCC, and AUC of answers, of all groups of all groupings under the same draws of prompts.

    Args:
        frame: joined, with a value in every row of each grouping.
        name: the dimension.
        groupings: columns, and ``ALL``.
        draws: of prompts.
        resamples: how many.
        answers: whether the dimension is one of yes/no answers.

    Returns:
        Nothing for fewer than ``MANY`` images, where one group after the other is as quick.
    """
    if frame.height < MANY or not groupings:
        return {}
    labels: dict[str, NDArray[Any] | None] = {
        grouping: None if grouping == ALL else frame[grouping].to_numpy() for grouping in groupings
    }
    predicted, human = frame[name].to_numpy(), frame[f"{name}_human"].to_numpy()
    prompts = frame["cluster"].to_numpy()

    def resampled(statistic: Callable[..., GroupValues]) -> dict[Group, Interval]:
        values = statistic(predicted, human, labels, prompts, rng=draws, resamples=resamples).values
        return {(found.grouping, found.group): found.interval for found in values}

    srcc = resampled(grouped_srcc)
    auc = resampled(grouped_auc) if answers else {}
    return {group: Known(interval, auc.get(group)) for group, interval in srcc.items()}
