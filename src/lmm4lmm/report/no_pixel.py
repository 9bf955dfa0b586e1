"""The predictors that see no pixel, over the rows of a joined frame: what any metric must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lmm4lmm.core.records import Dimension
from lmm4lmm.report.labels import NO_TASK, UNNAMED
from lmm4lmm.stats.baselines import Baseline, no_pixel_baselines


def no_pixel(frame: pl.DataFrame, name: Dimension, seed: int) -> tuple[Baseline, ...]:
    """Over the same images as the agreement, so that the numbers can be compared."""
    used = frame.filter(pl.col(name).is_not_null() & pl.col(f"{name}_human").is_not_null())
    if used["generator"].null_count() == used.height:
        return ()
    tasks = None if used["task"].null_count() == used.height else used["task"].fill_null(NO_TASK).to_numpy()
    return no_pixel_baselines(
        used[f"{name}_human"].to_numpy(),
        generators=used["generator"].fill_null(UNNAMED).to_numpy(),
        tasks=tasks,
        prompts=used["cluster"].to_numpy(),
        rng=np.random.default_rng(seed),
    )


def baselines_json(found: Sequence[Baseline]) -> dict[str, float | None]:
    """Name -> SRCC of the predictors that see no pixel."""
    return {baseline_name(baseline): baseline.srcc for baseline in found}


def baseline_name(baseline: Baseline) -> str:
    """What a baseline knows, and whether it was tried on prompts that it had not seen."""
    return baseline.name + (", new prompts" if baseline.split == "prompt" else "")
