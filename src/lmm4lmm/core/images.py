"""Image bytes from anywhere to one upright 8-bit RGB picture, or an error that says why not.

What a picture becomes, decided once so that every metric sees the same pixels:

* formats: PNG, JPEG, WebP, GIF, BMP, TIFF, PPM and AVIF, told by content and never by file name. Nothing that
  runs an external program (EPS) or that only opens on one system (WMF) is tried.
* animations and multi-page files: the first frame.
* orientation (EXIF and its kin) is applied; all other metadata is dropped.
* transparency is composited on white, the page that people look at it on.
* 16 bits a channel become 8 by their high byte, for gray as libpng and Pillow do it for colour: white stays
  white, nothing is clipped.
* CMYK becomes RGB by Pillow's formula; CMYK JPEG is taken as Adobe's inverted kind, as browsers do.
* colour profiles are ignored: the encoders inside metrics were trained on pixels read that way, and the
  numbers then do not depend on the build of a colour library.
* size: the header is checked before anything is decoded. A baseline JPEG above the limit is decoded at 1/2,
  1/4 or 1/8 (by its DCT, never in full in memory) and its full size is kept in ``info["full_size"]``;
  everything else above the limit is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from lmm4lmm.core.errors import ImageError

MAX_PIXELS = 100_000_000
"""The default limit: 300 MB of RGB."""

MAX_BYTES = 512 * 2**20
"""The default limit of a file."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Format(NamedTuple):
    name: str
    offset: int
    magics: tuple[bytes, ...]
    opener: str


# Openers are called directly: Image.open would try other formats, under a limit global to the process.
_FORMATS = (
    _Format("PNG", 0, (b"\x89PNG\r\n\x1a\n",), "PIL.PngImagePlugin:PngImageFile"),
    _Format("JPEG", 0, (b"\xff\xd8\xff",), "PIL.JpegImagePlugin:JpegImageFile"),
    _Format("WebP", 8, (b"WEBP",), "PIL.WebPImagePlugin:WebPImageFile"),
    _Format("GIF", 0, (b"GIF87a", b"GIF89a"), "PIL.GifImagePlugin:GifImageFile"),
    _Format("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "PIL.TiffImagePlugin:TiffImageFile"),
    _Format("AVIF", 4, (b"ftypavif", b"ftypavis"), "PIL.AvifImagePlugin:AvifImageFile"),
    _Format("PPM", 0, (b"P3", b"P6", b"P2", b"P5"), "PIL.PpmImagePlugin:PpmImageFile"),
    _Format("BMP", 0, (b"BM",), "PIL.BmpImagePlugin:BmpImageFile"),
)
READABLE = tuple(kind.name for kind in _FORMATS)


def load_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of an image file.

    Args:
        path: an ordinary file; pipes and devices are refused, they could block for ever.
        max_bytes: the largest file that is read.

    Raises:
        ImageError: it is missing, not a file, not readable or too large; the message names it.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(f"{path}: not an ordinary file")
            if status.st_size > max_bytes:
                raise ImageError(f"{path}: {status.st_size:,} bytes; at most {max_bytes:,} are read")
            return stream.read(max_bytes)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path}: a directory, not an image") from error
    except PermissionError as error:
        cause = "a directory, not an image" if path.is_dir() else "no permission to read it"
        raise ImageError(f"{path}: {cause}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ImageError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error


def read_image(data: bytes, *, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes one image; see the module's docstring for what each kind becomes. Thread-safe, deterministic.

    Args:
        data: the file's content.
        name: what error messages call it.
        max_pixels: width x height above which an image is refused, or decoded smaller where that is exact.

    Returns:
        Mode RGB, 8 bits, upright, decoded, without metadata. Full size, except for a baseline JPEG above
        ``max_pixels``, whose ``info["full_size"]`` then holds (width, height) as stored.

    Raises:
        ImageError: empty, truncated, not an image, too large, or damaged; the message says which.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty (0 bytes)")
    kind = _format_of(data, name)
    with _explained(kind.name, name):
        return _read(data, kind, name, max_pixels)


def upright_rgb(image: Image.Image, *, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """A Pillow image from elsewhere, as ``read_image`` would give it; always a new one.

    Deterministic. Not thread-safe for one image: Pillow decodes a file on first use, into the image itself.

    Args:
        image: any mode, loaded or not; of several frames the current one.
        name: what error messages call it.
        max_pixels: width x height above which an image is refused.

    Returns:
        Mode RGB, 8 bits, upright, on white, without metadata.

    Raises:
        ImageError: too large, of a mode that has no RGB, closed, truncated or damaged.
    """
    kind = image.format or "picture"
    with _explained(kind, name):
        _check_size(image.size, kind, name, max_pixels)
        return _finish(image, kind, name, max_pixels)


@contextmanager
def _explained(kind: str, name: str) -> Iterator[None]:
    """Turns whatever decoding raises into an error that names the image."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name}: decoding this {kind} needs more memory than there is") from error
    except Exception as error:  # damaged files make Pillow's parsers raise nearly anything
        cause = str(error) or type(error).__name__
        raise ImageError(f"{name}: truncated or damaged {kind}: {cause}") from error


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a pipe blocks until somebody writes; O_NONBLOCK changes nothing for ordinary files.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _format_of(data: bytes, name: str) -> _Format:
    for kind in _FORMATS:
        if data.startswith(kind.magics, kind.offset):
            return kind
    raise ImageError(
        f"{name}: not an image in a format that is read ({', '.join(READABLE)}); it starts with {data[:12]!r}"
    )


def _read(data: bytes, kind: _Format, name: str, max_pixels: int) -> Image.Image:
    if kind.name == "WebP":  # its decoder allocates the whole canvas on opening
        _check_size(_webp_size(data), kind.name, name, max_pixels)
    module, _, opener = kind.opener.partition(":")
    image = cast(ImageFile.ImageFile, getattr(import_module(module), opener)(BytesIO(data)))
    full_size = image.size
    reduced = full_size[0] * full_size[1] > max_pixels and _reduce(image, max_pixels)
    _check_size(image.size, kind.name, name, max_pixels)
    upright = _finish(image, kind.name, name, max_pixels)
    if reduced:
        upright.info["full_size"] = full_size
    return upright


def _finish(image: Image.Image, kind: str, name: str, max_pixels: int) -> Image.Image:
    """Decodes, flattens and turns an opened image."""
    tiles = getattr(image, "tile", ())  # none where there is no file behind it
    deep = any("16" in str(tile[3]) for tile in tiles)  # a raw mode such as RGB;16B; loading drops it
    image.load()
    if image.width * image.height > max_pixels:  # a frame may grow its canvas while it is decoded
        _check_size(image.size, kind, name, max_pixels)
    # Once loaded: TIFF applies its orientation while loading.
    orientation = _orientation(image)
    if deep and image.mode == "RGB" and isinstance(image.info.get("transparency"), tuple):
        image.info["transparency"] = tuple(value >> 8 for value in image.info["transparency"])
    flat = _to_rgb(image, kind, name)
    upright = flat.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else flat
    # Metadata must go: a second reader of the orientation would turn the image again.
    upright.info = {}
    return upright


def _check_size(size: tuple[int, int], kind: str, name: str, max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{name}: a {kind} of {width} x {height} pixels has nothing to see")
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: {width:,} x {height:,} pixels are {width * height / 1e6:,.1f} megapixels; "
            f"at most {max_pixels / 1e6:,.1f} are decoded: save it smaller"
        )


def _reduce(image: ImageFile.ImageFile, max_pixels: int) -> bool:
    """Asks a baseline JPEG to decode at the largest scale within the limit; says whether it will."""
    # A progressive JPEG is held in full as coefficients whatever the scale.
    if image.format != "JPEG" or image.info.get("progressive"):
        return False
    width, height = image.size
    for scale in (2, 4, 8):
        if (-(-width // scale)) * (-(-height // scale)) <= max_pixels:
            image.draft(None, (width // scale, height // scale))
            return True
    return False


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size from the first chunk of a WebP (RFC 9649); (1, 1) leaves a damaged one to the decoder."""
    kind, head = data[12:16], data[:30].ljust(30, b"\0")
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        return max(width, 1), max(height, 1)
    return 1, 1


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata: shown as stored, which is what browsers do
        return 1


def _to_rgb(image: Image.Image, kind: str, name: str) -> Image.Image:
    """8-bit RGB on white, always a new image."""
    if image.mode.startswith("I;16") or (image.mode == "I" and kind in ("PNG", "PPM")):
        return _gray(_high_byte(image), image)
    if image.mode in ("I", "F"):
        return _gray(_known_range(image, name), image)
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _gray(levels: NDArray[np.uint8], image: Image.Image) -> Image.Image:
    """A gray image of 8-bit levels; samples of the level that a PNG declares transparent become white."""
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        levels = np.where(np.asarray(image) == transparent, np.uint8(255), levels)
    return Image.fromarray(levels).convert("RGB")


def _high_byte(image: Image.Image) -> NDArray[np.uint8]:
    tags = getattr(image, "tag_v2", {})
    bits = 12 if tags.get(258) in (12, (12,)) else 16
    levels = (np.asarray(image).astype(np.uint16) >> (bits - 8)).astype(np.uint8)
    # Pillow inverts white-is-zero TIFF of 1 to 8 bits but not of 16.
    return 255 - levels if tags.get(262) == 0 else levels


def _known_range(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Float and 32-bit samples have no agreed white: 0 to 1 and 0 to 255 are understood, the rest refused."""
    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 255):  # also not a number
        raise ImageError(
            f"{name}: samples from {low:g} to {high:g} have no agreed white level; save it with 8 or 16 bits"
        )
    white = 1.0 if image.mode == "F" and high <= 1 else 255.0
    return np.rint(values * (255.0 / white)).astype(np.uint8)
