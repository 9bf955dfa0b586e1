"""Replicates of statistics of many groups: prompts are drawn in blocks, which threads work off.

All statistics see the same draws, whatever the number of threads and the size of the blocks.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import numpy as np

from lmm4lmm.stats.arrangements import Block, GroupedAreas, GroupedMeans
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.rank_arrangements import LANES, GroupedRanks
from lmm4lmm.stats.resampling import Chance, cluster_weights

Grouped: TypeAlias = GroupedRanks | GroupedMeans | GroupedAreas
MOST = np.iinfo(np.uint8).max
"""How often a prompt can be drawn; that any is drawn more often in n draws from n has a chance below 1e-500."""
DRAWN_AT_ONCE = 4
"""Resamples; divides ``LANES[0]``."""


def grouped_replicates(
    statistics: Sequence[Grouped],
    n_prompts: int,
    rng: Chance,
    resamples: int = 1000,
    threads: int | None = None,
) -> Floats:
    """[resamples, groups of all statistics] under the draws that ``resampling.cluster_weights`` makes.

    Args:
        statistics: what is computed in each resample.
        n_prompts: how many prompts are drawn from, at least 1.
        rng: the only source of chance.
        resamples: how many.
        threads: None for one a core.
    """

    def jobs() -> Iterator[tuple[Grouped, Block]]:
        for block in _blocks(n_prompts, resamples, rng):
            yield from ((statistic, block) for statistic in statistics)

    found = list(_mapped(jobs(), threads or _cores()))
    k = len(statistics)
    by_block = [np.concatenate(found[i : i + k]) for i in range(0, len(found), k)]
    return np.concatenate(by_block, axis=1).T


def _blocks(n_prompts: int, resamples: int, rng: Chance) -> Iterator[Block]:
    """All draws, ``LANES[0]`` resamples a block; drawn a few at a time, for a draw takes 24 bytes a prompt."""
    chunks = cluster_weights(n_prompts, resamples, rng, rows=DRAWN_AT_ONCE)
    for start in range(0, resamples, LANES[0]):
        block = np.empty((n_prompts, min(LANES[0], resamples - start)), np.uint8)
        for at in range(0, block.shape[1], DRAWN_AT_ONCE):
            block[:, at : at + DRAWN_AT_ONCE] = np.minimum(next(chunks).T, MOST)
        yield block


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mapped(jobs: Iterable[tuple[Grouped, Block]], threads: int) -> Iterator[Floats]:
    """The values of each statistic on its block, in order; few jobs wait at a time, for blocks may be large."""
    if threads == 1:
        yield from (statistic(block) for statistic, block in jobs)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Floats]] = deque()
        for statistic, block in jobs:
            waiting.append(pool.submit(statistic, block))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
