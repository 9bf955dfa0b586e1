"""What the human scores of EvalMi-50K must give: figures recomputed from the released table.

Source: DATA.md of the shared development data.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lmm4lmm.stats.baselines import no_pixel_baselines
from lmm4lmm.stats.correlation import plcc, srcc
from lmm4lmm.stats.evaluation import evaluate
from lmm4lmm.stats.leaderboard import leaderboard

SCORES = {"perception": "MOS1", "correspondence": "MOS2"}


@pytest.fixture(scope="module")
def evalmi(shared_data: Path) -> dict[str, np.ndarray]:
    folder = shared_data / "evalmi50k"
    table = pl.read_excel(folder / "AIGI2025_MOS_yn.xlsx", columns=["ImageName", "MOS1", "MOS2"])
    lines = (folder / "prompt_tasks.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(line) for line in lines]
    parts = table["ImageName"].str.split_exact("/", 1).struct.unnest()
    number = parts["field_1"].str.strip_suffix(".png").cast(pl.Int64).to_numpy() - 1
    return {
        "generator": np.array(parts["field_0"].to_list()),
        "prompt": np.array([row["prompt"] for row in prompts])[number],
        "tag": np.array([row["tag"] for row in prompts])[number],
        "perception": table["MOS1"].to_numpy(),
        "correspondence": table["MOS2"].to_numpy(),
    }


def test_the_two_scores_correlate_as_stated(evalmi):
    assert plcc(evalmi["perception"], evalmi["correspondence"]) == pytest.approx(0.592, abs=5e-4)
    assert srcc(evalmi["perception"], evalmi["correspondence"]) == pytest.approx(0.617, abs=5e-4)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [("perception", (0.733, 0.801, 0.837)), ("correspondence", (0.462, 0.681, 0.768))],
)
def test_no_pixel_baselines(evalmi, dimension, expected):
    found = no_pixel_baselines(
        evalmi[dimension],
        generators=evalmi["generator"],
        tasks=evalmi["tag"],
        prompts=evalmi["prompt"],
        rng=np.random.default_rng(0),
    )
    assert tuple(b.srcc for b in found if b.split == "image") == pytest.approx(expected, abs=0.004)
    # a generator and a task say as much about new prompts as about known ones
    assert tuple(b.srcc for b in found if b.split == "prompt") == pytest.approx(expected[:2], abs=0.004)


@pytest.mark.parametrize(
    ("dimension", "top", "told_apart"),
    [
        ("perception", {"playground": 61.64, "Kolors": 61.14, "Infinity": 60.86}, 267),
        ("correspondence", {"sd3_5_large": 58.35, "ali_flux_schnell": 58.10, "DALLE3": 57.97}, 260),
    ],
)
def test_leaderboard(evalmi, dimension, top, told_apart):
    board = leaderboard(
        evalmi[dimension], evalmi["generator"], evalmi["prompt"], rng=np.random.default_rng(0)
    )
    assert {s.generator: round(s.mean, 2) for s in board.standings[:3]} == top
    assert board.standings[-1].generator == "LWM"
    assert len(board.comparisons) == 276
    assert sum(pair.different for pair in board.comparisons) == pytest.approx(told_apart, abs=2)
    assert board.notes == ()


def test_agreement_with_narrow_intervals(evalmi):
    rng = np.random.default_rng(0)
    metric = evalmi["perception"] + rng.normal(0, 10, evalmi["perception"].size)
    found = evaluate(metric, evalmi["perception"], prompts=evalmi["prompt"], rng=rng)
    assert found.n_prompts == 2090
    for interval in (found.srcc, found.krcc, found.plcc, found.plcc_fitted):
        assert interval.low < interval.value < interval.high
        assert interval.high - interval.low < 0.02
