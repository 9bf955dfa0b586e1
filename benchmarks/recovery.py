"""How long it takes to recover scores from 756,000 ratings: 50,400 images x 15 raters, by everybody and sparse.

Run: OMP_NUM_THREADS=1 python benchmarks/recovery.py. With --csv FILE it also writes the ratings as long rows, for
timing `lmm4lmm study analyse FILE` from end to end.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from lmm4lmm.stats.mos import METHODS, recover
from lmm4lmm.stats.rating_table import RatingTable, from_long

IMAGES, EACH = 50_400, 15


def study(raters: int) -> RatingTable:
    """Whole marks from 1 to 5 by raters of known bias and noise; each image by 15 of them, drawn evenly."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path)
    chosen = parser.parse_args()
    recover(np.eye(4) + 1.0, "p910")  # imports
    for raters in (15, 300):
        table = study(raters)
        for method in METHODS:
            times = []
            for _ in range(3):
                start = time.perf_counter()
                recover(RatingTable(table.items, table.raters, table.values, IMAGES, raters), method)
                times.append(time.perf_counter() - start)
            print(f"{IMAGES:,} images x {EACH} of {raters:3} raters  {method:13} {min(times):.2f} s")
    if chosen.csv:
        table = study(15)
        rows = zip(table.raters.tolist(), table.items.tolist(), table.values.tolist(), strict=True)
        lines = (f"r{j:02},{i // 2100:02}/{i % 2100:04}.png,{x:g}\n" for j, i, x in rows)
        chosen.csv.write_text("rater,item,rating\n" + "".join(lines))


if __name__ == "__main__":
    main()
