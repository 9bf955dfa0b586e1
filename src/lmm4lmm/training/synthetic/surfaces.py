"""The surfaces of things: colour, texture, and what a style does to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lmm4lmm.training.synthetic.backdrops import Canvas, value_noise
from lmm4lmm.training.synthetic.scene import Thing
from lmm4lmm.training.synthetic.vocabulary import PLAIN, RGB

_PAPER = np.array((236, 236, 232), np.float32)


def surface(thing: Thing, style: str, side: int, rng: np.random.Generator) -> Canvas:
    """The colours of the tile [side, side, 3]."""
    base = np.array(thing.rgb, np.float32)
    half = side / 2
    x, y = np.meshgrid(np.arange(side, dtype=np.float32) - half, np.arange(side, dtype=np.float32) - half)
    colours = np.broadcast_to(base, (side, side, 3))
    if thing.texture != PLAIN:
        share = 0.85 * _pattern(thing, x, y, rng)[..., None]
        colours = base + (np.array(_companion(thing.rgb), np.float32) - base) * share
    if style == "shaded":
        r = thing.radius
        lit = np.exp(-((x + 0.35 * r) ** 2 + (y + 0.35 * r) ** 2) / (0.4 * r * r))[..., None]
        fading = 1.0 - 0.16 * np.tanh((x + y) / (1.2 * r))[..., None]
        colours = colours * fading + 30 * lit
    if style == "sketchy":
        strokes = np.sin((x * 0.8 + y) * (2 * math.pi / 4.5) + 2.2 * np.sin(x * 0.05 + y * 0.03)) * 0.5 + 0.5
        paper = 0.34 * strokes * value_noise(side, side, 6, rng, 2)
        colours = colours + (_PAPER - colours) * paper[..., None]
    return colours.astype(np.float32)


def _pattern(thing: Thing, x: Canvas, y: Canvas, rng: np.random.Generator) -> Canvas:
    """Where the second colour is, 0 to 1, with edges about a pixel soft; less than half of the area."""
    period = max(7.0, thing.radius * 0.42)
    soft = period / (2 * math.pi)
    found: npt.NDArray[np.floating[Any]]
    kx, ky = x * (2 * math.pi / period), y * (2 * math.pi / period)
    if thing.texture == "striped":
        angle = math.radians(float(rng.choice([0, 45, 90, 135])))
        wave = np.sin(kx * math.cos(angle) + ky * math.sin(angle))
        found = (wave - 0.15) * soft
    elif thing.texture == "dotted":
        found = (np.cos(kx) + np.cos(ky) - 0.75) * soft
    elif thing.texture == "checked":
        found = (np.sin(kx * 0.6) * np.sin(ky * 0.6)) * soft * 1.6
    else:
        side = x.shape[0]
        cells = max(6, round(side / max(2.6, thing.radius * 0.07)))
        grid = Image.fromarray(rng.random((cells, cells), dtype=np.float32)).resize((side, side))
        found = (np.asarray(grid, np.float64) - 0.6) * 14
    return np.clip(found + 0.5, 0, 1).astype(np.float32)


def _companion(rgb: RGB) -> tuple[float, float, float]:
    """The second colour of a texture: the first with much black or white in it."""
    tone = luminance(rgb)
    if tone > 215:
        return (96.0, 96.0, 100.0)
    mixed = np.array(rgb, float) * 0.28 if tone > 118 else 255 - (255 - np.array(rgb, float)) * 0.22
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


def luminance(rgb: RGB) -> float:
    weights: npt.NDArray[np.float64] = np.array([0.299, 0.587, 0.114])
    return float(weights @ np.array(rgb, float))
