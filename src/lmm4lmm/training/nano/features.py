"""What nano's frozen eye says of each image, on disk: an image is looked at once, however long training takes."""

from __future__ import annotations

import json
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
from lmm4lmm.model.nano.network import NanoNetwork
from lmm4lmm.model.nano.scene import ImageFeatures
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
_SIZES = [PLACES * PLACE_WIDTH, CELLS * CELL_WIDTH, STATISTICS_WIDTH, FEATURES, 1]

Key = tuple[str, str]
"""An image file and what is done to it."""
Halves = npt.NDArray[np.float16]


class FeatureCache:
    """Features of the images of some examples, in shards that are written whole: a killed run goes on where it was.

    Beside each shard lies the list of what is in it, so other rows find what they share with earlier ones.

    Args:
        folder: where the shards lie.
        examples: rows; those of one image (and variant) share its features.
    """

    def __init__(self, folder: Path, examples: Sequence[Example]) -> None:
        self._folder = folder
        self._first = {key_of(one): one for one in reversed(examples)}
        self._keys = sorted(self._first)
        self.number = {key: index for index, key in enumerate(self._keys)}
        self._place: dict[Key, tuple[Path, int]] = {}
        self._open: dict[Path, Halves] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def fill(self, model: NanoNetwork, say: Say, workers: int = 2) -> dict[Key, str]:
        """Looks at what was not looked at yet.

        Returns:
            Why an image can't be used.
        """
        for listed in sorted(self._folder.glob("*.json")):
            self._found(listed)
        missing = [key for key in self._keys if key not in self._place]
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(missing), _SHARD):
                if start // _SHARD % 8 == 0:
                    say(f"looking at images: {start:,} of {len(missing):,}")
                self._write(missing[start : start + _SHARD], model, pool)
        wrong = [key for key in self._keys if np.isnan(self._row(key)[0])]
        return {key: self._reason(self._first[key]) for key in wrong}

    def row(self, index: int) -> Halves:
        """The features of image ``index``, [sum of sizes] half precision."""
        return self._row(self._keys[index])

    def _row(self, key: Key) -> Halves:
        shard, row = self._place[key]
        if shard not in self._open:
            self._open[shard] = np.load(shard, mmap_mode="r")
        found: Halves = self._open[shard][row]
        return found

    def _found(self, listed: Path) -> None:
        """Takes up a shard by its list; one of other preprocessing is left alone."""
        version, keys = json.loads(listed.read_text("utf-8"))
        if version == processing.VERSION and (shard := listed.with_suffix(".npy")).exists():
            self._place |= {(path, variant): (shard, row) for row, (path, variant) in enumerate(keys)}

    def _write(self, keys: Sequence[Key], model: NanoNetwork, pool: ThreadPoolExecutor) -> None:
        out = np.full((len(keys), sum(_SIZES)), np.nan, np.float16)
        for first in range(0, len(keys), _AT_ONCE):
            part = [self._first[key] for key in keys[first : first + _AT_ONCE]]
            seen = list(pool.map(_seen, part))
            good = [place for place, one in enumerate(seen) if isinstance(one, processing.View)]
            views = [one for one in seen if isinstance(one, processing.View)]
            if views:
                with torch.inference_mode():
                    out[[first + place for place in good]] = flat(model.look(views))
        names = [str(processing.VERSION), *(part for key in keys for part in key)]
        shard = self._folder / f"{files.content_key(*names)[:16]}.npy"
        with files.atomic_path(shard) as temporary, temporary.open("wb") as stream:
            np.save(stream, out)
        listed = shard.with_suffix(".json")
        files.write_atomically(listed, json.dumps([processing.VERSION, keys]))
        self._found(listed)

    def _reason(self, example: Example) -> str:
        found = _seen(example)
        return found if isinstance(found, str) else "its features are not numbers"


def key_of(example: Example) -> Key:
    """What the features of an example are kept under."""
    return str(example.item.path), example.variant


def flat(features: ImageFeatures) -> Halves:
    """[B, sum of sizes] half precision; the network rounds its features to that, so nothing is lost."""
    eye = features.eye
    parts = (eye.places, eye.cells, eye.statistics, features.naturalness, features.opinion)
    found: Halves = torch.cat([part.reshape(len(part), -1) for part in parts], 1).half().cpu().numpy()
    return found


def unflat(rows: torch.Tensor) -> ImageFeatures:
    """Features of [B, sum of sizes] as ``flat`` gave them, in float32."""
    places, cells, statistics, naturalness, opinion = torch.split(rows.float(), list(_SIZES), 1)
    eye = VisionFeatures(places.view(-1, PLACES, PLACE_WIDTH), cells.view(-1, CELLS, CELL_WIDTH), statistics)
    return ImageFeatures(eye, naturalness, opinion[:, 0])


def _seen(example: Example) -> processing.View | str:
    """The view of an image, or why there is none."""
    path = example.item.path
    try:
        image = read_image(load_bytes(path), name=str(path))
        return processing.view(image if example.alter is None else example.alter(image))
    except ItemError as error:
        return str(error)
