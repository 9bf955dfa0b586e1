"""A scores table of everything that is hard to lay out: endless words, other scripts, far too large numbers."""

from __future__ import annotations

import numpy as np
import polars as pl


def hard_scores() -> pl.DataFrame:
    """Five prompts by four generators."""
    rng = np.random.default_rng(0)
    long = ["x" * 400, "قطة سوداء " * 40, "猫" * 300, "👩‍🚀" * 60, "<script>alert(1)</script>"]
    return pl.DataFrame(
        [
            {"id": f"{i}-{g}", "prompt": p, "generator": g * 60, "task": p[:80], "metric": "m" * 90}
            | {"image": "n" * 200, "perception": rng.normal(50, 9), "correspondence": rng.normal(0, 1e6)}
            for i, p in enumerate(long)
            for g in ("a", "b", "生", "م")
        ]
    )
