from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.stats.baselines import no_pixel_baselines


def _table(rng: np.random.Generator):
    generators, prompts = np.repeat(np.arange(6), 50), np.tile(np.arange(50), 6)
    tasks = prompts % 5
    human = (
        2.0 * generators
        + rng.normal(0, 2, (6, 5))[generators, tasks]
        + rng.normal(0, 3, 50)[prompts]
        + rng.normal(size=300)
    )
    return human, generators, tasks, prompts


def test_each_knows_more_than_the_one_before(rng):
    human, generators, tasks, prompts = _table(rng)
    found = no_pixel_baselines(human, generators=generators, tasks=tasks, prompts=prompts, rng=rng)
    assert [(b.name, b.split) for b in found] == [
        ("generator", "image"),
        ("generator x task", "image"),
        ("generator x task + prompt", "image"),
        ("generator", "prompt"),
        ("generator x task", "prompt"),
    ]
    assert found[0].srcc < found[1].srcc < found[2].srcc
    assert all(b.n == 300 and b.n_dropped == 0 and b.reason is None for b in found)


def test_nothing_is_learnt_from_the_item_itself(rng):
    """A prompt and generator a single time each tell nothing about pure noise."""
    found = no_pixel_baselines(
        rng.normal(size=2000),
        generators=np.arange(2000) % 20,
        prompts=np.arange(2000) // 2,
        rng=rng,
    )
    assert all(abs(b.srcc) < 0.1 for b in found)


def test_only_what_the_labels_allow(rng):
    human, generators, _, prompts = _table(rng)
    assert [b.name for b in no_pixel_baselines(human, generators=generators, rng=rng)] == ["generator"]
    with_prompts = no_pixel_baselines(human, generators=generators, prompts=prompts, rng=rng)
    assert [b.name for b in with_prompts] == ["generator", "generator + prompt", "generator"]


def test_missing_scores_and_unseen_cells_are_counted(rng):
    human, generators, tasks, prompts = _table(rng)
    human[:10] = np.nan
    tasks = tasks.astype(object)
    tasks[20] = "only here"
    found = no_pixel_baselines(human, generators=generators, tasks=tasks, prompts=prompts, rng=rng)
    assert all(b.n == 290 and b.n_dropped == 10 for b in found)
    assert found[0].n_unseen == 0
    assert found[1].n_unseen == 1


@pytest.mark.parametrize(
    ("human", "reason"),
    [([1.0, 2.0, 3.0], "5 folds need at least 5 items"), ([5.0] * 40, "constant"), ([], "there are 0")],
)
def test_too_little_for_a_baseline(human, reason, rng):
    (found,) = no_pixel_baselines(human, generators=["g"] * len(human), rng=rng)
    assert found.srcc is None
    assert reason in (found.reason or "")


def test_one_generator_has_nothing_to_tell(rng):
    (found,) = no_pixel_baselines(rng.normal(size=100), generators=["g"] * 100, rng=rng)
    assert found.srcc is None
    assert "predicted is constant" in (found.reason or "")
