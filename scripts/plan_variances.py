"""The variances that ``lmm4lmm plan`` falls back to, from the released table of EvalMi-50K (arXiv 2504.08358).

Run: ``python scripts/plan_variances.py DIR_OF_EVALMI50K``. Prints what ``stats/planning.py`` holds as ``EVALMI``:

* sd: root mean square, over all pairs of generators, of the standard deviation over prompts of their difference;
* share: of its square, what comes from images of one prompt. Every generator drew each prompt once, but ten prompts
  are there twice, so 24 x 10 pairs of images of one generator and one prompt tell (ratings' noise included).
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.datasets.evalmi50k import DATASET


def spread(table: pl.DataFrame, dimension: str) -> tuple[float, float, tuple[float, float]]:
    """(sd, share, least and most sd of a pair) of one dimension."""
    wide = table.pivot("generator", index="prompt_number", values=dimension).drop("prompt_number").to_numpy()
    pairs = [(wide[:, i] - wide[:, j]).std(ddof=1) for i, j in combinations(range(wide.shape[1]), 2)]
    sd = float(np.sqrt(np.mean(np.square(pairs))))
    twice = (
        table.group_by("generator", "prompt_group")
        .agg(pl.col(dimension).var(), pl.len())
        .filter(pl.col("len") == 2)
    )
    return sd, 2 * float(twice[dimension].mean()) / sd**2, (float(min(pairs)), float(max(pairs)))


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    table = DATASET.read(Path(sys.argv[1]))
    for dimension in DIMENSIONS:
        sd, share, (least, most) = spread(table, dimension)
        print(f"{dimension:15} sd {sd:7.3f}  share {share:.2f}  pairs {least:.3f} to {most:.3f}")


if __name__ == "__main__":
    main()
