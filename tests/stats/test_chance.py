"""Raters no better than chance: cheats are found, honest raters kept, and hard tasks make nobody a cheat."""

from __future__ import annotations

import numpy as np
import pytest

from lmm4lmm.stats.chance import no_better_than_chance

NAN = np.nan


def panel(rng: np.random.Generator, items: int = 60, raters: int = 20, noise: float = 0.8) -> np.ndarray:
    """Levels from 1 to 5 of images whose qualities have an SD of .9."""
    truth = rng.normal(3, 0.9, (items, 1)) + rng.normal(0, 0.35, raters)
    return np.clip(np.rint(truth + rng.normal(0, noise, (items, raters))), 1, 5)


def test_cheats_are_found_and_nobody_else(rng: np.random.Generator) -> None:
    whole = panel(rng)
    whole[:, 0] = rng.integers(1, 6, len(whole))
    whole[:, 1] = 6 - whole[:, 1]
    whole[:, 2] = 3
    whole[:, 3] = np.where(rng.random(len(whole)) < 0.9, 3, 4)
    reasons = no_better_than_chance(whole)
    assert [bool(reason) for reason in reasons[:4]] == [True] * 4
    assert "SRCC" in str(reasons[0])
    assert "constant" in str(reasons[2])
    assert reasons[4:] == (None,) * 16


@pytest.mark.parametrize(("items", "noise"), [(60, 0.6), (60, 1.2), (24, 0.8), (200, 2.5)])
def test_honest_raters_are_rarely_flagged(items: int, noise: float, rng: np.random.Generator) -> None:
    """The module says one in a thousand; 1,000 raters here, and three would be a surprise (p = .08)."""
    flagged = sum(
        reason is not None
        for _ in range(50)
        for reason in no_better_than_chance(panel(rng, items=items, noise=noise))
    )
    assert flagged <= 3


def test_random_answers_are_mostly_found(rng: np.random.Generator) -> None:
    """By the first rule one in a hundred slips through at any size."""
    found = 0
    for _ in range(100):
        whole = panel(rng)
        whole[:, 0] = rng.integers(1, 6, len(whole))
        found += no_better_than_chance(whole)[0] is not None
    assert found >= 95


def test_where_nobody_agrees_nobody_is_a_cheat(rng: np.random.Generator) -> None:
    assert no_better_than_chance(rng.integers(1, 6, (60, 12)).astype(float)) == (None,) * 12


def test_too_little_to_judge_by(rng: np.random.Generator) -> None:
    whole = panel(rng)
    whole[:, 0] = rng.integers(1, 6, len(whole))
    whole[19:, 0] = NAN
    assert no_better_than_chance(whole)[0] is None
    assert no_better_than_chance(whole[:, :4]) == (None,) * 4
