"""Statistics of natural scenes: how an image's local contrast, edges, colours and frequencies are distributed.

Photographs share them, whatever they show; blur, noise, blocking and the artefacts of generators change them. After
BRISQUE (Mittal, Moorthy and Bovik 2012, doi 10.1109/TIP.2012.2214050) and its kin: moments of divisively normalised
luminance and of its neighbours' products at several scales, with chroma, band energies and blocking beside them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from lmm4lmm.model.nano.brisque_features import Floats, asymmetric, shape_of

SIDE = 512
"""Short side in pixels, at most: a screen's worth. Smaller images are not enlarged."""
_LONGEST = 1024
_SCALES = 3
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def names() -> list[str]:
    """What each number of ``naturalness`` is."""
    found = []
    for scale in range(_SCALES):
        found += [f"mscn{scale}.{name}" for name in ("shape", "variance", "skew", "kurtosis")]
        for axis in ("right", "down", "diagonal", "other"):
            found += [
                f"pair{scale}.{axis}.{name}" for name in ("shape", "mean", "left", "right", "correlation")
            ]
        found += [f"contrast{scale}.{name}" for name in ("mean", "spread", "flat", "p10", "p90")]
        found += [f"edges{scale}.{name}" for name in ("mean", "spread", "curve")]
    for colour in ("rg", "yb"):
        found += [f"{colour}.{name}" for name in ("mean", "std", "shape", "variance")]
    found += ["light.mean", "light.std", "light.skew", "dark", "bright", "saturation", "colourful", "levels"]
    found += ["blocks.across", "blocks.down", "band0", "band1", "band2", "band3", "noise", "steps"]
    return found


def naturalness(image: Image.Image) -> Floats:
    """The statistics of an RGB image, [FEATURES] float32, each finite and of order one."""
    pixels = np.asarray(_shrunk(image), np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    found: list[float] = []
    plane, bands = light, []
    for _ in range(_SCALES):
        found += _scale(plane)
        half = _halved(plane)
        bands.append(float(np.log(_deviation(plane, half) + 0.1)))
        plane = half
    bands.append(float(np.log(plane.std() + 0.1)))
    for opponent in (red - green, 0.5 * (red + green) - blue):
        found += _chroma(opponent)
    found += _tones(light, pixels)
    found += [_blocking(light), _blocking(light.T), *bands, _noise(light), _steps(light)]
    return np.clip(np.nan_to_num(np.asarray(found, np.float32), posinf=20, neginf=-20), -20, 20)


def _shrunk(image: Image.Image) -> Image.Image:
    short, long = min(image.size), max(image.size)
    factor = min(1.0, SIDE / short, _LONGEST / long)
    width, height = (max(32, round(side * factor)) for side in image.size)
    return image if (width, height) == image.size else image.resize((width, height), Image.Resampling.BICUBIC)


def _scale(plane: Floats) -> list[float]:
    mean = ndimage.gaussian_filter(plane, 7 / 6, radius=3)
    square = ndimage.gaussian_filter(plane * plane, 7 / 6, radius=3)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    normal = (plane - mean) / (spread + 1.0)
    squares = normal * normal
    flat, flat_squares = normal.ravel(), squares.ravel()
    second = float(np.mean(squares)) + 1e-6
    first = float(np.mean(np.abs(normal)))
    third = float(flat @ flat_squares) / flat.size / second**1.5
    fourth = float(flat_squares @ flat_squares) / flat.size / second**2
    found = [shape_of(first * first / second), np.log(second), third, np.log(fourth + 0.1)]
    for down, right in _SHIFTS:
        found += _pair(normal, down, right, second)
    logs = np.log(spread + 0.5)
    low, high = np.quantile(logs[::4, ::4], (0.1, 0.9))
    found += [float(logs.mean()), float(logs.std()), float((spread < 1).mean()), float(low), float(high)]
    across, down_ = plane[1:, 1:] - plane[1:, :-1], plane[1:, 1:] - plane[:-1, 1:]
    edges = np.log(np.sqrt(across * across + down_ * down_) + 0.5)
    curve = plane[1:-1, 2:] + plane[1:-1, :-2] + plane[2:, 1:-1] + plane[:-2, 1:-1] - 4 * plane[1:-1, 1:-1]
    return [
        *map(float, found),
        float(edges.mean()),
        float(edges.std()),
        float(np.log(np.abs(curve).mean() + 0.1)),
    ]


def _pair(normal: Floats, down: int, right: int, second: float) -> list[float]:
    """The asymmetric generalised Gaussian of neighbours' products, and their correlation."""
    one = normal[down:, max(right, 0) : normal.shape[1] + min(right, 0)]
    two = normal[: normal.shape[0] - down, max(-right, 0) : normal.shape[1] - max(right, 0)]
    product = one * two
    shape, mean, left, right_ = asymmetric(product)
    return [shape, mean, np.log(left + 1e-4), np.log(right_ + 1e-4), float(product.mean()) / second]


def _halved(plane: Floats) -> Floats:
    rows, columns = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    even = plane[:rows, :columns]
    return 0.25 * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])


def _deviation(plane: Floats, half: Floats) -> float:
    """What halving loses: the energy of the highest octave."""
    rows, columns = half.shape
    blocks = plane[: rows * 2, : columns * 2].reshape(rows, 2, columns, 2)
    return float(np.sqrt(np.mean((blocks - half[:, None, :, None]) ** 2)))


def _chroma(plane: Floats) -> list[float]:
    small = _halved(plane)
    mean = ndimage.gaussian_filter(small, 7 / 6, radius=3)
    rest = small - mean
    second = float(np.mean(rest * rest)) + 1e-3
    ratio = float(np.mean(np.abs(rest))) ** 2 / second
    return [float(small.mean()) / 32, float(np.log(small.std() + 1)), shape_of(ratio), float(np.log(second))]


def _tones(light: Floats, pixels: Floats) -> list[float]:
    std = float(light.std()) + 1e-3
    centred = (light - light.mean()).ravel()
    skew = float(centred @ (centred * centred)) / centred.size / std**3
    few = np.ascontiguousarray(pixels[::2, ::2])
    red, green, blue = few[..., 0], few[..., 1], few[..., 2]
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    saturation = (most - least) / (most + 1)
    rg, yb = red - green, 0.5 * (red + green) - blue
    colourful = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    counts = np.bincount(light.astype(np.uint8).ravel(), minlength=256) / light.size
    entropy = -float(np.sum(counts * np.log2(counts + 1e-12)))
    return [
        float(light.mean()) / 64,
        float(np.log(std)),
        skew,
        float((light < 8).mean()) * 4,
        float((light > 247).mean()) * 4,
        float(saturation.mean()) * 4,
        float(np.log(colourful + 1)),
        entropy / 2,
    ]


def _blocking(light: Floats) -> float:
    """How much larger the steps at multiples of eight pixels are than others: JPEG's grid."""
    steps = np.abs(np.diff(light, axis=1)).mean(0)
    if len(steps) < 16:
        return 0.0
    at = steps[7::8]
    return float(np.log((at.mean() + 0.05) / (np.delete(steps, np.s_[7::8]).mean() + 0.05)))


def _noise(light: Floats) -> float:
    """Log of the noise's standard deviation (Immerkaer 1996), from a mask that no linear structure passes."""
    mask = (
        light[:-2, :-2] - 2 * light[:-2, 1:-1] + light[:-2, 2:]
        - 2 * light[1:-1, :-2] + 4 * light[1:-1, 1:-1] - 2 * light[1:-1, 2:]
        + light[2:, :-2] - 2 * light[2:, 1:-1] + light[2:, 2:]
    )  # fmt: skip
    return float(np.log(np.median(np.abs(mask)) + 0.1))


def _steps(light: Floats) -> float:
    """Share of neighbours that are exactly equal: flat areas and too few tones."""
    return 2 * float((np.abs(np.diff(light, axis=1)) < 1e-3).mean())


FEATURES = len(names())
