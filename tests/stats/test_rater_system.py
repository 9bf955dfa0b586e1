"""The biases of all raters at once: against least squares with a column an item and a column a rater."""

from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.stats import likelihood
from lmm4lmm.stats.likelihood import fit_likelihood
from lmm4lmm.stats.rater_system import RaterSystem
from lmm4lmm.stats.rating_table import RatingTable, components, from_long, from_matrix


def ring(rng: np.random.Generator, raters: int = 60, items: int = 900, each: int = 8) -> RatingTable:
    """Each item by neighbours: severity passes along a chain."""
    which = np.repeat(np.arange(items), each)
    who = (rng.integers(0, raters, items)[:, None] + np.arange(each)).ravel() % raters
    marks = rng.normal(3, 1, items)[which] + rng.normal(0, 0.4, raters)[who] + rng.normal(0, 0.5, which.size)
    return from_long(which, who, marks)


def least_squares(table: RatingTable, weights: np.ndarray, free: np.ndarray) -> np.ndarray:
    """[n_raters] biases of two-way least squares, by numpy and all columns; those of least norm."""
    rows = np.arange(table.items.size)
    design = np.zeros((rows.size, table.n_items + table.n_raters))
    design[rows, table.items] = 1.0
    design[rows, table.n_items + table.raters] = free[table.raters]
    root = np.sqrt(weights[table.raters])
    return np.linalg.lstsq(design * root[:, None], table.values * root, rcond=None)[0][table.n_items :]


def solved(table: RatingTable, weights: np.ndarray, free: np.ndarray) -> np.ndarray:
    """[n_raters] the same by one step from biases of 0."""
    at = weights[table.raters]
    score = table.per_item(at * table.values) / table.per_item(at)
    gradient = weights * table.per_rater(table.values - score[table.items])
    return RaterSystem(table, weights, free, components(table)[2]).step(gradient)


def test_one_step_is_least_squares(rng: np.random.Generator) -> None:
    table = ring(rng, raters=20, items=80)
    weights, free = rng.uniform(0.5, 4.0, 20), np.ones(20, np.bool_)
    found, expected = solved(table, weights, free), least_squares(table, weights, free)
    np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), atol=1e-9)


def test_raters_whose_bias_is_held(rng: np.random.Generator) -> None:
    table = ring(rng, raters=20, items=80)
    weights, free = rng.uniform(0.5, 4.0, 20), np.arange(20) != 7
    found = solved(table, weights, free)
    assert found[7] == 0.0
    np.testing.assert_allclose(found, least_squares(table, weights, free), atol=1e-9)


def test_groups_that_share_no_item(rng: np.random.Generator) -> None:
    whole = np.full((40, 8), np.nan)
    whole[:20, :4], whole[20:, 4:] = rng.normal(3, 1, (20, 4)), rng.normal(2, 1, (20, 4))
    table = from_matrix(whole)
    weights, free = rng.uniform(0.5, 4.0, 8), np.ones(8, np.bool_)
    found, expected = solved(table, weights, free), least_squares(table, weights, free)
    for group in (slice(0, 4), slice(4, 8)):
        ours, theirs = found[group], expected[group]
        np.testing.assert_allclose(ours - ours.mean(), theirs - theirs.mean(), atol=1e-9)


def test_factors_serve_for_weights_near_by(rng: np.random.Generator) -> None:
    table = ring(rng, raters=20, items=80)
    system = RaterSystem(table, np.ones(20), np.ones(20, np.bool_), components(table)[2])
    near, far = np.ones(20), np.ones(20)
    near[3], far[3] = 1.05, 0.8
    assert system.serves(near)
    assert not system.serves(far)


def test_a_ring_takes_few_steps_and_comes_to_the_same(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ring(rng)
    quick = fit_likelihood(table)
    assert quick.converged
    assert quick.iterations < 100
    monkeypatch.setattr(likelihood, "PATIENCE", 100_000)
    monkeypatch.setattr(likelihood, "MOST_ITERATIONS", 100_000)
    slow = fit_likelihood(table)
    assert slow.iterations > 5 * quick.iterations
    for ours, theirs in (
        (quick.score, slow.score),
        (quick.bias, slow.bias),
        (quick.inconsistency, slow.inconsistency),
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_fixed_point_satisfies_all_three_equations(rng: np.random.Generator) -> None:
    table = ring(rng)
    fit = fit_likelihood(table)
    left = table.values - fit.score[table.items] - fit.bias[table.raters]
    np.testing.assert_allclose(table.rater_means(left), 0.0, atol=1e-8)
    np.testing.assert_allclose(
        table.per_item(left / np.square(fit.inconsistency)[table.raters]), 0.0, atol=1e-7
    )
    np.testing.assert_allclose(np.sqrt(table.rater_means(np.square(left))), fit.inconsistency, atol=1e-8)


def test_more_raters_than_are_solved_for_at_once_take_the_long_way(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ring(rng, raters=12, items=120)
    quick = fit_likelihood(table)
    monkeypatch.setattr(likelihood, "MOST_RATERS", 5)
    slow = fit_likelihood(table)
    np.testing.assert_allclose(slow.score, quick.score, atol=1e-7)
