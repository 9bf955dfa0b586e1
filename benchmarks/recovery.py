"""How long it takes to recover scores from 756,000 ratings: 50,400 images x 15 raters.

Either the same 15 people rated everything, or each image was rated by 15 neighbours in a ring of 300 or 3,000: raters
far apart hang together only through all those between, which is the hardest design for methods that take turns.

Run: OMP_NUM_THREADS=1 python benchmarks/recovery.py [--command]. With --command the ratings are also written as long
CSV rows and `lmm4lmm study analyse` is timed on them from end to end.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lmm4lmm.stats.likelihood import fit_likelihood
from lmm4lmm.stats.mos import METHODS, recover
from lmm4lmm.stats.rating_table import RatingTable, from_long

IMAGES, EACH = 50_400, 15
RINGS = (15, 300, 3000)
COMMANDS = (("aigi", False), ("p910", False), ("p910", True))
"""Method, and whether agreement is measured, too."""


def study(raters: int) -> RatingTable:
    """Whole marks from 1 to 5 by raters of known bias and noise; each image by 15 neighbours, drawn evenly."""
    rng = np.random.default_rng(0)
    items = np.repeat(np.arange(IMAGES), EACH)
    who = (rng.integers(0, raters, IMAGES)[:, None] + np.arange(EACH)).ravel() % raters
    quality, bias, noise = (
        rng.normal(3, 0.8, IMAGES),
        rng.normal(0, 0.3, raters),
        rng.uniform(0.4, 0.9, raters),
    )
    marks = quality[items] + bias[who] + noise[who] * rng.standard_normal(items.size)
    return from_long(items, who, np.clip(np.rint(marks), 1, 5), n_items=IMAGES, n_raters=raters)


def time_methods(table: RatingTable) -> None:
    """Prints the best of three of each method; nothing is kept between them."""
    for method in METHODS:
        times = []
        for _ in range(3):
            start = time.perf_counter(), time.process_time()
            recover(RatingTable(table.items, table.raters, table.values, IMAGES, table.n_raters), method)
            times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        wall, processor = min(times)
        print(
            f"{EACH} of {table.n_raters:5,} raters  {method:13} {wall:5.2f} s  processor {processor:5.2f} s",
            flush=True,
        )
    print(
        f"{EACH} of {table.n_raters:5,} raters  steps of the likelihood: {fit_likelihood(table).iterations}"
    )


def time_command(folder: Path) -> None:
    """Prints how long the command takes on a CSV file, start of Python and all."""
    table, file = study(EACH), folder / "ratings.csv"
    rows = zip(table.raters.tolist(), table.items.tolist(), table.values.tolist(), strict=True)
    lines = (f"r{j:02},{i // 2100:02}/{i % 2100:04}.png,{x:g}\n" for j, i, x in rows)
    file.write_text("rater,item,rating\n" + "".join(lines))
    print(f"ratings.csv: {table.values.size + 1:,} lines, {file.stat().st_size / 1e6:.1f} MB")
    for method, agreement in COMMANDS:
        words = ["study", "analyse", str(file), "--method", method, "-o", str(folder / "mos.csv")]
        words += [] if agreement else ["--no-agreement"]
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        code = "from lmm4lmm.cli.main import run; run()"
        subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        shown = f"study analyse --method {method}{'' if agreement else ' --no-agreement'}"
        print(
            f"{shown:46} {time.perf_counter() - start:5.2f} s  processor {spent:5.2f} s  "
            f"peak so far {after.ru_maxrss / 1024:.0f} MB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--command", action="store_true", help="time the command line, too")
    chosen = parser.parse_args()
    recover(np.eye(4) + 1.0, "p910")  # imports
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, load average {os.getloadavg()[0]:.1f}; "
        "best of three"
    )
    for raters in RINGS:
        time_methods(study(raters))
    if chosen.command:
        with tempfile.TemporaryDirectory() as folder:
            time_command(Path(folder))


if __name__ == "__main__":
    main()
