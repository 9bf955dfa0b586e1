"""Intervals of split halves and ceiling hold the truth about as often as they say, and say when there are none."""

from __future__ import annotations

import numpy as np

from lmm4lmm.stats import panel_intervals as module
from lmm4lmm.stats.ceiling import ceiling_from_ratings
from lmm4lmm.stats.panel import split_half
from lmm4lmm.stats.panel_intervals import panel_intervals


def panel(rng: np.random.Generator, items: int, raters: int = 10) -> np.ndarray:
    """Variance of images 1, of error 1."""
    return rng.normal(0, 1, (items, 1)) + rng.normal(0, 1, (items, raters))


def test_they_hold_the_figures_of_many_more_images(rng: np.random.Generator) -> None:
    """Of 40 studies of 40 images, at least 33 hold it (95 % would be 38; the bootstrap is rough over 40)."""
    many = panel(rng, 20_000)
    halves = split_half(many, rng=rng, splits=3).srcc.reliability
    ceiling = ceiling_from_ratings(many, rng=rng).srcc
    assert halves is not None
    held = [0, 0]
    for _ in range(40):
        found = panel_intervals(panel(rng, 40), rng=rng, resamples=60)
        assert found.halves is not None
        assert found.ceiling is not None
        held[0] += found.halves[0] <= halves <= found.halves[1]
        held[1] += found.ceiling[0] <= ceiling <= found.ceiling[1]
    assert min(held) >= 33, held


def test_they_come_from_the_seed(rng: np.random.Generator) -> None:
    whole = panel(rng, 30)
    one, two = (panel_intervals(whole, rng=np.random.default_rng(1), resamples=20) for _ in range(2))
    assert one == two


def test_where_there_are_none(rng: np.random.Generator, monkeypatch) -> None:
    nothing = panel_intervals(rng.normal(size=(30, 1)), rng=rng)
    assert (nothing.halves, nothing.ceiling) == (None, None)
    noise = panel_intervals(rng.normal(size=(30, 6)), rng=rng, resamples=40)
    assert noise.ceiling is None
    monkeypatch.setattr(module, "MOST_CELLS", 100)
    assert panel_intervals(panel(rng, 30), rng=rng).halves is None
