"""Plans from built-in variances and from a pilot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.report.plans import PUBLISHED, plan
from lmm4lmm.stats.planning import EVALMI, prompts_needed

NOBODY = pl.lit(None, pl.Float64)


@pytest.fixture(scope="module")
def pilot() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two generators, two images of each of 200 prompts; differences by prompt 3, by image 4 each."""
    rng = np.random.default_rng(4)
    hard = np.repeat(rng.normal(50, 12, 200), 2)
    own = np.repeat(rng.normal(0, 3, 200), 2)
    prompts = np.repeat([f"p{i}" for i in range(200)], 2)
    frames = []
    for generator, values in (("a", hard + own), ("b", hard)):
        frames.append(
            pl.DataFrame(
                {
                    "id": [f"{generator}{i}" for i in range(400)],
                    "generator": generator,
                    "prompt": prompts,
                    "perception": values + rng.normal(0, 4, 400),
                }
            )
        )
    return frames[0], frames[1]


def test_a_pilot_tells_how_many(pilot):
    found = plan(pilot, difference=1.0, images=2).dimensions["perception"]
    assert found.spread.sd == pytest.approx(np.sqrt(9 + 32), rel=0.1)
    assert found.spread.share == pytest.approx(32 / 41, abs=0.1)
    assert found.sd == pytest.approx(np.sqrt(9 + 16), rel=0.1)
    assert found.rows[0].prompts == prompts_needed(1.0, found.sd)
    assert found.shared_from == "a against b"


def test_a_pilot_with_single_images_borrows_the_share_and_says_so(pilot):
    single = tuple(frame.gather_every(2) for frame in pilot)
    found = plan(single, difference=1.0, images=2)
    assert found.dimensions["perception"].shared_from == PUBLISHED
    assert "taken from people's scores in EvalMi-50K" in found.notes[0]
    assert plan(single, difference=1.0).notes == ()


def test_a_pilot_that_shares_no_prompt_is_refused(pilot):
    other = pilot[1].with_columns(pl.col("prompt") + "!")
    with pytest.raises(StatisticsError, match="two prompts that both drew; there are 0"):
        plan((pilot[0], other))


def test_without_a_pilot_it_is_evalmi():
    found = plan(prompts=500, comparisons=276)
    assert list(found.dimensions) == list(EVALMI)
    for one in found.dimensions.values():
        assert one.rows[0].power == 0.8
    both = plan(prompts=500, difference=2.0, dimensions=["answer"]).dimensions["answer"].rows[0]
    assert (both.difference, both.prompts) == (0.02, 500)
    assert 0.05 < both.power < 0.2
    tried = plan().dimensions["perception"].rows
    assert [row.difference for row in tried] == [0.5, 1.0, 2.0, 3.0, 5.0]
    assert all(0.8 <= row.power < 0.83 for row in tried)


def test_the_built_in_variances_are_those_of_the_release(shared_data: Path):
    """As scripts/plan_variances.py computes them."""
    from lmm4lmm.datasets.evalmi50k import DATASET

    table = DATASET.read(shared_data / "evalmi50k").sort("generator", "prompt_number")
    for name, spread in EVALMI.items():
        wide = table[name].to_numpy().reshape(24, 2100)
        cov = np.cov(wide)
        pairs = [cov[i, i] + cov[j, j] - 2 * cov[i, j] for i in range(24) for j in range(i)]
        assert spread.sd == pytest.approx(np.sqrt(np.mean(pairs)), rel=1e-3)
        twice = (
            table.group_by("generator", "prompt_group")
            .agg(pl.col(name).var(), pl.len())
            .filter(pl.col("len") == 2)
        )
        assert twice.height == 240
        assert spread.share == pytest.approx(2 * twice[name].mean() / np.mean(pairs), abs=0.006)
