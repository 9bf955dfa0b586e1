"""Bootstrap of many groups at once: overall, every task, every generator, every cell, under the same draws.

A *grouping* divides the images into groups (tasks; generators; task x generator). Prompts are drawn once a
resample, for all groups of all groupings, so that differences between groups are paired where they share prompts.
Each grouping is sorted once; a resample only walks over its rows (``kernels``): time and memory grow linearly.

A prompt is a cluster of all its images, whatever group they are in. A small group may miss all its prompts in a
resample: its replicate then is NaN, and a group that more than 5 % of the resamples leave undefined has no interval.
Intervals are those of ``resampling.percentile_interval``, with the number of prompts of the group itself.

All functions here take

* ``groupings``: name -> the group of each image; None for all images;
* ``prompts``: [n] the prompt of each image (text, id or numbers); None draws single images;
* ``rng``: the only source of chance;
* ``resamples``: at least 10;
* ``confidence``: of the intervals, 0 to 1, ends excluded;
* ``threads``: None for one a core; the result does not depend on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrangements import Entries, GroupedAreas, GroupedMeans, ascending_rows
from lmm4lmm.stats.arrays import Floats, Groups, Labels, as_groups, column, need_yes_no, pairs
from lmm4lmm.stats.grouped_draws import Grouped, grouped_replicates
from lmm4lmm.stats.rank_arrangements import grouped_ranks
from lmm4lmm.stats.resampling import (
    Chance,
    Interval,
    check_resampling,
    percentile_interval,
)

Grouping: TypeAlias = Labels | Groups | None
"""One label an image; or the same as numbers, which saves time; None: all images are one group."""


@dataclass(frozen=True)
class GroupValue:
    """One statistic of one group.

    Attributes:
        grouping: which grouping it belongs to.
        group: its label; None where the grouping is all images.
        n: images that count.
        n_prompts: their prompts.
        interval: the value with its interval; where something is None, the reason.
    """

    grouping: str
    group: Hashable
    n: int
    n_prompts: int
    interval: Interval


@dataclass(frozen=True)
class GroupValues:
    """A statistic of all groups.

    Attributes:
        values: one a group: groupings in the order given, groups in order of first appearance.
        replicates: [resamples, len(values)] under the same draws of prompts; NaN where undefined.
        n_dropped: images left out because a score is missing.
    """

    values: tuple[GroupValue, ...]
    replicates: Floats
    n_dropped: int

    def of(self, grouping: str) -> dict[Hashable, GroupValue]:
        """The groups of one grouping by their label."""
        return {value.group: value for value in self.values if value.grouping == grouping}


def grouped_srcc(
    predicted: ArrayLike,
    human: ArrayLike,
    groupings: Mapping[str, Grouping],
    prompts: Labels | Groups | None,
    *,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
    threads: int | None = None,
) -> GroupValues:
    """SRCC of every group with its interval from a bootstrap that draws whole prompts.

    What all functions here take is told in the docstring of the module.

    Args:
        predicted: [n] scores of a metric, any unit; NaN where it gave none.
        human: [n] scores by people, any unit; NaN where there is none.

    Returns:
        -1 to 1 for each group, ties at their mean rank; None with the reason for a group of fewer than three
        images or with a constant column.

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a label is None, nothing is left.
    """
    check_resampling(resamples, confidence)
    found = pairs(predicted, human)
    work = _Work(groupings, prompts, found.kept, confidence)
    ranks = grouped_ranks(found.x, found.y, work.prompts, tuple(work.groupings.values()))
    return work.values(ranks, grouped_replicates(ranks, work.n_drawn, rng, resamples, threads))


def grouped_auc(
    p_yes: ArrayLike,
    human: ArrayLike,
    groupings: Mapping[str, Grouping],
    prompts: Labels | Groups | None,
    *,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
    threads: int | None = None,
) -> GroupValues:
    """Area under the ROC curve of every group with its interval from a bootstrap that draws whole prompts.

    What all functions here take is told in the docstring of the module.

    Args:
        p_yes: [n] a metric's probability of yes, or any score that is higher for yes; NaN where it gave none.
        human: [n] 1 for yes, 0 for no; NaN where there is no answer.

    Returns:
        0 to 1 for each group, ties count one half; None with the reason where people give one answer only.

    Raises:
        StatisticsError: lengths differ, something is not a finite number, an answer that is neither 0 nor 1, a
            label is None, nothing is left.
    """
    check_resampling(resamples, confidence)
    found = pairs(p_yes, human)
    work = _Work(groupings, prompts, found.kept, confidence)
    need_yes_no(found.y)
    ascending = ascending_rows(found.x)
    areas = [GroupedAreas(found.x, found.y, work.prompts, g, ascending) for g in work.groupings.values()]
    return work.values(areas, grouped_replicates(areas, work.n_drawn, rng, resamples, threads))


def grouped_means(
    scores: Mapping[str, ArrayLike],
    groupings: Mapping[str, Grouping],
    prompts: Labels | Groups | None,
    *,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
    threads: int | None = None,
) -> dict[str, GroupValues]:
    """Mean scores of every group with their intervals; the draws are the same for all scores.

    What all functions here take is told in the docstring of the module.

    Args:
        scores: name -> [n] any unit; NaN where an image has none. At least one.

    Returns:
        For each score the means over the groups' images, in score units; None with the reason for a group
        without a score.

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a label is None, a score has no value.
    """
    check_resampling(resamples, confidence)
    columns = {name: column(values, name) for name, values in scores.items()}
    if len({values.size for values in columns.values()}) != 1:
        sizes = ", ".join(f"{name} {values.size}" for name, values in columns.items())
        raise StatisticsError(f"needs score columns of one length; these are {sizes or 'none'}")
    works: dict[str, _Work] = {}
    means: dict[str, list[GroupedMeans]] = {name: [] for name in columns}
    for alike in _alike(columns):
        kept = ~np.isnan(columns[alike[0]])
        work = _Work(groupings, prompts, kept, confidence, draw_all=True)
        works |= dict.fromkeys(alike, work)
        for grouping in work.groupings.values():
            entries = Entries(work.prompts, grouping)
            for name in alike:
                means[name].append(GroupedMeans(columns[name][kept], entries))
            entries.forget_rows()
    every = [one for of_score in means.values() for one in of_score]
    n_drawn = next(iter(works.values())).n_drawn
    drawn = grouped_replicates(every, n_drawn, rng, resamples, threads)
    ends = np.cumsum([sum(one.sizes.size for one in of_score) for of_score in means.values()])
    parts = np.split(drawn, ends[:-1], axis=1)
    return {name: works[name].values(means[name], part) for name, part in zip(works, parts, strict=True)}


def _alike(columns: Mapping[str, Floats]) -> list[list[str]]:
    """Names of scores that miss the same images together."""
    found: dict[bytes, list[str]] = {}
    for name, values in columns.items():
        found.setdefault(np.packbits(np.isnan(values)).tobytes(), []).append(name)
    return list(found.values())


class _Work:
    """The rows that count, their prompts and groups, and how values are told of them.

    Args:
        groupings: as given.
        prompts: as given.
        kept: [n] the rows that count.
        confidence: of the intervals.
        draw_all: draw from all prompts, those of rows that don't count too: then draws are the same for all scores.
    """

    def __init__(
        self,
        groupings: Mapping[str, Grouping],
        prompts: Labels | Groups | None,
        kept: NDArray[np.bool_],
        confidence: float,
        draw_all: bool = False,
    ) -> None:
        if not kept.any():
            raise StatisticsError(f"none of the {kept.size} images has a score")
        if not groupings:
            raise StatisticsError("needs at least one grouping; None is the one of all images")
        every = as_groups(prompts, kept.size, "prompts")
        rest = _kept(every, kept)
        silent = not draw_all and bool((np.bincount(rest.codes, minlength=len(rest)) == 0).any())
        self.prompts = every.of(kept) if silent else rest
        self.n_drawn = len(self.prompts)
        self.n_dropped = int(kept.size - kept.sum())
        self.confidence = confidence
        self.groupings = {}
        for name, labels in groupings.items():
            if labels is None:
                labels = Groups(np.zeros(kept.size, np.intp), (None,))
            self.groupings[name] = _kept(as_groups(labels, kept.size, name), kept)
        self.seen = [self._prompts_of(grouping) for grouping in self.groupings.values()]

    def values(self, statistics: Sequence[Grouped], drawn: Floats) -> GroupValues:
        """The statistics, one a grouping, with their intervals."""
        ones = np.ones((self.n_drawn, 1), np.uint8)
        rows, at = [], 0
        for (name, grouping), statistic, seen in zip(
            self.groupings.items(), statistics, self.seen, strict=True
        ):
            value = statistic(ones)[:, 0].tolist()
            for g, group in enumerate(grouping.names):
                interval = self._interval(value[g], drawn[:, at], int(seen[g]), statistic.reasons[g])
                rows.append(GroupValue(name, group, int(statistic.sizes[g]), int(seen[g]), interval))
                at += 1
        return GroupValues(tuple(rows), drawn, self.n_dropped)

    def _prompts_of(self, grouping: Groups) -> NDArray[np.intp]:
        """[g] how many prompts each group has."""
        cells = np.sort(grouping.codes * self.n_drawn + self.prompts.codes)
        first = np.concatenate(([True], cells[1:] != cells[:-1]))
        return np.bincount(cells[first] // self.n_drawn, minlength=len(grouping))

    def _interval(self, value: float, drawn: Floats, n_prompts: int, reason: str | None) -> Interval:
        if reason is not None:
            return Interval(None, None, None, reason)
        return percentile_interval(value, drawn, n_prompts, self.confidence)


def _kept(whole: Groups, kept: NDArray[np.bool_]) -> Groups:
    """The kept rows, numbered as before."""
    return whole if kept.all() else Groups(whole.codes[kept], whole.names)
