"""How long agreement and ranking take at the size of EvalMi-50K, and beyond.

Run: ``python benchmarks/stats_agreement.py [--prompts 2100] [--generators 24]``. Scores are drawn at random with
prompts and generators that differ, so nothing has to be downloaded.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from lmm4lmm.stats.baselines import no_pixel_baselines
from lmm4lmm.stats.evaluation import evaluate
from lmm4lmm.stats.leaderboard import leaderboard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=2100)
    parser.add_argument("--generators", type=int, default=24)
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    g, c = options.generators, options.prompts
    generators = [f"generator {i}" for i in range(g) for _ in range(c)]
    prompts = [f"prompt {i}" for _ in range(g) for i in range(c)]
    tasks = [f"task {i % 20}" for _ in range(g) for i in range(c)]
    human = (rng.normal(0, 8, g)[:, None] + rng.normal(0, 5, c) + rng.normal(0, 7, (g, c))).ravel()
    metric = human + rng.normal(0, 9, human.size)
    print(f"{human.size:,} images, {g} generators, {c:,} prompts, {options.resamples} resamples")
    _time(
        "evaluate, one dimension",
        lambda: evaluate(metric, human, prompts=prompts, rng=rng, resamples=options.resamples),
    )
    _time(
        "leaderboard, one dimension",
        lambda: leaderboard(human, generators, prompts, rng=rng, resamples=options.resamples),
    )
    _time(
        "no-pixel baselines",
        lambda: no_pixel_baselines(human, generators=generators, tasks=tasks, prompts=prompts, rng=rng),
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _time(what: str, work: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print(f"{what:28} {time.perf_counter() - wall:6.2f} s wall {time.process_time() - cpu:6.2f} s CPU")


if __name__ == "__main__":
    main()
