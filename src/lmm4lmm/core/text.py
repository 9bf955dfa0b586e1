"""Text files as users have them: UTF-8 with or without a byte order mark, any line ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lmm4lmm.core.errors import InputError, ManifestError

BOM = b"\xef\xbb\xbf"
_FOREIGN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "a spreadsheet or ZIP archive"}


def check_text(path: Path) -> None:
    """Refuses what is no UTF-8 text at first sight, before a parser stumbles over it.

    Raises:
        InputError: the file is missing, a folder, or can't be opened.
        ManifestError: it is UTF-16, a spreadsheet under a wrong name, or binary.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: can't be opened ({error.strerror})") from error
    for mark, name in _FOREIGN.items():
        if head.startswith(mark):
            raise ManifestError(path, f"the file is {name}, not UTF-8 text; save it as UTF-8")
    if b"\x00" in head:
        raise ManifestError(path, "the file holds zero bytes: it is binary or UTF-16; save it as UTF-8 text")


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Opens UTF-8 text with its line ends untouched and without a byte order mark.

    Raises:
        InputError: the file can't be opened.
        ManifestError: a byte is not UTF-8; names its line.
    """
    check_text(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except UnicodeDecodeError:
        raise not_utf8(path) from None


def not_utf8(path: Path) -> ManifestError:
    """The error for a file that is not UTF-8, with the first line where that shows."""
    problem = "not UTF-8 text (Latin-1 or another encoding?); save it as UTF-8"
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
                return ManifestError(path, f"{byte} is {problem}", row=number)
    return ManifestError(path, problem)
