"""Small copies of images as data URIs, made only for what the page shows and within a budget of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from lmm4lmm.core.errors import ImageError
from lmm4lmm.core.images import load_bytes, read_image

SIDE = 288
"""Longest side of a thumbnail in pixels: sharp at 144 CSS pixels on a dense screen, fair at twice that."""


@dataclass(frozen=True)
class Thumbnail:
    """One image as the page shows it, or why it doesn't.

    Attributes:
        uri: a ``data:`` URI; None where there is no picture.
        width: of the thumbnail in pixels, so that the page doesn't jump while it loads.
        height: the same.
        problem: why there is no picture.
    """

    uri: str | None = None
    width: int = SIDE
    height: int = SIDE
    problem: str | None = None


@dataclass
class Thumbnails:
    """Finds, shrinks and counts images; one for a whole report, so that the budget is the page's.

    Attributes:
        budget: bytes of data URIs that the page may hold.
        used: bytes so far.
        shown: pictures in the page.
        missing: images, as the tables name them, that could not be found or read.
        over_budget: pictures left out because the page would grow too large.
    """

    budget: int
    used: int = 0
    shown: int = 0
    missing: set[str] = field(default_factory=set)
    over_budget: int = 0
    _made: dict[Path, Thumbnail] = field(default_factory=dict)

    def get(self, image: str, roots: Sequence[Path]) -> Thumbnail:
        """The thumbnail of an image that a scores table names.

        Args:
            image: the path as written in the table.
            roots: folders it may be relative to, best first.
        """
        if not image:
            return Thumbnail(problem="the table names no image")
        path = find_image(image, roots)
        if path is None:
            self.missing.add(image)
            return Thumbnail(problem="image not found")
        if path not in self._made:
            self._made[path] = self._make(path)
        made = self._made[path]
        if made.uri is None:
            self.missing.add(image)
        elif self.used + len(made.uri) > self.budget:
            self.over_budget += 1
            return Thumbnail(problem="left out to keep the page small")
        else:
            self.used += len(made.uri)
            self.shown += 1
        return made

    def _make(self, path: Path) -> Thumbnail:
        try:
            image = read_image(load_bytes(path), name=path.name)
        except ImageError as error:
            return Thumbnail(problem=str(error))
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=74, method=4)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        return Thumbnail(f"data:image/webp;base64,{data}", *image.size)


def find_image(image: str, roots: Sequence[Path]) -> Path | None:
    """The first of ``root/image`` that is a file; an absolute path is taken as it is, then by the roots.

    Tables written on Windows hold backslashes; they are tried as slashes too.
    """
    for name in dict.fromkeys((image, image.replace("\\", "/"))):
        if not name or "\0" in name:
            continue
        absolute = [Path(name)] if Path(name).is_absolute() else []
        for path in (*absolute, *(root / name for root in roots)):
            if _is_file(path):
                return path
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False
