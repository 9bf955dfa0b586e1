"""Files and folders by one name, wherever they lie: here, in S3, in Google Cloud Storage (through pyarrow).

Credentials, regions and endpoints come from the environment, as for every tool of these clouds; nothing of them
is read or kept here. Locations can be pickled, so that other machines open the same files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from lmm4lmm.core.errors import ImageError, InputError, MissingExtraError
from lmm4lmm.core.images import MAX_BYTES, load_bytes

_URL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
_WHOLE_OR_ABSENT = frozenset({"s3", "gcs", "abfs"})
"""Stores in which an object appears with its last byte: a write needs no other name first."""


@dataclass(frozen=True)
class Location:
    """A file or folder.

    Attributes:
        filesystem: of pyarrow.
        path: within it.
        text: as the user wrote it, for messages.
    """

    filesystem: Any
    path: str
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def local(self) -> Path | None:
        """The path here; None where it lies elsewhere."""
        return Path(self.path) if self.filesystem.type_name == "local" else None

    def child(self, name: str) -> Location:
        """What lies below, by its relative path; an absolute path of the same file system stays what it is."""
        address, mark, options = self.text.partition("?")
        text = f"{address}{'' if address.endswith('/') else '/'}{name}{mark}{options}"
        if (folder := self.local) is not None:
            return Location(self.filesystem, str(folder / name), text)
        return Location(self.filesystem, f"{self.path.rstrip('/')}/{name}".lstrip("/"), text)

    def parent(self) -> Location:
        """The folder that holds it."""
        address, mark, options = self.text.partition("?")
        above = address.rstrip("/").rpartition("/")[0]
        path = self.path.rstrip("/").rpartition("/")[0] or ("/" if self.local is not None else "")
        return Location(self.filesystem, path, f"{above}{mark}{options}")


def is_url(text: str) -> bool:
    """Whether a name says which file system it is on."""
    return _URL.match(text) is not None


def locate(text: str) -> Location:
    """A location from a path or a URL (``s3://``, ``gs://``, ``file://`` and what else pyarrow knows).

    Raises:
        MissingExtraError: pyarrow is not installed.
        InputError: no such kind of place, or its store can't be reached.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow import fs as arrow
    except ImportError as error:
        raise MissingExtraError(f"'{text}'", "scale") from error
    if not is_url(text):
        return Location(arrow.LocalFileSystem(), str(Path(text).expanduser().absolute()), text)
    try:
        filesystem, path = arrow.FileSystem.from_uri(text)
    except (ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{text}: can't be opened ({reason}); known are s3://, gs:// and file://") from error
    return Location(filesystem, path, text)


def image_bytes(place: Location, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of an image file.

    Raises:
        ImageError: it is missing, no file, or too large; the message names it.
        OSError: the store failed; to try again may help.
    """
    if (path := place.local) is not None:
        return load_bytes(path, max_bytes=max_bytes)
    from pyarrow import fs as arrow

    found = place.filesystem.get_file_info(place.path)
    if found.type != arrow.FileType.File:
        what = "no such file" if found.type == arrow.FileType.NotFound else "a directory, not an image"
        raise ImageError(f"{place}: {what}")
    if found.size > max_bytes:
        raise ImageError(f"{place}: {found.size:,} bytes; at most {max_bytes:,} are read")
    with place.filesystem.open_input_file(place.path) as stream:
        return bytes(stream.read())


def write_whole(place: Location, data: Any) -> None:
    """Writes a file so that whoever reads it meets the old one or the whole new one.

    Args:
        data: bytes or a buffer of pyarrow.
    """
    filesystem = place.filesystem
    if kind_of(filesystem) in _WHOLE_OR_ABSENT:
        with filesystem.open_output_stream(place.path) as stream:
            stream.write(data)
        return
    folder, slash, name = place.path.rpartition("/")
    temporary = f"{folder}{slash}.{name}.{uuid4().hex[:12]}.tmp"
    with filesystem.open_output_stream(temporary) as stream:
        stream.write(data)
    filesystem.move(temporary, place.path)


def kind_of(filesystem: Any) -> str:
    """What a file system really is, below any folder that it was cut to."""
    while filesystem.type_name == "subtree":
        filesystem = filesystem.base_fs
    return str(filesystem.type_name)
