from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import groups
from lmm4lmm.stats.systems import system_level, system_statistics


def _world(rng: np.random.Generator, systems: int = 6, prompts: int = 20):
    system = np.tile(np.arange(systems), prompts)
    prompt = np.repeat(np.arange(prompts), systems)
    y = system + rng.normal(0, 2, system.size)
    return y + rng.normal(0, 1, system.size), y, system, prompt


def test_it_is_scipys_correlation_of_the_means(rng: np.random.Generator) -> None:
    x, y, system, _ = _world(rng)
    means = [[v[system == s].mean() for s in range(6)] for v in (x, y)]
    found = system_level(x, y, system)
    assert found.srcc == pytest.approx(scipy_stats.spearmanr(*means)[0])
    assert found.krcc == pytest.approx(scipy_stats.kendalltau(*means)[0])
    assert found.plcc == pytest.approx(scipy_stats.pearsonr(*means)[0])
    assert found.accuracy == pytest.approx((found.krcc + 1) / 2)


def test_replicates_are_the_statistic_on_repeated_prompts(rng: np.random.Generator) -> None:
    x, y, system, prompt = _world(rng)
    statistics = system_statistics(x, y, groups(system, x.size, "s"), groups(prompt, x.size, "p"))
    weights = rng.multinomial(20, np.full(20, 1 / 20), size=5).astype(float)
    for row in weights:
        again = np.repeat(np.arange(x.size), row[prompt].astype(int))
        expected = system_level(x[again], y[again], system[again])
        for name, statistic in statistics.items():
            assert statistic(row[None])[0] == pytest.approx(getattr(expected, name), abs=1e-9)


def test_a_system_that_no_resample_drew_leaves_it_undefined() -> None:
    x = np.arange(6.0)
    statistics = system_statistics(
        x, x, groups([0, 1, 2, 0, 1, 2], 6, "s"), groups([0, 0, 1, 2, 2, 2], 6, "p")
    )
    weights = np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    for statistic in statistics.values():
        assert np.isnan(statistic(weights)).tolist() == [True, False]


def test_two_systems_are_too_few() -> None:
    with pytest.raises(StatisticsError, match="at least 3"):
        system_level([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ["a", "b", "b"])
