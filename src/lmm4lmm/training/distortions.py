"""Graded faults for images: the raw material of pseudo opinion scores.

Five levels each, spaced so that equal steps annoy about equally, in the manner of the KADID-10k set (Lin et al.
2019). Strengths follow the image's size, so that a level looks alike on small and large pictures.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy import ndimage

LEVELS = 5
PENALTY = (6.0, 14.0, 24.0, 33.0, 41.0)
"""Points of opinion score that a fault of level 1 to 5 costs, before the fault's own weight."""

Floats = npt.NDArray[np.float64]


def _array(image: Image.Image) -> Floats:
    return np.asarray(image, dtype=np.float64)


def _image(values: Floats) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _scale(image: Image.Image) -> float:
    return min(image.size) / 256


def blur(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Gaussian blur."""
    return image.filter(ImageFilter.GaussianBlur((0.7, 1.2, 2.0, 3.2, 5.0)[level] * _scale(image)))


def noise(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """White Gaussian noise, each channel its own."""
    values = _array(image)
    return _image(values + rng.normal(0, (6, 12, 22, 38, 60)[level], values.shape))


def jpeg(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """JPEG blocking."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=(40, 22, 13, 8, 4)[level])
    return Image.open(stream).convert("RGB")


def pixelate(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Shrunk and enlarged again."""
    factor = (1.6, 2.3, 3.3, 5.0, 8.0)[level] * max(_scale(image), 1)
    small = image.resize((max(1, round(image.width / factor)), max(1, round(image.height / factor))))
    how = Image.Resampling.BICUBIC if rng.random() < 0.5 else Image.Resampling.NEAREST
    return small.resize(image.size, how)


def cast(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """A colour cast with wrong saturation."""
    values, strength = _array(image), (0.12, 0.22, 0.35, 0.5, 0.7)[level]
    gray = values.mean(2, keepdims=True)
    tint = rng.permutation([1 + strength, 1.0, 1 - strength])
    saturation = 1 + strength * rng.choice([-1.0, 1.5])
    return _image((gray + (values - gray) * saturation) * tint)


def exposure(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Much too dark, much too bright, or washed out."""
    strength = (0.2, 0.35, 0.5, 0.65, 0.8)[level]
    values = _array(image)
    way = rng.integers(3)
    if way == 0:
        return _image(values * (1 - strength))
    if way == 1:
        return _image(values * (1 + 1.5 * strength) + 40 * strength)
    return _image(128 + (values - 128) * (1 - strength))


def banding(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Too few tones."""
    step = 255 / ((20, 12, 8, 5, 3)[level] - 1)
    return _image(np.rint(_array(image) / step) * step)


def warp(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Melted shapes: a smooth random displacement, as where a generator gets structure wrong."""
    height, width = image.height, image.width
    strength = (3, 6, 10, 15, 22)[level] * _scale(image)
    shifts = []
    for _ in range(2):
        field = ndimage.gaussian_filter(rng.normal(size=(32, 32)), 1.6, mode="wrap")
        field = ndimage.zoom(
            field / field.std(), (height / 32, width / 32), order=1, grid_mode=True, mode="grid-wrap"
        )
        shifts.append(strength * 0.6 * field[:height, :width])
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    where = [rows + shifts[0], columns + shifts[1]]
    values = _array(image)
    channels = [ndimage.map_coordinates(values[..., c], where, order=1, mode="reflect") for c in range(3)]
    return _image(np.stack(channels, 2))


def shuffle(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Misplaced parts: square patches change places."""
    values = _array(image).copy()
    side = max(8, round(min(image.size) / 7))
    for _ in range((1, 2, 4, 8, 14)[level]):
        (top, other_top) = rng.integers(0, image.height - side + 1, 2)
        (left, other_left) = rng.integers(0, image.width - side + 1, 2)
        one = values[top : top + side, left : left + side].copy()
        two = values[other_top : other_top + side, other_left : other_left + side].copy()
        values[top : top + side, left : left + side] = two
        values[other_top : other_top + side, other_left : other_left + side] = one
    return _image(values)


FAULTS: dict[str, tuple[Callable[[Image.Image, int, np.random.Generator], Image.Image], float]] = {
    "blur": (blur, 1.0),
    "noise": (noise, 0.9),
    "jpeg": (jpeg, 1.0),
    "pixelate": (pixelate, 1.0),
    "cast": (cast, 0.6),
    "exposure": (exposure, 0.7),
    "banding": (banding, 0.8),
    "warp": (warp, 1.0),
    "shuffle": (shuffle, 0.9),
}
"""Name -> the fault and the weight of its penalty (hue and tone annoy less than lost structure)."""


def distort(image: Image.Image, fault: str, level: int, seed: int) -> Image.Image:
    """The image with a fault.

    Args:
        image: RGB.
        fault: a key of ``FAULTS``.
        level: 1 (just visible) to 5 (gross).
        seed: decides everything that is random.
    """
    function, _ = FAULTS[fault]
    return function(image, level - 1, np.random.default_rng([seed, level, *fault.encode()]))


def penalty(fault: str, level: int) -> float:
    """Points of opinion score, 0 to 100 scale, that the fault is taken to cost."""
    return PENALTY[level - 1] * FAULTS[fault][1]
