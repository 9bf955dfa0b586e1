"""Vision features on disk: the eye is frozen, so each picture is looked at once, however long training takes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from lmm4lmm.core import files
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.model.nano import processing
from lmm4lmm.model.nano.network import GRID, ImageFeatures, NanoNetwork
from lmm4lmm.model.nano.vision import CELL_WIDTH, STATISTICS_WIDTH
from lmm4lmm.training.distortions import distort
from lmm4lmm.training.pictures import Picture

_SHARD = 64


class FeatureCache:
    """Features of a fixed list of pictures, in shards of 64, each written whole: a killed run goes on where it was.

    Args:
        folder: where the shards lie; its name says nothing, the key of the shards does.
        pictures: in the order in which they are asked for.
    """

    def __init__(self, folder: Path, pictures: Sequence[Picture]) -> None:
        self.folder, self.pictures = folder, pictures
        folder.mkdir(parents=True, exist_ok=True)

    def fill(self, model: NanoNetwork, workers: int = 2) -> int:
        """Computes the shards that are missing; returns how many that were."""
        starts = range(0, len(self.pictures), _SHARD)
        missing = [start for start in starts if not self._shard(start).exists()]
        with ThreadPoolExecutor(workers) as pool, torch.inference_mode():
            for start in missing:
                views = np.stack(list(pool.map(_views, self.pictures[start : start + _SHARD])))
                found = [model.look(torch.from_numpy(part)) for part in np.array_split(views, 8) if len(part)]
                with files.atomic_path(self._shard(start)) as temporary:
                    np.savez(
                        temporary.with_suffix(""),
                        cells=torch.cat([f.cells for f in found]).numpy().astype(np.float16),
                        statistics=torch.cat([f.statistics for f in found]).numpy(),
                    )
        return len(missing)

    def load(self) -> ImageFeatures:
        """All features in memory: cells [N, 16, 1280] half precision, statistics [N, 2048]."""
        number = len(self.pictures)
        cells = np.empty((number, GRID * GRID, CELL_WIDTH), np.float16)
        statistics = np.empty((number, 2 * STATISTICS_WIDTH), np.float32)
        for start in range(0, number, _SHARD):
            with np.load(self._shard(start)) as shard:
                stop = start + len(shard["cells"])
                cells[start:stop], statistics[start:stop] = shard["cells"], shard["statistics"]
        return ImageFeatures(torch.from_numpy(cells), torch.from_numpy(statistics))

    def _shard(self, start: int) -> Path:
        part = self.pictures[start : start + _SHARD]
        names = [f"{p.source}/{p.row['id']}/{p.fault}/{p.level}" for p in part]
        key = files.content_key(str(processing.VERSION), *names)
        return self.folder / f"{start:06d}-{key[:12]}.npz"


def _views(picture: Picture) -> processing.Views:
    image = read_image(load_bytes(picture.path), name=str(picture.path))
    if picture.fault:
        image = distort(image, picture.fault, picture.level, picture.seed)
    return processing.views(image)
