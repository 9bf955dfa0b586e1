"""Scenes to pixels: each thing on a small canvas at three times the size, shrunk, and laid on the backdrop."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lmm4lmm.training.synthetic.backdrops import Canvas, paint
from lmm4lmm.training.synthetic.lettering import letter
from lmm4lmm.training.synthetic.scene import Scene, Thing
from lmm4lmm.training.synthetic.shapes import Points, outline
from lmm4lmm.training.synthetic.surfaces import luminance, surface
from lmm4lmm.training.synthetic.vocabulary import RGB, stream

_FINER = 3
_DARK, _LIGHT = (24.0, 24.0, 30.0), (236.0, 236.0, 232.0)


def draw(scene: Scene) -> Image.Image:
    """The scene without quality faults of the whole image; RGB. The same scene gives the same pixels."""
    canvas = paint(scene.backdrop, scene.width, scene.height, stream(scene.seed, "backdrop"))
    for number, thing in enumerate(scene.things):
        _put(canvas, thing, scene.style, stream(scene.seed, "thing", number))
    image = Image.fromarray(np.clip(np.rint(canvas), 0, 255).astype(np.uint8))
    if scene.lettering:
        letter(image, scene.lettering, scene.backdrop)
    return image


def _put(canvas: Canvas, thing: Thing, style: str, rng: np.random.Generator) -> None:
    half = math.ceil(thing.radius * 1.3) + 4
    polygons = [(points * thing.radius + half, fills) for points, fills in _bent(thing, rng)]
    mask = _mask(polygons, 2 * half)
    lines = _lines(polygons, mask, thing, style, rng)
    if thing.cut:
        mask, lines = (_displaced(layer, thing, half) for layer in (mask, lines))
    colours = surface(thing, style, 2 * half, rng)
    left, top = round(thing.x) - half, round(thing.y) - half
    if style == "shaded":
        soft = Image.fromarray((mask * 255).astype(np.uint8)).filter(
            ImageFilter.GaussianBlur(thing.radius * 0.09)
        )
        offset = round(thing.radius * 0.12)
        _lay(canvas, np.zeros(3, np.float32), 0.32 * _shares(soft), left + offset, top + offset)
    if thing.ghost:
        aside = round(thing.radius * (0.25 + 0.2 * thing.ghost))
        _lay(canvas, colours, (0.12 + 0.3 * thing.ghost) * mask, left + aside, top - aside // 3)
    _lay(canvas, colours, mask, left, top)
    if style in ("outlined", "sketchy"):
        _lay(canvas, np.array(_line_colour(thing.rgb, style), np.float32), lines, left, top)


def _lay(canvas: Canvas, colours: Canvas, alpha: Canvas, left: int, top: int) -> None:
    """Blends a square tile into the canvas; what sticks out is left out."""
    side = alpha.shape[0]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, canvas.shape[1]), min(top + side, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    part = canvas[y0:y1, x0:x1]
    a = alpha[inner][..., None]
    part += ((colours[inner] if colours.ndim == 3 else colours) - part) * a


def _bent(thing: Thing, rng: np.random.Generator) -> list[tuple[Points, bool]]:
    """The outline, melted and turned, in units of the radius."""
    phases = rng.uniform(0, 2 * math.pi, 4)
    angle = math.radians(thing.angle)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    found = []
    for points, fills in outline(thing.shape, thing.mood):
        x, y = points[:, 0], points[:, 1]
        bend = [
            np.sin(3.4 * y + phases[0]) + 0.6 * np.sin(7 * x + phases[1]),
            np.sin(3.4 * x + phases[2]) + 0.6 * np.sin(7 * y + phases[3]),
        ]
        found.append(((points + 0.11 * thing.melt * np.stack(bend, 1)) @ turn, fills))
    return found


def _shares(levels: Image.Image) -> Canvas:
    shares: Canvas = np.asarray(levels, np.float32)
    return shares / np.float32(255)


def _mask(polygons: list[tuple[Points, bool]], side: int) -> Canvas:
    tile = Image.new("L", (side * _FINER, side * _FINER))
    pen = ImageDraw.Draw(tile)
    for points, fills in polygons:
        pen.polygon((points * _FINER).ravel().tolist(), fill=255 if fills else 0)
    return _shares(tile.reduce(_FINER))


def _lines(
    polygons: list[tuple[Points, bool]], mask: Canvas, thing: Thing, style: str, rng: np.random.Generator
) -> Canvas:
    """Contours: one bold line around the silhouette, or two thin unsteady ones."""
    tile = Image.new("L", (mask.shape[1] * _FINER, mask.shape[0] * _FINER))
    pen = ImageDraw.Draw(tile)
    if style == "outlined":
        width = max(2.0, thing.radius * 0.075)
        wide = Image.new("L", tile.size)
        around = ImageDraw.Draw(wide)
        for points, fills in polygons:
            corners = [tuple(p) for p in (points * _FINER).tolist()]
            around.polygon(corners, fill=255 if fills else 0)
            bold = width if fills else 0.6 * width
            around.line([*corners, *corners[:2]], fill=255, width=round(bold * _FINER), joint="curve")
        return (_shares(wide.reduce(_FINER)) - mask).clip(0, 1)
    if style == "sketchy":
        for _ in range(2):
            for points, _fills in polygons:
                shaky = points + rng.normal(0, 0.016 * thing.radius, points.shape) + rng.normal(0, 0.6, 2)
                corners = [tuple(p) for p in (shaky * _FINER).tolist()]
                pen.line([*corners, corners[0]], fill=235, width=max(3, round(thing.radius * 0.055)))
    return _shares(tile.reduce(_FINER))


def _displaced(layer: Canvas, thing: Thing, half: int) -> Canvas:
    """What is below a line through the thing, moved sideways."""
    moved = layer.copy()
    row = half + round(thing.radius * 0.1)
    moved[row:] = np.roll(layer[row:], round(thing.radius * 0.42 * thing.cut), axis=1)
    return moved


def _line_colour(rgb: RGB, style: str) -> tuple[float, float, float]:
    if luminance(rgb) < 50:
        return _LIGHT if style == "outlined" else (120.0, 120.0, 124.0)
    return _DARK
