"""BRISQUE's 36 features: how divisively normalised luminance is distributed. NumPy and SciPy only.

Source: Mittal, Moorthy and Bovik 2012, doi 10.1109/TIP.2012.2214050.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from scipy.special import gammaln

FEATURES = 36
_SCREEN = 1080
"""Short side in pixels, at most: what is larger is shrunk to a screen's height."""
_WINDOW = 640
"""Of that, so much of the middle is measured, pixel by pixel: cost has a bound, and no fine fault is shrunk away."""
LOW = (
    0.336999, 0.019667, 0.23, -0.125959, 0.000167, 0.000616, 0.231, -0.125873, 0.000165,
    0.0006, 0.241, -0.128814, 0.000179, 0.000386, 0.243, -0.13308, 0.000182, 0.000421,
    0.436998, 0.016929, 0.247, -0.200231, 0.000104, 0.000834, 0.257, -0.200017, 0.000112,
    0.000876, 0.257, -0.155072, 0.000112, 0.000356, 0.258, -0.154374, 0.000117, 0.000351,
)  # fmt: skip
HIGH = (
    9.999411, 0.807472, 1.644021, 0.202917, 0.712384, 0.468672, 1.644021, 0.169548, 0.713132,
    0.467896, 1.553016, 0.101368, 0.687324, 0.533087, 1.554016, 0.101, 0.689177, 0.533133,
    3.639918, 0.800955, 1.096995, 0.175286, 0.755547, 0.39927, 1.095995, 0.155928, 0.751488,
    0.402398, 1.041992, 0.093209, 0.623516, 0.532925, 1.042992, 0.093714, 0.621958, 0.534484,
)  # fmt: skip
"""Ranges of the 36 features that the published model was trained on (its wheel, ``normalize.pickle``)."""

Floats = npt.NDArray[np.float32]

_SHAPES = np.arange(0.1, 10.01, 0.001)
_RATIO = np.exp(2 * gammaln(2 / _SHAPES) - gammaln(1 / _SHAPES) - gammaln(3 / _SHAPES))


def features(image: Image.Image) -> Floats:
    """The features as nano sees them, of an RGB image: of a large one its middle; halved without aliasing."""
    light = _light(_middle(image))
    size = (max(1, light.shape[1] // 2), max(1, light.shape[0] // 2))
    half = np.asarray(Image.fromarray(light).resize(size, Image.Resampling.BICUBIC))
    return np.array([*_moments(light), *_moments(half)], np.float32)


def published_features(image: Image.Image) -> Floats:
    """The features that the published regression was trained on, of all of an RGB image.

    Its authors halved images by four taps of OpenCV's cubic, which lets fine structure alias; a regression that was
    trained so must be asked so.
    """
    light = _light(image)
    return np.array([*_moments(light), *_moments(_halved(_halved(light).T).T)], np.float32)


def _light(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32) @ np.array([0.2125, 0.7154, 0.0721], np.float32)


def _halved(plane: Floats) -> Floats:
    """Half as many rows: OpenCV's cubic (a = -0.75) halfway between the second and third of four rows."""
    count = max(1, round(plane.shape[0] / 2))
    rows = np.clip(2 * np.arange(count)[:, None] + np.arange(-1, 3), 0, plane.shape[0] - 1)
    taps = np.array([-0.09375, 0.59375, 0.59375, -0.09375], np.float32)
    halved: Floats = np.einsum("t,rtc->rc", taps, plane[rows])
    return halved


def _middle(image: Image.Image) -> Image.Image:
    factor = _SCREEN / min(image.size)
    if factor < 1:
        width, height = (max(1, round(side * factor)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    width, height = (min(side, _WINDOW) for side in image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _moments(light: Floats) -> list[float]:
    mean = ndimage.gaussian_filter(light, 7 / 6, radius=3, mode="constant")
    square = ndimage.gaussian_filter(light * light, 7 / 6, radius=3, mode="constant")
    normal = (light - mean) / (np.sqrt(np.abs(square - mean * mean)) + 1)
    shape, _, left, right = asymmetric(normal)
    found = [shape, (left * left + right * right) / 2]
    for one, two in (
        (normal[:, :-1], normal[:, 1:]),
        (normal[:-1], normal[1:]),
        (normal[:-1, :-1], normal[1:, 1:]),
        (normal[1:, :-1], normal[:-1, 1:]),
    ):
        shape, mean_, left, right = asymmetric(one * two)
        found += [shape, mean_, left * left, right * right]
    return found


def asymmetric(values: Floats) -> tuple[float, float, float, float]:
    """Shape, mean, left and right deviation of an asymmetric generalised Gaussian, by moments.

    Source: Lasmar, Stitou and Berthoumieu 2009, doi 10.1109/ICIP.2009.5414494.
    """
    below = np.minimum(values, 0)
    number = int(np.count_nonzero(below))
    of_left, of_all = float(np.square(below).sum()), float(np.square(values).sum())
    left = math.sqrt(of_left / number) if number else 1e-6
    right = math.sqrt(max(of_all - of_left, 0.0) / max(values.size - number, 1)) + 1e-9
    gamma = left / right
    size = max(values.size, 1)
    ratio = (float(np.abs(values).sum()) / size) ** 2 / (of_all / size + 1e-12)
    ratio *= (gamma**3 + 1) * (gamma + 1) / (gamma * gamma + 1) ** 2
    shape = shape_of(ratio)
    scale = np.exp(gammaln(2 / shape) - 0.5 * (gammaln(1 / shape) + gammaln(3 / shape)))
    return shape, (right - left) * float(scale), left, right


def shape_of(ratio: float) -> float:
    """The shape of a generalised Gaussian with this (E|x|)^2 / E x^2: .1 (heavy tails) to 10 (nearly uniform)."""
    return float(_SHAPES[min(int(np.searchsorted(_RATIO, ratio)), len(_SHAPES) - 1)])
