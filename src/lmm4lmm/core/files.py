"""Files that are whole or absent, content hashes, and where caches live."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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

    Whoever reads ``path`` meets the old file or the whole new one. When the block raises, ``path`` is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_default_mode())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a whole file, or leaves the old one as it was."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_key(*parts: bytes | str | None) -> str:
    """One hash of several parts, each kept apart from the next: ("ab", "c") is not ("a", "bc"), None is not ""."""
    digest = hashlib.sha256()
    for part in parts:
        data = b"" if part is None else part.encode() if isinstance(part, str) else part
        digest.update(b"-" if part is None else b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def _default_mode() -> int:
    """mkstemp makes private files; what users get should follow their umask."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
