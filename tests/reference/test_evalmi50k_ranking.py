"""EvalMi-50K's generators, ranked: against scipy's paired t-tests and Holm's rule written out.

267 (perception) and 260 (correspondence) of 276 pairs can be told apart: a figure of the founders, from the released
table, before this code was there.
"""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_1samp, ttest_rel, zscore

import lmm4lmm
from lmm4lmm.datasets.evalmi50k import DATASET
from lmm4lmm.datasets.evalmi50k_names import TASKS
from lmm4lmm.report.summary import Leaderboards, leaderboards
from lmm4lmm.stats.planning import prompts_needed

TOLD_APART = {"perception": 267, "correspondence": 260}


@pytest.fixture(scope="module")
def table(shared_data: Path) -> pl.DataFrame:
    return DATASET.read(shared_data / "evalmi50k")


@pytest.fixture(scope="module")
def boards(table: pl.DataFrame) -> Leaderboards:
    return leaderboards(table, resamples=100)


@pytest.mark.parametrize("dimension", TOLD_APART)
def test_pairs_that_can_be_told_apart(table, boards, dimension):
    wide = table.pivot("generator", index="prompt_group", values=dimension, aggregate_function="mean")
    columns = {name: wide[name].to_numpy() for name in wide.columns if name != "prompt_group"}
    plain = {
        frozenset(pair): ttest_rel(columns[pair[0]], columns[pair[1]]).pvalue
        for pair in combinations(columns, 2)
    }
    ordered = sorted(plain, key=plain.__getitem__)
    adjusted, running = {}, 0.0
    for place, pair in enumerate(ordered):
        running = max(running, min(1.0, plain[pair] * (len(ordered) - place)))
        adjusted[pair] = running
    assert sum(p < 0.05 for p in adjusted.values()) == TOLD_APART[dimension]
    document = boards.to_json()
    assert document["told_apart"][dimension] == {"pairs": TOLD_APART[dimension], "of": 276}
    for pair in document["pairs"][dimension]:
        key = frozenset((pair["a"], pair["b"]))
        assert pair["p"] == pytest.approx(plain[key], rel=1e-6, abs=1e-300)
        assert pair["p_adjusted"] == pytest.approx(adjusted[key], rel=1e-6, abs=1e-300)


def test_the_combined_rank_is_by_the_mean_z_score(table, boards):
    means = table.group_by("generator").agg(pl.col("perception", "correspondence", "answer").mean())
    z = np.mean([zscore(means[name].to_numpy()) for name in means.columns[1:]], axis=0)
    by_hand = dict(zip(means["generator"], z, strict=True))
    assert boards.combined is not None
    found = {s.generator: s.mean for s in boards.combined.board.standings}
    assert found == pytest.approx(by_hand)
    assert [s.generator for s in boards.combined.board.standings] == sorted(
        by_hand, key=lambda g: -by_hand[g]
    )


def test_planned_prompts_have_the_planned_power_on_real_scores(table):
    """Prompts drawn from the release: as many as planned find a real difference in 80 % of draws."""
    wide = table.pivot("generator", index="prompt_number", values="perception").drop("prompt_number")
    rng = np.random.default_rng(0)
    found = []
    for a, b in combinations(wide.columns, 2):
        apart = (wide[a] - wide[b]).to_numpy()
        n = prompts_needed(apart.mean(), apart.std(ddof=1)) if abs(apart.mean()) > 1 else 0
        if not 40 <= n <= 150:  # few enough that drawing them from 2,100 is like drawing new ones
            continue
        drawn = apart[np.argsort(rng.random((400, apart.size)), axis=1)[:, :n]]
        found.append((ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05).mean())
    assert len(found) > 10
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_the_page_holds_all_of_it_and_stays_small(shared_data, tmp_path):
    """24 models under their published names x 20 tasks x 3 scores and the combined one; 2,090 distinct prompts."""
    out = tmp_path / "index.html"
    facts = lmm4lmm.write_leaderboard("evalmi50k", out, data=shared_data / "evalmi50k", resamples=20)
    assert (facts.models, facts.prompts, facts.left_out) == (24, 2_090, 0)
    assert facts.size_bytes < 3_000_000
    page = out.read_text("utf-8")
    document = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert [model["name"] for model in document["models"]][:2] == [
        "FLUX.1-schnell",
        "Stable Diffusion 3.5 Large",
    ]
    assert [len(score["boards"]) for score in document["scores"]] == [21] * 4
    assert document["tasks"][1:] == list(TASKS)
    assert "none stated (ask its authors before you redistribute anything)" in page
