"""The bootstrap of many groups: 1,000 resamples of SRCC and of means over the 525 groups of EvalMi-50K.

Groups: overall, 20 tasks, 24 generators, 480 cells (task x generator); prompts are drawn, the same for all groups.
Beside it, in the same run, the plain way: pandas takes the rows of the drawn prompts and asks ``groupby`` and
``corr(method="spearman")``; a few resamples are timed and multiplied.

Run: ``python benchmarks/stats.py [--data DIR_OF_EVALMI50K] [--rows 50400,504000,5040000] [--no-pandas]``. Without
``--data`` rows of the same shape are made up. pandas is no dependency of ours: install it (or name a folder that has
it in PYTHONPATH), or leave it out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmm4lmm.stats.arrays import Groups, crossed, groups
from lmm4lmm.stats.grouped import grouped_means, grouped_srcc
from lmm4lmm.stats.resampling import cluster_weights

SEED = 20250408
GENERATORS, TASKS = 24, 20


@dataclass(frozen=True)
class Rows:
    """Two human scores and a pretended metric, with prompts and three labels, all as numbers."""

    metric: np.ndarray
    perception: np.ndarray
    correspondence: np.ndarray
    prompts: Groups
    task: Groups
    generator: Groups

    @property
    def groupings(self) -> dict[str, Groups | None]:
        cells = crossed(self.task, self.generator)
        return {"overall": None, "task": self.task, "generator": self.generator, "cell": cells}


def main() -> None:
    options = _options()
    print(_machine())
    if options.child:
        _growth_of(options.child, options.resamples)
        return
    rows = read(options.data) if options.data else make(2100)
    whose = "EvalMi-50K" if options.data else "made up"
    n_groups = sum(1 if g is None else len(g) for g in rows.groupings.values())
    print(
        f"{rows.metric.size:,} rows ({whose}), {len(rows.prompts):,} prompts, {n_groups} groups, "
        f"{options.resamples:,} resamples; medians of {options.repeats}, least and most in brackets"
    )
    started = time.perf_counter()
    srcc(rows, options.resamples)
    means(rows, options.resamples)
    print(f"first run, which compiles or loads what was compiled: {time.perf_counter() - started:.2f} s")
    both = timed("SRCC with intervals", lambda: srcc(rows, options.resamples), options.repeats)
    timed("means of 2 scores with intervals", lambda: means(rows, options.resamples), options.repeats)
    timed("  drawing and counting alone", lambda: draw(rows, options.resamples), options.repeats)
    _compile_time()
    if not options.no_pandas:
        beside_pandas(rows, options.resamples, both)
    for n in options.rows:
        words = [sys.executable, __file__, "--child", str(n), "--resamples", str(options.resamples)]
        print(
            subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n", 1)[1], end=""
        )


def srcc(rows: Rows, resamples: int) -> Any:
    """What the user calls: values, replicates and intervals of all groups."""
    rng = np.random.default_rng(SEED)
    return grouped_srcc(
        rows.metric, rows.perception, rows.groupings, rows.prompts, rng=rng, resamples=resamples
    )


def means(rows: Rows, resamples: int) -> Any:
    """Two scores, all groups."""
    scores = {"perception": rows.perception, "correspondence": rows.correspondence}
    rng = np.random.default_rng(SEED)
    return grouped_means(scores, rows.groupings, rows.prompts, rng=rng, resamples=resamples)


def draw(rows: Rows, resamples: int) -> None:
    """The floor."""
    for _ in cluster_weights(len(rows.prompts), resamples, np.random.default_rng(SEED), rows=32):
        pass


def beside_pandas(rows: Rows, resamples: int, ours: float, measured: int = 3) -> None:
    """The plain way on the first few draws; its values must be ours."""
    if importlib.util.find_spec("pandas") is None:
        print("pandas is not installed: no plain way beside it")
        return
    import pandas as pd

    frame = pd.DataFrame(
        {
            "metric": rows.metric,
            "human": rows.perception,
            "prompt": rows.prompts.codes,
            "task": rows.task.codes,
            "generator": rows.generator.codes,
        }
    )
    found = srcc(rows, 10).replicates
    of_prompt = dict(frame.groupby("prompt").indices)
    weights = next(iter(cluster_weights(len(rows.prompts), 10, np.random.default_rng(SEED))))
    times, greatest = [], 0.0
    for r in range(measured):
        started = time.perf_counter()
        drawn = np.repeat(np.arange(len(rows.prompts)), weights[r].astype(int))
        sample = frame.iloc[np.concatenate([of_prompt[p] for p in drawn])]
        parts = [pd.Series([sample["metric"].corr(sample["human"], method="spearman")])]
        for keys in (["task"], ["generator"], ["task", "generator"]):
            by = sample.groupby(keys)[["metric", "human"]]
            parts.append(by.apply(lambda part: part["metric"].corr(part["human"], method="spearman")))
        times.append(time.perf_counter() - started)
        plain = np.concatenate([np.asarray(part, dtype=float) for part in parts])
        greatest = max(greatest, _difference(rows, plain, found[r]))
    plain_time = statistics.median(times) * resamples
    print(
        f"plain pandas {pd.__version__}: {statistics.median(times):.3f} s a resample, {plain_time:,.0f} s for "
        f"{resamples:,}: {plain_time / ours:,.0f} x ours; greatest difference of a value {greatest:.1e}"
    )


def _difference(rows: Rows, plain: np.ndarray, ours: np.ndarray) -> float:
    """pandas sorts groups by their number; ours stand in order of first appearance."""
    t, g = len(rows.task), len(rows.generator)
    cells = rows.groupings["cell"]
    index_t = {name: i for i, name in enumerate(rows.task.names)}
    index_g = {name: i for i, name in enumerate(rows.generator.names)}
    order = [index_t[a] * g + index_g[b] for a, b in cells.names]
    return float(np.abs(np.concatenate([plain[: 1 + t + g], plain[1 + t + g :][order]]) - ours).max())


def timed(what: str, work: Callable[[], object], repeats: int) -> float:
    """Median wall time; prints processor time too, which other programs on the machine change less."""
    wall, processor = [], []
    for _ in range(repeats):
        w, p = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - w)
        processor.append(time.process_time() - p)
    spread = f"({min(wall):.3f} to {max(wall):.3f})"
    print(
        f"{what:36} {statistics.median(wall):7.3f} s {spread}  processor {statistics.median(processor):.3f} s"
    )
    return statistics.median(wall)


def _growth_of(n: int, resamples: int) -> None:
    """One size, in a process of its own, for its peak memory."""
    small = make(50)
    srcc(small, 10)
    means(small, 10)
    before = _peak()
    rows = make(n // GENERATORS)
    data = _peak()
    wall, peak = [], []
    for work in (means, srcc):
        started = time.perf_counter()
        work(rows, resamples)
        wall.insert(0, time.perf_counter() - started)
        peak.insert(0, _peak())
    print(
        f"{rows.metric.size:>9,} rows  SRCC {wall[0]:7.2f} s {wall[0] / rows.metric.size * 1e6:6.2f} us a row   "
        f"means {wall[1]:6.2f} s {wall[1] / rows.metric.size * 1e6:5.2f} us a row   "
        f"peak {peak[0]:,.0f} MB, of means alone {peak[1]:,.0f} (imports {before:,.0f}, with the rows {data:,.0f})"
    )


def _compile_time() -> None:
    """Both loops in a fresh process: compiled anew, then loaded from what the first one kept."""
    code = (
        "import time, numpy as np; from lmm4lmm.stats.grouped import grouped_srcc, grouped_means\n"
        "x = np.arange(9.0); t = time.perf_counter()\n"
        "grouped_srcc(x, x, {'all': None}, None, rng=np.random.default_rng(0), resamples=10)\n"
        "grouped_means({'x': x}, {'all': None}, None, rng=np.random.default_rng(0), resamples=10)\n"
        "print(time.perf_counter() - t)"
    )
    with tempfile.TemporaryDirectory() as kept:
        environment: Mapping[str, str] = {**os.environ, "NUMBA_CACHE_DIR": kept}
        took = [
            float(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True))
            for _ in range(2)
        ]
    print(
        f"in a fresh process: {took[0]:.2f} s to import numba and compile, {took[1]:.2f} s to load what was kept"
    )


def make(n_prompts: int) -> Rows:
    """Every prompt by every generator; prompts, generators and images differ, the metric is noisy."""
    rng = np.random.default_rng(SEED)
    shape = (GENERATORS, n_prompts)
    human = [
        (
            50
            + rng.normal(0, 10, GENERATORS)[:, None]
            + rng.normal(0, 5, n_prompts)
            + rng.normal(0, 7, shape)
        ).ravel()
        for _ in range(2)
    ]
    numbers = np.arange(GENERATORS * n_prompts)
    return Rows(
        metric=human[0] + rng.normal(0, 9, numbers.size),
        perception=human[0],
        correspondence=human[1],
        prompts=Groups(numbers % n_prompts, tuple(range(n_prompts))),
        task=Groups(numbers % n_prompts % TASKS, tuple(range(TASKS))),
        generator=Groups(numbers // n_prompts, tuple(range(GENERATORS))),
    )


def read(folder: Path) -> Rows:
    """The release; the pretended metric is people's perception with noise."""
    from lmm4lmm.datasets.evalmi50k import DATASET

    frame = DATASET.read(folder)
    human = frame["perception"].to_numpy()
    labels = {
        name: groups(frame[name].to_numpy(), human.size, name)
        for name in ("task", "generator", "prompt_group")
    }
    return Rows(
        metric=human + np.random.default_rng(SEED).normal(0, 9, human.size),
        perception=human,
        correspondence=frame["correspondence"].to_numpy(),
        prompts=labels["prompt_group"],
        task=labels["task"],
        generator=labels["generator"],
    )


def _machine() -> str:
    import numba

    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} threads on {os.cpu_count()} cores{load}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, numba {numba.__version__}"
    )


def _peak() -> float:
    """Most memory so far, MB. Linux hands ``ru_maxrss`` on from the process that started this one."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(float(line.split()[1]) for line in status.open() if line.startswith("VmHWM")) / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with the released files of EvalMi-50K")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--no-pandas", action="store_true")
    parser.add_argument(
        "--rows",
        type=lambda text: [int(n) for n in text.split(",") if n],
        default=[50_400, 504_000, 5_040_000],
    )
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
