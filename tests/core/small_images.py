"""Images of a few pixels, encoded as any kind of file; PNG also by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from lmm4lmm.core.images import read_image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def pixels(data: bytes, **options: int) -> np.ndarray:
    image = read_image(data, name="it", **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def picture(width: int = 24, height: int = 16) -> Image.Image:
    """Smooth, asymmetric colour: survives lossy coding, shows every turn and flip."""
    y, x = np.mgrid[0:height, 0:width]
    stack = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 3], axis=-1)
    return Image.fromarray(stack.astype(np.uint8))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, bits: int, colour: int, raw: bytes, extra: bytes = b"", *, level: int = 9
) -> bytes:
    """A PNG by hand (PNG specification, W3C 2003, section 11), for what Pillow does not write."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(raw, level))
    return b"\x89PNG\r\n\x1a\n" + head + extra + data + chunk(b"IEND", b"")
