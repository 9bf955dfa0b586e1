"""What is behind the things: plain kinds whose tone suits them, and five places at three times of day."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt
from PIL import Image

from lmm4lmm.training.synthetic.scene import Backdrop
from lmm4lmm.training.synthetic.vocabulary import COLOURS, LIGHTS, PLACES, RGB, distance

Canvas = npt.NDArray[np.float32]
"""[height, width, 3], 0 to 255."""

PLAIN_KINDS = ("plain", "gradient", "noise", "paper", "weave", "soft")
TOLD_APART = 120.0
"""Colours at least so far apart (``vocabulary.distance``) are told apart by anybody who tells colours apart."""

_SKIES: dict[str, tuple[RGB, RGB]] = {
    "day": ((104, 168, 226), (198, 224, 240)),
    "sunset": ((104, 78, 124), (240, 164, 110)),
    "night": ((12, 16, 44), (40, 50, 92)),
}
_GROUNDS: dict[str, RGB] = {
    "sea": (52, 108, 150),
    "desert": (214, 180, 128),
    "meadow": (124, 168, 82),
    "mountains": (128, 122, 124),
    "city": (92, 96, 108),
}
_DIMMED = {"day": (1.0, 1.0, 1.0), "sunset": (0.82, 0.66, 0.64), "night": (0.24, 0.27, 0.42)}


def place_tones(place: str, light: str) -> tuple[RGB, RGB, RGB]:
    """Upper sky, lower sky and ground."""
    red, green, blue = (round(c * d) for c, d in zip(_GROUNDS[place], _DIMMED[light], strict=True))
    return (*_SKIES[light], (red, green, blue))


def suits(colour: str, place: str, light: str) -> bool:
    """Whether a thing of this colour stands out wherever it is put."""
    return all(distance(COLOURS[colour], tone) >= TOLD_APART for tone in place_tones(place, light))


def settings(colours: Collection[str], place: str | None, light: str | None) -> list[tuple[str, str]]:
    """The places with times of day that agree with what is fixed (None is open) and suit all the colours."""
    return [
        (a_place, a_light)
        for a_place in ([place] if place else PLACES)
        for a_light in ([light] if light else LIGHTS)
        if all(suits(colour, a_place, a_light) for colour in colours)
    ]


def place_backdrop(place: str, light: str) -> Backdrop:
    """The backdrop of a place."""
    return Backdrop(place, light, place_tones(place, light))


def plain_backdrop(colours: Collection[str], rng: np.random.Generator) -> Backdrop:
    """A plain one, the best of a few chance tones for things of these colours."""
    kind = PLAIN_KINDS[rng.integers(len(PLAIN_KINDS))]
    best: tuple[RGB, RGB] | None = None
    most = -1.0
    for _ in range(16):
        base = rng.uniform(
            *((200, 250), (60, 110), (20, 60), (150, 205))[rng.choice(4, p=(0.4, 0.2, 0.15, 0.25))]
        )
        tint = rng.uniform(-24, 24, 3)
        one, two = (_tone(base + tint + rng.uniform(-16, 16)) for _ in range(2))
        least = min((distance(COLOURS[c], tone) for c in colours for tone in (one, two)), default=999.0)
        if least > most:
            most, best = least, (one, two)
        if least > 1.6 * TOLD_APART:
            break
    assert best is not None
    return Backdrop(kind, "", best)


def paint(backdrop: Backdrop, width: int, height: int, rng: np.random.Generator) -> Canvas:
    """The backdrop's pixels."""
    if backdrop.kind in PLACES:
        return _landscape(backdrop, width, height, rng)
    one, two = (np.array(tone, np.float32) for tone in backdrop.tones)
    share = _SHARES[backdrop.kind](width, height, rng)[..., None]
    canvas: Canvas = one + (two - one) * share
    if backdrop.kind == "paper":
        canvas = canvas + rng.normal(0, 4, (height, width, 1)).astype(np.float32)
    finished: Canvas = canvas.astype(np.float32)
    return finished


def value_noise(width: int, height: int, cells: int, rng: np.random.Generator, octaves: int = 4) -> Canvas:
    """Clouds of chance [height, width], 0 to 1, with details at every scale as in photographs."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        n = cells * 2**octave
        if n > 256:
            break
        grid = Image.fromarray(rng.random((n + 1, n + 1), dtype=np.float32))
        layer = grid.resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(layer, dtype=np.float32) / 2**octave
    low, high = float(total.min()), float(total.max())
    total -= low
    total /= max(high - low, 1e-6)
    return total


def _tone(values: npt.NDArray[np.float64]) -> RGB:
    red, green, blue = (int(v) for v in np.clip(np.rint(values), 4, 252))
    return red, green, blue


def _gradient(width: int, height: int, rng: np.random.Generator) -> Canvas:
    angle = float(rng.uniform(0, 2 * np.pi))
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    share: Canvas = 0.5 + (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) * np.float32(0.8)
    return share.clip(0, 1)


def _weave(width: int, height: int, rng: np.random.Generator) -> Canvas:
    period = float(rng.uniform(5, 9))
    x = np.sin(np.arange(width, dtype=np.float32) * (2 * np.pi / period))[None]
    y = np.sin(np.arange(height, dtype=np.float32) * (2 * np.pi / period))[:, None]
    share: Canvas = np.float32(0.5) + np.float32(0.22) * x + np.float32(0.22) * y
    return share


_SHARES: dict[str, Callable[[int, int, np.random.Generator], Canvas]] = {
    "plain": lambda width, height, rng: np.zeros((height, width), np.float32),
    "gradient": _gradient,
    "noise": lambda width, height, rng: value_noise(width, height, 3, rng, 6),
    "paper": lambda width, height, rng: value_noise(width, height, 2, rng, 2),
    "weave": _weave,
    "soft": lambda width, height, rng: value_noise(width, height, 2, rng, 1),
}


def _landscape(backdrop: Backdrop, width: int, height: int, rng: np.random.Generator) -> Canvas:
    top, low, ground = (np.array(tone, np.float32) for tone in backdrop.tones)
    horizon = int(height * rng.uniform(0.5, 0.66))
    down = np.linspace(0, 1, horizon, dtype=np.float32)[:, None, None]
    canvas = np.empty((height, width, 3), np.float32)
    clouds = (value_noise(width, horizon, 3, rng)[..., None] - 0.5) * (8 if backdrop.light == "night" else 16)
    canvas[:horizon] = top + (low - top) * down + clouds
    _foreground(canvas, horizon, backdrop, ground, rng)
    if backdrop.kind in ("mountains", "city"):
        _skyline(canvas, horizon, backdrop, ground, rng)
    if backdrop.light == "night":
        rows, columns = rng.integers(0, int(horizon * 0.7), 60), rng.integers(0, width, 60)
        canvas[rows, columns] = np.maximum(canvas[rows, columns], 170)
    return canvas


def _foreground(
    canvas: Canvas, horizon: int, backdrop: Backdrop, ground: Canvas, rng: np.random.Generator
) -> None:
    height, width = canvas.shape[0] - horizon, canvas.shape[1]
    near = np.linspace(0.92, 1.06, height, dtype=np.float32)[:, None, None]
    if backdrop.kind == "sea":  # waves: noise stretched sideways
        grain = np.asarray(
            Image.fromarray(value_noise(width // 4, height, 24, rng, 3)).resize((width, height)), np.float32
        )
        strength = 0.3
    elif backdrop.kind == "desert":  # dunes: soft and wide
        grain, strength = value_noise(width, height, 2, rng, 2), 0.16
    elif backdrop.kind == "meadow":  # blades
        grain = np.asarray(
            Image.fromarray(rng.random((max(2, height // 5), width), dtype=np.float32)).resize(
                (width, height)
            ),
            np.float32,
        )
        strength = 0.3
    else:
        grain, strength = value_noise(width, height, 6, rng, 4), 0.18
    canvas[horizon:] = ground * near * (1 + strength * (grain[..., None] - 0.5))


def _skyline(
    canvas: Canvas, horizon: int, backdrop: Backdrop, ground: Canvas, rng: np.random.Generator
) -> None:
    """Ridges or house fronts that rise from the horizon in the ground's colour."""
    width = canvas.shape[1]
    x = np.arange(width)
    if backdrop.kind == "mountains":
        knots = rng.uniform(0.15, 1, 9)
        rise = np.interp(x, np.linspace(0, width, 9), knots) + 0.04 * np.interp(
            x, np.linspace(0, width, 60), rng.random(60)
        )
    else:
        blocks = rng.uniform(0.25, 1, 14)
        rise = blocks[np.minimum(x * 14 // width, 13)]
    tops = horizon - rise * horizon * 0.42
    rows = np.arange(horizon)[:, None]
    cover = np.clip(rows - tops[None] + 0.5, 0, 1)[..., None].astype(np.float32)
    body = np.broadcast_to(ground * 0.86, (horizon, width, 3)).copy()
    if backdrop.kind == "mountains":
        body += (value_noise(width, horizon, 8, rng, 4)[..., None] - 0.5) * 24 * _DIMMED[backdrop.light][0]
    else:
        _windows(body, backdrop.light, rng)
    canvas[:horizon] = canvas[:horizon] * (1 - cover) + body * cover


def _windows(body: Canvas, light: str, rng: np.random.Generator) -> None:
    lit = np.array((168, 150, 96) if light == "night" else body[0, 0] * 0.82, np.float32)
    rows, columns = np.meshgrid(np.arange(0, body.shape[0], 8), np.arange(2, body.shape[1], 7), indexing="ij")
    chosen = rng.random(rows.shape) < 0.45
    for down in range(3):
        at = np.minimum(rows[chosen] + down, body.shape[0] - 1)
        body[at, columns[chosen]] = lit
        body[at, np.minimum(columns[chosen] + 1, body.shape[1] - 1)] = lit
