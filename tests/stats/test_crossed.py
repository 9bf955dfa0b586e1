from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import replicates
from lmm4lmm.stats.arrays import groups
from lmm4lmm.stats.crossed import Crossed
from lmm4lmm.stats.evaluation import evaluate
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


def test_crossed_intervals_hold_for_other_generators_and_plain_ones_do_not(rng: np.random.Generator) -> None:
    """Worlds with effects of generators and prompts; the SRCC of 3,000 prompts x 1,500 generators is 0.668."""
    held = {"plain": 0, "crossed": 0}
    for _ in range(60):
        prompt, generator = np.divmod(np.arange(40 * 12), 12)
        of_maker, of_prompt = rng.normal(0, 1, 12), rng.normal(0, 0.5, 40)
        image = rng.normal(0, 1, 480)
        y = of_maker[generator] + of_prompt[prompt] + image
        x = (0.6 * of_maker + rng.normal(0, 0.6, 12))[generator] + 0.7 * image + rng.normal(0, 0.6, 480)
        x += (0.5 * of_prompt + rng.normal(0, 0.5, 40))[prompt]
        for name, makers in (("plain", None), ("crossed", generator)):
            found = evaluate(x, y, prompts=prompt, generators=makers, rng=rng, resamples=100).srcc
            held[name] += found.low <= 0.668 <= found.high
    assert held["crossed"] >= 54
    assert held["plain"] <= 48
