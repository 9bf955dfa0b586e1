"""Files that are whole or absent, content hashes, and where caches live."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from lmm4lmm.core.errors import InputError


def home() -> Path:
    """The cache home: ``LMM4LMM_HOME``, else ``$XDG_CACHE_HOME/lmm4lmm``, else ``~/.cache/lmm4lmm``.

    Not created here: who writes into it does that.
    """
    if chosen := os.environ.get("LMM4LMM_HOME"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lmm4lmm"


def offline() -> bool:
    """Whether the user forbids network access (``HF_HUB_OFFLINE``, as in Hugging Face libraries)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "TRUE", "YES", "ON"}


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a path in the same directory to write to; renames it to ``path`` when the block ends well.

    Whoever reads ``path`` meets the old file or the whole new one, also when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.tmp{path.suffix}")
    try:
        yield temporary
        _open_to_readers(temporary)
        temporary.replace(path)
    except OSError as error:
        if str(error.filename) == str(temporary):
            error.filename = str(path)  # the name that the user knows
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _open_to_readers(path: Path) -> None:
    """Gives a file the rights that the umask gives every other; safetensors makes it its owner's alone."""
    if path.stat().st_mode & 0o077:
        return
    probe = path.with_name(f"{path.name}.tmp")
    try:
        probe.touch()
        path.chmod(probe.stat().st_mode & 0o777)
    finally:
        probe.unlink(missing_ok=True)


def sweep(path: Path) -> int:
    """Removes what killed writers of ``path`` left beside it; returns how many files that were.

    For who holds a lock on ``path``: another writer's unfinished file would be taken away, too.
    """
    left = list(path.parent.glob(f".{glob.escape(path.name)}.*.tmp*"))
    for temporary in left:
        temporary.unlink(missing_ok=True)
    return len(left)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a whole file, or leaves the old one as it was."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def spare_inputs(out: Path | str, what: str, *inputs: Path | str | None) -> None:
    """Refuses to write over a file that is read.

    Args:
        out: where something will be written.
        what: that something, for the message.
        inputs: files that are read; names of data sets, and None, are passed over.

    Raises:
        InputError: ``out`` is one of them.
    """
    for given in inputs:
        if given is not None and Path(given).is_file() and Path(out).is_file() and Path(out).samefile(given):
            raise InputError(f"{out}: {what} would overwrite its own input")


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_key(*parts: bytes | str | None) -> str:
    """One hash of several parts, kept apart: ("ab", "c") is not ("a", "bc"), and None is not ""."""
    digest = hashlib.sha256()
    for part in parts:
        data = b"" if part is None else part.encode() if isinstance(part, str) else part
        digest.update(b"-" if part is None else b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()
