"""An image as the square tiles that InternVL looks at: a grid near the image's own shape, and the whole again.

Tiles stay 8-bit until they are on the model's device: a quarter of the bytes to move, keep and hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from lmm4lmm.core.errors import ImageError, WeightsError
from lmm4lmm.core.images import MAX_PIXELS, load_bytes

VERSION = 1
"""Part of the metric's fingerprint: raise it whenever a pixel would differ."""

Tiles = npt.NDArray[np.uint8]

REFERENCE_SQUASH = 1024
"""The reference makes every image a square of this side before it tiles."""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class TileSettings:
    """How an image is cut.

    Attributes:
        image_size: side S of a tile, in pixels.
        min_tiles: the fewest tiles of a grid.
        max_tiles: the most tiles of a grid; the thumbnail is not counted.
        thumbnail: whether the whole image, squashed to one tile, follows a grid of more than one.
        squash: side of the square that every image is made first; None leaves its shape.
    """

    image_size: int
    min_tiles: int = 1
    max_tiles: int = 6
    thumbnail: bool = True
    squash: int | None = REFERENCE_SQUASH

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, source: str) -> TileSettings:
        """What a released checkpoint's ``config.json`` says, with the reference's squash.

        Args:
            config: the file's content; a key that is absent has InternVL's own default.
            source: what error messages call the file.

        Raises:
            WeightsError: a value is unusable, or asks for what the released models don't do; names it.
        """
        if config.get("pad2square"):
            raise WeightsError(f"{source}: pad2square is true; only squashed images are supported")
        size = config.get("force_image_size") or config.get("vision_config", {}).get("image_size")
        least, most = config.get("min_dynamic_patch", 1), config.get("max_dynamic_patch", 6)
        for name, value in (("image size", size), ("min_dynamic_patch", least), ("max_dynamic_patch", most)):
            if type(value) is not int or value < 1:
                raise WeightsError(f"{source}: the {name} is {value!r}; expected a positive whole number")
        if least > most:
            raise WeightsError(f"{source}: min_dynamic_patch {least} is more than max_dynamic_patch {most}")
        if not config.get("dynamic_image_size", False):
            return cls(size, 1, 1, thumbnail=False)
        return cls(size, least, most, thumbnail=bool(config.get("use_thumbnail", False)))


@lru_cache(maxsize=64)
def _grids(min_num: int, max_num: int) -> tuple[tuple[int, int], ...]:
    # Among grids of the same number of tiles the reference goes in the order of a Python set. That decides which of
    # two equally near grids is taken (seen from min_num 2 on), so the set is filled in the reference's order.
    grids = {
        (cols, rows)
        for most in range(min_num, max_num + 1)
        for cols in range(1, most + 1)
        for rows in range(1, most + 1)
        if min_num <= cols * rows <= max_num
    }
    return tuple(sorted(grids, key=lambda grid: grid[0] * grid[1]))


@lru_cache(maxsize=4096)
def tile_grid(
    width: int, height: int, *, min_num: int, max_num: int, image_size: int, use_thumbnail: bool
) -> tuple[tuple[int, int], int]:
    """The grid whose shape is nearest the image's, and how many tiles that makes.

    Of grids equally near, a later one (of no fewer tiles) is taken if the image has more than half its pixels.

    Args:
        width, height: of the image, in pixels.
        min_num, max_num: the fewest and the most tiles of the grid.
        image_size: side of a tile, in pixels.
        use_thumbnail: whether a grid of several tiles gets one more.

    Returns:
        ((columns, rows), tiles with the thumbnail). (1, 1) where no grid fits.

    Source: InternVL's dynamic preprocessing.
    """
    best, least = (1, 1), float("inf")
    for cols, rows in _grids(min_num, max_num):
        distance = abs(width / height - cols / rows)
        large_enough = width * height > 0.5 * image_size * image_size * cols * rows
        if distance < least or (distance == least and large_enough):
            best, least = (cols, rows), distance
    count = best[0] * best[1]
    return best, count + (use_thumbnail and count > 1)


def tiles(image: Image.Image, settings: TileSettings) -> Tiles:
    """An image's tiles, row by row, the thumbnail last. Safe in any thread, most of the time outside the GIL.

    Args:
        image: any size; another mode than RGB is converted by Pillow's rules.

    Returns:
        [n, S, S, 3], 0 to 255.
    """
    whole = image if image.mode == "RGB" else image.convert("RGB")
    if settings.squash is not None:
        whole = _resized(whole, settings.squash, settings.squash)
    side = settings.image_size
    (cols, rows), count = tile_grid(
        *whole.size,
        min_num=settings.min_tiles,
        max_num=settings.max_tiles,
        image_size=side,
        use_thumbnail=settings.thumbnail,
    )
    found = np.empty((count, side, side, 3), np.uint8)
    pixels = np.asarray(_resized(whole, cols * side, rows * side))
    cut = pixels.reshape(rows, side, cols, side, 3).swapaxes(1, 2)
    found[: cols * rows].reshape(rows, cols, side, side, 3)[:] = cut
    if count > cols * rows:
        found[-1] = np.asarray(_resized(whole, side, side))
    return found


def normalised(pixels: Tensor | Tiles) -> Tensor:
    """Tiles as the vision tower takes them, on the device that they are on.

    Args:
        pixels: [n, S, S, 3], 0 to 255.

    Returns:
        float32 [n, 3, S, S]: 0 to 1, less ImageNet's mean, over its standard deviation.
    """
    values = torch.as_tensor(pixels).permute(0, 3, 1, 2)
    mean, std = (torch.tensor(three, device=values.device).view(3, 1, 1) for three in (_MEAN, _STD))
    # Divided in three steps, not scaled in one: then it equals the reference to the last bit.
    return values.to(torch.float32, memory_format=torch.contiguous_format).div_(255).sub_(mean).div_(std)


def open_reference(path: Path) -> Image.Image:
    """An image as the reference opens it: RGB, not turned by its EXIF orientation, transparency dropped.

    Scores of our own come from ``core.images``, which turns images upright and puts them on white.

    Raises:
        ImageError: missing, no image, damaged, or too large; names the file.
    """
    content = load_bytes(path)
    try:
        with Image.open(BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(
                    f"{path}: {image.width:,} x {image.height:,} pixels; at most {MAX_PIXELS:,} are read"
                )
            image.load()
            return image if image.mode == "RGB" else image.convert("RGB")
    except ImageError:
        raise
    except Exception as error:  # damaged files make Pillow's parsers raise nearly anything
        raise ImageError(f"{path}: not an image that Pillow reads: {error}") from error


def preprocess_reference(path: Path | str, image_size: int) -> Tensor:
    """An image file as the reference's evaluation gives it to the model: float32 [n, 3, S, S].

    Args:
        image_size: side S of a tile, in pixels.

    Raises:
        ImageError: the file can't be read.
    """
    return normalised(tiles(open_reference(Path(path)), TileSettings(image_size)))


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    if image.size == (width, height):  # Pillow would copy it
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC)
