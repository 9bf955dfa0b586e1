from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import replicates
from lmm4lmm.stats.arrays import groups
from lmm4lmm.stats.crossed import Crossed
from lmm4lmm.stats.resampling import bootstrap


def _world(rng: np.random.Generator, prompts: int, generators: int, spread: float):
    prompt, generator = np.divmod(np.arange(prompts * generators), generators)
    values = rng.normal(0, spread, generators)[generator] + rng.normal(0, 1, prompts)[prompt]
    return values, groups(prompt, values.size, "p"), groups(generator, values.size, "g")


def _mean(values, cells):
    sums = replicates.by_prompt(np.column_stack([values, np.ones_like(values)]), cells)
    return lambda weights: (weights @ sums)[:, 0] / (weights @ sums)[:, 1]


def test_a_cell_weighs_as_its_prompt_times_its_generator(rng: np.random.Generator) -> None:
    _, prompts, generators = _world(rng, 5, 3, 1.0)
    crossed = Crossed(prompts, generators)
    weights = next(crossed.weights(200, rng)).reshape(200, 5, 3)
    assert weights.sum(axis=(1, 2)) == pytest.approx(15)
    assert (np.linalg.matrix_rank(weights) == 1).all()


def test_the_standard_error_holds_both_variances(rng: np.random.Generator) -> None:
    """Var(mean) = var(prompts) / n_prompts + var(generators) / n_generators, both known here."""
    values, prompts, generators = _world(rng, 200, 25, 2.0)
    crossed = Crossed(prompts, generators)
    drawn = crossed.bootstrap({"mean": _mean(values, crossed.cells)}, rng=rng, resamples=2000)["mean"]
    table = values.reshape(200, 25)
    expected = table.mean(axis=1).var() / 200 + table.mean(axis=0).var() / 25
    assert drawn.std() == pytest.approx(np.sqrt(expected), rel=0.06)
    of_prompts = bootstrap({"mean": _mean(values, prompts)}, 200, rng=rng, resamples=500)["mean"]
    assert drawn.std() > 3 * of_prompts.std()


def test_missing_cells_are_no_cells(rng: np.random.Generator) -> None:
    crossed = Crossed(groups([0, 0, 1, 1], 4, "p"), groups([0, 1, 0, 0], 4, "g"))
    assert len(crossed.cells) == 3
    assert crossed.n_effective == 2
    found = crossed.bootstrap({"mean": _mean(np.arange(4.0), crossed.cells)}, rng=rng, resamples=400)["mean"]
    # prompt 1 with generator 1 is not there: a resample of those two alone is empty
    assert 0.02 < np.isnan(found).mean() < 0.12


def test_lengths_must_agree() -> None:
    with pytest.raises(StatisticsError, match="not the same images"):
        Crossed(groups([0, 1], 2, "p"), groups([0], 1, "g"))
