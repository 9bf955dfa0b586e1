"""What is done, by content: a file that survives kill -9 and belongs to one process at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from lmm4lmm.core.errors import JournalError
from lmm4lmm.core.files import atomic_path
from lmm4lmm.running.lock import HolderLock

_APPLICATION = 0x4C4D4D34  # "LMM4", in the header of every SQLite file that is ours
_SCHEMA = 1
_CHUNK = 500  # keys a query; SQLite's own limit was 999 for long

_CREATE = """
CREATE TABLE purpose (text TEXT NOT NULL);
CREATE TABLE done (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL);
"""


class Journal:
    """Results by content key, in SQLite (WAL, one writer, one transaction a batch).

    After ``put`` returns, its results outlive the process, whatever ends it; a crash of the whole machine may
    cost the last few batches but never the file. Safe to share between threads.
    """

    def __init__(self, path: Path, purpose: str, database: sqlite3.Connection, lock: HolderLock) -> None:
        self.path, self.purpose = path, purpose
        self._database, self._lock = database, lock
        self._one_at_a_time = threading.RLock()

    @classmethod
    def open(cls, path: Path, *, purpose: str) -> Self:
        """Opens a journal, or starts one where there is none.

        Args:
            path: the journal's file. SQLite keeps ``-wal`` beside it while it is open, the lock ``.lock``.
            purpose: what the results are, say "scores"; a journal of another purpose is refused.

        Raises:
            JournalError: somebody else holds it, it is of another purpose or version, it isn't a journal
                (the file is left as it is), or it can't be read or written here.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"{path}: can't be created: {error.strerror}") from error
        lock = HolderLock(path.with_name(path.name + ".lock"), path)
        try:
            if not _is_ours(path):
                _create(path, purpose)
            return cls(path, purpose, _connect(path, purpose), lock)
        except BaseException:
            lock.release()
            raise

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The results that are there, by key; keys without a result are left out."""
        found: dict[str, bytes] = {}
        with self._one_at_a_time, _explained(self.path):
            for start in range(0, len(keys), _CHUNK):
                chunk = keys[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, value FROM done WHERE key IN ({marks})"
                found.update(self._database.execute(query, chunk))
        return found

    def put(self, results: Mapping[str, bytes]) -> None:
        """Adds results in one transaction: all of them or, when this raises, none.

        Raises:
            JournalError: they can't be written, for instance because the disk is full.
        """
        if not results:
            return
        with self._one_at_a_time, _explained(self.path), self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO done VALUES (?, ?)", results.items())

    def __len__(self) -> int:
        with self._one_at_a_time, _explained(self.path):
            return int(self._database.execute("SELECT count(*) FROM done").fetchone()[0])

    def __bool__(self) -> bool:
        return True  # an empty journal is not "no journal"

    def close(self) -> None:
        """Folds the log into the file and lets others have it; harmless when called twice."""
        with self._one_at_a_time:
            self._database.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_ours(path: Path) -> bool:
    """False where a journal has yet to be made; reads 100 bytes and changes nothing.

    Read as plain bytes because opening a stranger's database in SQLite may already change it. The lock makes
    this safe: nobody else has the journal open.
    """
    try:
        with path.open("rb") as stream:
            header = stream.read(100)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise JournalError(f"{path}: can't be read: {error.strerror}") from error
    if not header:
        return False
    if not header.startswith(b"SQLite format 3\0") or int.from_bytes(header[68:72], "big") != _APPLICATION:
        raise JournalError(f"{path}: not a journal of lmm4lmm; it was left as it is: choose another path")
    if (version := int.from_bytes(header[60:64], "big")) != _SCHEMA:
        raise JournalError(
            f"{path}: a journal of version {version}, and this lmm4lmm reads version {_SCHEMA}; "
            "choose another path"
        )
    return True


def _create(path: Path, purpose: str) -> None:
    """Makes a whole journal under another name and moves it in place: there is never half a journal."""
    with _explained(path):
        for suffix in (
            "-wal",
            "-shm",
            "-journal",
        ):  # of a journal that was deleted: would be replayed into ours
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        with atomic_path(path) as fresh, closing(sqlite3.connect(fresh)) as database:
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {_SCHEMA}")
            database.executescript(_CREATE)
            with database:
                database.execute("INSERT INTO purpose VALUES (?)", (purpose,))


def _connect(path: Path, purpose: str) -> sqlite3.Connection:
    with _explained(path):
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")  # before WAL: no shared memory, works on NFS
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            found = str(database.execute("SELECT text FROM purpose").fetchone()[0])
            if found != purpose:
                raise JournalError(f"{path}: a journal of {found}, not of {purpose}: choose another path")
            with database:  # a read-only or full disk says so now, not after the first batch
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE purpose SET text = text")
        except BaseException:
            database.close()
            raise
    return database


_CAUSES = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and run again",
    sqlite3.SQLITE_READONLY: "it can't be written (read-only file, directory or disk)",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened or written there",
    sqlite3.SQLITE_BUSY: "another program has the file open in SQLite",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; move it away, and a new one is started",
    sqlite3.SQLITE_NOTADB: "the file is damaged; move it away, and a new one is started",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write (full, over a limit, or gone)",
}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns SQLite's and the system's errors into one that a user can act on."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise JournalError(f"{path}: the journal is closed") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        cause = _CAUSES.get(code, "it can't be used")
        raise JournalError(f"{path}: {cause} (SQLite: {error}). Results recorded before are safe.") from error
    except OSError as error:
        raise JournalError(f"{path}: can't be written: {error.strerror}") from error
