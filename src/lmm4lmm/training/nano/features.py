"""What nano's frozen eye says of each image, on disk: an image is looked at once, however long training takes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lmm4lmm.core import files
from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.model.nano import processing
from lmm4lmm.model.nano.naturalness import FEATURES
from lmm4lmm.model.nano.network import ImageFeatures, NanoNetwork
from lmm4lmm.model.nano.vision import (
    CELL_WIDTH,
    CELLS,
    PLACE_WIDTH,
    PLACES,
    STATISTICS_WIDTH,
    VisionFeatures,
)
from lmm4lmm.training.examples import Example
from lmm4lmm.training.learner import Say

_SHARD = 128
_AT_ONCE = 16
_SIZES = [PLACES * PLACE_WIDTH, CELLS * CELL_WIDTH, STATISTICS_WIDTH, FEATURES]

Key = tuple[str, str]
"""An image file and what is done to it."""
Halves = npt.NDArray[np.float16]


class FeatureCache:
    """Features of the images of some examples, in shards that are written whole: a killed run goes on where it was.

    Several processes may fill one folder; each takes the shards that nobody has written.

    Args:
        folder: where the shards lie.
        examples: rows; those of one image (and variant) share its features.
    """

    def __init__(self, folder: Path, examples: Sequence[Example]) -> None:
        self._folder = folder
        self._first = {key_of(one): one for one in reversed(examples)}
        self._keys = sorted(self._first)
        self.number = {key: index for index, key in enumerate(self._keys)}
        self._open: dict[int, Halves] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def fill(self, model: NanoNetwork, say: Say, workers: int = 2) -> dict[Key, str]:
        """Looks at what was not looked at yet.

        Returns:
            Why an image can't be used.
        """
        wrong: dict[Key, str] = {}
        starts = range(0, len(self._keys), _SHARD)
        missing = [start for start in starts if not self._path(start).exists()]
        with ThreadPoolExecutor(workers) as pool:
            for done, start in enumerate(missing):
                if done % 8 == 0:
                    say(f"looking at images: {start:,} of {len(self._keys):,}")
                if not self._path(start).exists():  # another process may have been here
                    self._write(start, model, pool)
        for start in starts:
            shard = self._shard(start)
            for offset in np.flatnonzero(np.isnan(shard[:, 0])):
                key = self._keys[start + int(offset)]
                wrong[key] = self._reason(self._first[key])
        return wrong

    def row(self, index: int) -> Halves:
        """The features of image ``index``, [sum of sizes] half precision."""
        start = index // _SHARD * _SHARD
        found: Halves = self._shard(start)[index - start]
        return found

    def _write(self, start: int, model: NanoNetwork, pool: ThreadPoolExecutor) -> None:
        keys = self._keys[start : start + _SHARD]
        out = np.full((len(keys), sum(_SIZES)), np.nan, np.float16)
        for first in range(0, len(keys), _AT_ONCE):
            part = [self._first[key] for key in keys[first : first + _AT_ONCE]]
            seen = list(pool.map(_seen, part))
            good = [place for place, one in enumerate(seen) if isinstance(one, processing.View)]
            views = [one for one in seen if isinstance(one, processing.View)]
            if views:
                out[[first + place for place in good]] = flat(look(model, views))
        with files.atomic_path(self._path(start)) as temporary, temporary.open("wb") as stream:
            np.save(stream, out)

    def _reason(self, example: Example) -> str:
        found = _seen(example)
        return found if isinstance(found, str) else "its features are not numbers"

    def _shard(self, start: int) -> Halves:
        if start not in self._open:
            self._open[start] = np.load(self._path(start), mmap_mode="r")
        return self._open[start]

    def _path(self, start: int) -> Path:
        names = [part for key in self._keys[start : start + _SHARD] for part in key]
        key = files.content_key(str(processing.VERSION), *names)
        return self._folder / f"{start:07d}-{key[:12]}.npy"


def key_of(example: Example) -> Key:
    """What the features of an example are kept under."""
    return str(example.item.path), example.variant


@torch.inference_mode()
def look(model: NanoNetwork, views: Sequence[processing.View]) -> ImageFeatures:
    """Features of views."""
    pixels = torch.from_numpy(np.stack([one.pixels for one in views]))
    return model.look(pixels, torch.from_numpy(np.stack([one.naturalness for one in views])))


def flat(features: ImageFeatures) -> Halves:
    """[B, sum of sizes] half precision; the network rounds its features to that, so nothing is lost."""
    eye = features.eye
    parts = (eye.places, eye.cells, eye.statistics, features.naturalness)
    found: Halves = torch.cat([part.flatten(1) for part in parts], 1).half().cpu().numpy()
    return found


def unflat(rows: torch.Tensor) -> ImageFeatures:
    """Features of [B, sum of sizes] as ``flat`` gave them, in float32."""
    places, cells, statistics, naturalness = torch.split(rows.float(), list(_SIZES), 1)
    eye = VisionFeatures(places.view(-1, PLACES, PLACE_WIDTH), cells.view(-1, CELLS, CELL_WIDTH), statistics)
    return ImageFeatures(eye, naturalness)


def _seen(example: Example) -> processing.View | str:
    """The view of an image, or why there is none."""
    path = example.item.path
    try:
        image = read_image(load_bytes(path), name=str(path))
        return processing.view(image if example.alter is None else example.alter(image))
    except ItemError as error:
        return str(error)
