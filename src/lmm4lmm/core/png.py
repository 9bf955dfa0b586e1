"""PNG files that say what they were made from: text chunks in UTF-8 (iTXt), written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from lmm4lmm.core.files import write_atomically


def write_png(image: Image.Image, path: Path, text: Mapping[str, str]) -> int:
    """Writes an image with its texts; returns the file's size in bytes.

    Args:
        image: any mode that Pillow turns into RGB.
        path: where; an old file stays until the new one is whole.
        text: keyword -> text. Keywords are 1 to 79 Latin-1 characters; texts may hold anything that Unicode has
            (characters that no file can carry, zero and half surrogates, become the replacement character).

    Raises:
        OSError: it can't be written.
    """
    chunks = PngInfo()
    for name, value in text.items():
        chunks.add_itxt(name, _writable(value))
    stream = BytesIO()
    image.convert("RGB").save(stream, "PNG", pnginfo=chunks)
    write_atomically(path, stream.getvalue())
    return stream.tell()


def read_png_text(path: Path) -> dict[str, str]:
    """The texts of a PNG file; empty where there is no such file or it is no whole PNG."""
    try:
        with path.open("rb") as stream, PngImageFile(stream) as image:
            image.load()  # also checks that no byte is missing
            return {name: str(value) for name, value in image.text.items()}
    except Exception:  # damaged files make Pillow's parsers raise nearly anything
        return {}


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
