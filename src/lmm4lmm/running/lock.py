"""A file that one process at a time may hold; the system lets go of it however the process ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from lmm4lmm.core.errors import JournalError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FAR = 1 << 30  # Windows hides locked bytes from readers: lock one behind the text


class HolderLock:
    """Holds ``path`` from construction to ``release``; the file says who holds it.

    The lock belongs to the open file, so a second holder in the same process is refused too, and it vanishes
    with the process, kill -9 included.

    Args:
        path: the lock's own file; created, and removed on release.
        subject: what the lock guards, for messages.
        other: what a second holder may take instead, for messages.
        needed: whether a file system that can't lock is an error; else nothing is held there.

    Raises:
        JournalError: somebody holds it (the message says who, as far as known), or the place can't be locked.
    """

    def __init__(
        self, path: Path, subject: Path, *, other: str = "another journal", needed: bool = True
    ) -> None:
        self._path, self._subject, self._other, self._needed = path, subject, other, needed
        self._handle = self._acquire()
        self._sign()

    def release(self) -> None:
        """Lets go; harmless when called twice."""
        if self._handle < 0:
            return
        # Unlinked while held: whoever opened the old file meanwhile notices and starts again (see _acquire).
        if sys.platform != "win32":
            self._path.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = -1
        if sys.platform == "win32":
            with contextlib.suppress(OSError):  # the next holder may be faster
                self._path.unlink(missing_ok=True)

    def _acquire(self) -> int:
        while True:
            try:
                handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            except OSError as error:
                raise JournalError(f"{self._subject}: can't be locked: {error.strerror}") from error
            try:
                _lock(handle)
            except BlockingIOError as error:
                holder = _holder(handle)
                os.close(handle)
                raise JournalError(
                    f"{self._subject}: in use by {holder}; wait for it to end, or choose {self._other}"
                ) from error
            except OSError as error:
                os.close(handle)
                if not self._needed:
                    return -1
                raise JournalError(
                    f"{self._subject}: this file system can't lock files ({error.strerror}); "
                    "put the journal on a local disk"
                ) from error
            if self._is_current(handle):
                return handle
            os.close(handle)

    def _is_current(self, handle: int) -> bool:
        """Whether the locked file is still the one that others would open."""
        try:
            return os.path.samestat(os.fstat(handle), self._path.stat())
        except FileNotFoundError:
            return False

    def _sign(self) -> None:
        if self._handle < 0:
            return
        text = json.dumps(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )
        with contextlib.suppress(OSError):  # a full disk must not hide the clearer message that follows
            os.ftruncate(self._handle, 0)
            os.write(self._handle, text.encode())


def _lock(handle: int) -> None:
    """Locks at once or raises BlockingIOError (held) or OSError (not supported here)."""
    if sys.platform == "win32":
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(handle: int) -> str:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        note = json.loads(os.read(handle, 4096))
        return f"process {note['pid']} on {note['host']} since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
