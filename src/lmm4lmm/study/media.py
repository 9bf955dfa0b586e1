"""What an image file is, told by its content: only what browsers show, and only files that are there."""

from __future__ import annotations

from pathlib import Path

from lmm4lmm.core.errors import StudyError

_KINDS = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
)
HEAD = 16


def media_type(path: Path) -> str:
    """The type to send it with.

    Raises:
        StudyError: missing, not an ordinary file, empty, or nothing that browsers show.
    """
    if not path.is_file():
        raise StudyError(f"{path}: no such image file; paths are relative to the manifest's folder")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if not head:
        raise StudyError(f"{path}: the file is empty")
    for offset, magic, kind in _KINDS:
        if head.startswith(magic, offset):
            return kind
    raise StudyError(
        f"{path}: not an image that browsers show (PNG, JPEG, WebP, GIF, BMP, AVIF); it starts with {head[:8]!r}"
    )
