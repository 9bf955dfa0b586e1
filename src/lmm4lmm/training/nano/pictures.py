"""The pictures that the shipped nano learns from, and the made quality label of each.

No set with opinion scores on AI images may be used here, so levels are made: of a photograph, or for AI images the
published mean of their generator, less the penalty of a graded fault. They order images; they don't measure them, and
the model card says so.
"""

from __future__ import annotations

import io
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from PIL import Image

from lmm4lmm.core import files
from lmm4lmm.core.errors import InputError
from lmm4lmm.training.distortions import FAULTS, LEVELS, distort, penalty

Side: TypeAlias = Literal["train", "validation", "test"]

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
_VALIDATION, _TEST = 5, 15
_VARIANTS = {
    "imagenet_sample": 3,
    "coco_mini": 5,
    "drawbench_sd": 3,
    "early_generators": 3,
    "anatomy_errors": 3,
}
"""How often each picture of a source is shown: as it is, otherwise sized, with faults."""


@dataclass(frozen=True)
class Alter:
    """What is done to a picture: another size, a fault, another JPEG, in this order.

    Attributes:
        scale: of width and height.
        fault, level: a key of ``FAULTS`` and 1 to 5; "" for none.
        jpeg: quality; 0 for none.
        seed: decides everything random.
    """

    scale: float = 1.0
    fault: str = ""
    level: int = 0
    jpeg: int = 0
    seed: int = 0

    def __call__(self, image: Image.Image) -> Image.Image:
        """The picture, altered."""
        if self.scale != 1.0:
            factor = min(max(self.scale, 200 / min(image.size)), 900 / max(image.size))
            size = (round(image.width * factor), round(image.height * factor))
            image = image.resize(
                size, Image.Resampling.LANCZOS if self.seed % 2 else Image.Resampling.BICUBIC
            )
        if self.fault:
            image = distort(image, self.fault, self.level, self.seed)
        if self.jpeg:
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=self.jpeg)
            image = Image.open(stream).convert("RGB")
        return image

    @property
    def name(self) -> str:
        """Tells it from others; "" where nothing is done."""
        if self == Alter(seed=self.seed):
            return ""
        return f"{self.scale:.3f}-{self.fault}{self.level}-{self.jpeg}-{self.seed}"


@dataclass(frozen=True)
class Picture:
    """One picture, perhaps altered.

    Attributes:
        source: folder of the shared data it comes from.
        path: the image file.
        image: the same, relative to the folder of shared data.
        group: what must not straddle a split: the photo's class, the prompt, the sentence.
        side: of the split that the group is on.
        level: made quality, 0 to 100; None where nothing is known.
        certain: how much the level is worth, 0 to 1.
        alter: what is done to it.
        row: its manifest row.
    """

    source: str
    path: Path
    image: str
    group: str
    side: Side
    level: float | None
    certain: float
    alter: Alter
    row: dict[str, Any]

    @property
    def generator(self) -> str:
        """Who made it."""
        return str(self.row.get("model") or ("rendered" if self.source == "nlvr" else "photograph"))


def side_of(group: str) -> Side:
    """The side of a group: by hash, so that adding data moves nothing."""
    place = zlib.crc32(group.strip().lower().encode()) % 100
    return "validation" if place < _VALIDATION else "test" if place < _TEST else "train"


def all_pictures(data: Path) -> list[Picture]:
    """Every picture of the folder of shared data with its variants, in a fixed order.

    Raises:
        InputError: a manifest is absent.
    """
    clean = [
        *_photos(data, "imagenet_sample", group="label"),
        *_photos(data, "coco_mini", group="id"),
        *_generated(data, "drawbench_sd"),
        *_generated(data, "early_generators"),
        *_generated(data, "anatomy_errors"),
    ]
    shown = [_variant(one, number) for one in _unlike(clean) for number in range(_VARIANTS[one.source])]
    return [*shown, *_unlike(list(_scenes(data)))]


def _unlike(pictures: Sequence[Picture]) -> list[Picture]:
    """Without those whose file is another's, byte for byte: scenes drawn twice, black images of a filter."""
    hashes = [files.sha256(one.path) for one in pictures]
    number = Counter(hashes)
    return [one for one, key in zip(pictures, hashes, strict=True) if number[key] == 1]


def _variant(picture: Picture, number: int) -> Picture:
    """0: as it is; 1: another size, often another JPEG; 2 and more: a fault, too."""
    if number == 0:
        return picture
    seed = zlib.crc32(f"{picture.source}/{picture.row['id']}/{number}".encode())
    rng = np.random.default_rng(seed)
    scale = float(np.exp(rng.uniform(math.log(0.6), math.log(2.2)))) if number % 2 else 1.0
    jpeg = int(rng.integers(70, 97)) if rng.random() < 0.5 else 0
    alter = Alter(round(scale, 3), jpeg=jpeg, seed=seed)
    if number == 1 or picture.level is None:
        return replace(picture, alter=alter)
    fault, level = list(FAULTS)[rng.integers(len(FAULTS))], int(rng.integers(1, LEVELS + 1))
    return replace(
        picture,
        alter=replace(alter, fault=fault, level=level),
        level=max(5.0, picture.level - penalty(fault, level)),
        certain=1.0,
    )


def _rows(data: Path, source: str) -> list[dict[str, Any]]:
    manifest = data / source / "manifest.jsonl"
    if not manifest.exists():
        raise InputError(f"{manifest} is absent: nano is trained on the folder of shared development data")
    return [json.loads(line) for line in manifest.read_text("utf-8").splitlines() if line.strip()]


def _make(
    data: Path, source: str, row: dict[str, Any], group: str, level: float | None, certain: float
) -> Picture:
    image = f"{source}/{row['image']}"
    return Picture(source, data / image, image, group, side_of(group), level, certain, Alter(), row)


def _photos(data: Path, source: str, *, group: str) -> Iterator[Picture]:
    return (_make(data, source, row, str(row[group]), PHOTO_QUALITY, 1.0) for row in _rows(data, source))


def _generated(data: Path, source: str) -> Iterator[Picture]:
    for row in _rows(data, source):
        quality = GENERATOR_QUALITY.get(row["model"], _UNKNOWN_GENERATOR)
        if counts := row.get("anatomy_errors"):
            quality -= 4.0 * (math.log1p(sum(counts) / len(counts)) - math.log1p(8))
        yield _make(data, source, row, row["prompt"], quality, 0.6)


def _scenes(data: Path) -> Iterator[Picture]:
    for row in _rows(data, "nlvr"):
        yield _make(data, "nlvr", row, row["sentence"], None, 0.0)
