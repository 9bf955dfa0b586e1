"""The pictures that nano's first version learns from, and the weak quality label of each.

No set with opinion scores on AI images may be used here, so labels are made: a source-wide level (for AI images the
rank of their generator in published studies) less the penalty of a graded fault. They order images; they don't
measure them, and the model card says so.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.distortions import FAULTS, LEVELS, penalty

PHOTO_QUALITY = 66.0
GENERATOR_QUALITY = {
    # EvalMi-50K's MOS1 means, and AGIQA-3K's order mapped onto that scale, where either knows the generator;
    # early 2022 models by their kin (glid3 and mdif: GLIDE; ldif: latent diffusion; dmin: DALL-E mini).
    "sd-1.4": 46.0,
    "sd-1.5": 46.5,
    "sd-2.1": 47.7,
    "sdxl": 53.5,
    "stable-cascade": 55.5,
    "dall-e-3": 59.3,
    "midj": 50.0,
    "stab": 47.0,
    "dal2": 46.5,
    "simu": 43.0,
    "ldif": 35.0,
    "disco": 33.0,
    "dmin": 32.0,
    "glid3": 31.0,
    "mdif": 28.0,
}
_UNKNOWN_GENERATOR = 36.0
_HELD_OUT_PERCENT = 15


@dataclass(frozen=True)
class Picture:
    """One picture, perhaps with a fault put in.

    Attributes:
        source: folder of the shared data it comes from.
        path: the image file.
        group: what must not straddle a split: the photo's class, the prompt, the sentence.
        held_out: whether the group is kept for validation.
        quality: weak perception label on the 0 to 100 scale; None where nothing is known.
        quality_weight: how much the label is worth, 0 to 1.
        fault, level: what was done to it; "" and 0 where nothing.
        row: its manifest row.
    """

    source: str
    path: Path
    group: str
    held_out: bool
    quality: float | None
    quality_weight: float
    fault: str
    level: int
    row: dict[str, Any]

    @property
    def seed(self) -> int:
        """Decides everything random about the picture; the same on every machine."""
        return zlib.crc32(f"{self.source}/{self.row['id']}".encode())


def held_out(group: str) -> bool:
    """Whether a group is for validation: by hash, so that adding data moves nothing."""
    return zlib.crc32(group.strip().lower().encode()) % 100 < _HELD_OUT_PERCENT


def all_pictures(data: Path) -> list[Picture]:
    """Every picture of the folder of shared data, clean ones first within a source, in a fixed order.

    Raises:
        InputError: a manifest is absent.
    """
    return [
        *_photos(data, "imagenet_sample", group="label", faults=2),
        *_photos(data, "coco_mini", group="id", faults=4),
        *_generated(data, "drawbench_sd", faulty_every=2),
        *_generated(data, "early_generators", faulty_every=3),
        *_generated(data, "anatomy_errors", faulty_every=2),
        *_scenes(data),
    ]


def _rows(data: Path, source: str) -> list[dict[str, Any]]:
    manifest = data / source / "manifest.jsonl"
    if not manifest.exists():
        raise InputError(f"{manifest} is absent: nano is trained on the folder of shared development data")
    return [json.loads(line) for line in manifest.read_text("utf-8").splitlines() if line.strip()]


def _make(
    data: Path, source: str, row: dict[str, Any], group: str, quality: float | None, weight: float
) -> Picture:
    return Picture(
        source,
        data / source / row["image"],
        group,
        held_out(group),
        quality,
        weight,
        fault="",
        level=0,
        row=row,
    )


def _spoiled(picture: Picture, turn: int) -> Picture:
    """The picture with a fault whose kind and level go round-robin, so that all are equally common."""
    names = list(FAULTS)
    number = picture.seed // 7 + 5 * turn
    fault, level = names[number % len(names)], 1 + (number // len(names) + 2 * turn) % LEVELS
    quality = None if picture.quality is None else max(5.0, picture.quality - penalty(fault, level))
    return Picture(
        picture.source,
        picture.path,
        picture.group,
        picture.held_out,
        quality,
        1.0,
        fault,
        level,
        picture.row,
    )


def _photos(data: Path, source: str, *, group: str, faults: int) -> Iterator[Picture]:
    clean = [_make(data, source, row, str(row[group]), PHOTO_QUALITY, 1.0) for row in _rows(data, source)]
    yield from clean
    yield from (_spoiled(picture, turn) for picture in clean for turn in range(faults))


def _generated(data: Path, source: str, *, faulty_every: int) -> Iterator[Picture]:
    clean = []
    for row in _rows(data, source):
        quality = GENERATOR_QUALITY.get(row["model"], _UNKNOWN_GENERATOR)
        if counts := row.get("anatomy_errors"):
            quality -= 4.0 * (math.log1p(sum(counts) / len(counts)) - math.log1p(8))
        clean.append(_make(data, source, row, row["prompt"], quality, 0.5))
    yield from clean
    yield from (_spoiled(p, 0) for n, p in enumerate(clean) if n % faulty_every == 0)


def _scenes(data: Path) -> Iterator[Picture]:
    for row in _rows(data, "nlvr"):
        yield _make(data, "nlvr", row, row["sentence"], None, 0.0)
