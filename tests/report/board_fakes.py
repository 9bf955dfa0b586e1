"""A scores table for the leaderboard page: known places, three tasks, and names that try to be HTML."""

from __future__ import annotations

import numpy as np
import polars as pl

from lmm4lmm.datasets.facts import Facts, Model, Scale

EVIL_PROMPT = "<script>window.hacked = 1</script> and <img src=x onerror='window.hacked = 2'> a teapot"
EVIL_NAME = "</script><script>window.hacked = 3</script>"
TASKS = ("counting", "colors", "scene")

FACTS = Facts(
    title="Fake-5",
    source="Nobody et al.",
    url="https://example.org/fake",
    licence="CC0",
    licence_from="its README",
    size="few rows",
    rows=None,
    scales={"perception": Scale(0, 100, "`MOS1`")},
    models={
        "alpha": Model("Alpha Painter", "Ácme Labs", True, "https://example.org/alpha"),
        "beta": Model("Beta", "Boston Works", False, "javascript:window.hacked=4"),
        "gamma": Model("Gamma", None, None, None),
    },
    tasks=TASKS,
)


def board_scores(prompts: int = 36) -> pl.DataFrame:
    """Five generators far apart: by perception alpha leads, within "scene" delta does; by correspondence gamma."""
    rng = np.random.default_rng(4)
    names = ["alpha", "beta", "gamma", "delta", EVIL_NAME]
    rows = []
    for i in range(prompts):
        task = TASKS[i % 3]
        for k, name in enumerate(names):
            lift = 30.0 if name == "delta" and task == "scene" else 0.0
            rows.append(
                {
                    "id": f"{name}/{i}",
                    "image": f"{k}-{i}.png",
                    "prompt": EVIL_PROMPT
                    if i == 4
                    else f"prompt {i} about a {['cat', 'dog', 'Ünïcorn'][i % 3]}",
                    "generator": name,
                    "task": task,
                    "question": "Is it?",
                    "perception": 70.0 - 8.0 * k + lift + rng.normal(0, 2),
                    "correspondence": 50.0 - 4.0 * abs(k - 2) + rng.normal(0, 2),
                    "metric": "human",
                }
            )
    return pl.DataFrame(rows)
