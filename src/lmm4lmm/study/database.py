"""One database behind a study: SQLite or PostgreSQL, its transactions and its tables' version.

SQLite: WAL, so that readers never wait; a commit is on the disk before it returns (``synchronous=FULL``); changes
queue within the process, because SQLite's own waiting is by sleeping and not in turn, and those that wait together
are committed together (``turns``); between processes its busy timeout does. PostgreSQL: rows are locked rater first,
then study, then items, and a transaction that loses a race all the same is run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.migrating import migrate
from lmm4lmm.study.turns import Turns

T = TypeVar("T")

TRIES = 8
BUSY_MS = 30_000
_LOST_RACES = {"40001", "40P01", "55P03", "23505"}
"""PostgreSQL: serialisation failure, deadlock, lock not to be had, and two that inserted the same key."""


class LostRace(Exception):
    """Somebody else took what this transaction had seen as free: run it again."""


class Database:
    """Connections to one database; ``read`` and ``write`` from any thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.locks_rows = engine.dialect.name == "postgresql"
        self._turns = None if self.locks_rows else Turns(self._begun)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database and changes nothing."""
        with self.engine.connect() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` in one transaction and commits it; runs it again, whole, after a lost race.

        Raises:
            StudyError: the database stays out of reach, or locked by another program.
        """
        for attempt in range(TRIES):
            try:
                if self._turns is not None:
                    return self._turns.write(work)
                with self._begun() as connection:
                    return work(connection)
            except LostRace:
                if attempt + 1 == TRIES:
                    raise StudyError(
                        "the database is too busy: others changed the same rows again and again"
                    ) from None
            except DBAPIError as error:
                if not _worth_another_try(error) or attempt + 1 == TRIES:
                    raise
            time.sleep(0.002 * 2**attempt)
        raise AssertionError("unreachable")

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """A transaction that writes, committed at the end."""
        with self.engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                yield connection

    def dispose(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def connect(url: str) -> Database:
    """Opens a database and brings its tables up to date.

    Raises:
        StudyError: a URL of no known kind, a database out of reach or made by a newer lmm4lmm.
    """
    parsed = parse_url(url)
    engine = _engine(parsed)
    shown = parsed.render_as_string(hide_password=True)
    try:
        migrate(engine)
    except DBAPIError as error:
        engine.dispose()
        raise StudyError(f"can't open the study database {shown}: {_first_line(error)}") from error
    except BaseException:
        engine.dispose()
        raise
    return Database(engine)


def parse_url(url: str) -> URL:
    """``sqlite:///file``, ``postgresql://...``, or a path, as the URL of a driver that ships with ``[study]``.

    Raises:
        StudyError: anything else.
    """
    advice = "give a file, sqlite:///FILE or postgresql://USER@HOST/NAME"
    if "://" not in url:
        if not url.strip() or "\0" in url:
            raise StudyError(f"{url!r} is no database; {advice}")
        return URL.create("sqlite", database=str(Path(url).expanduser()))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StudyError(f"'{url.split('@')[-1]}' is no database URL; {advice}") from None
    kind = parsed.drivername.split("+")[0]
    if kind in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    raise StudyError(f"'{parsed.render_as_string(hide_password=True)}' can't hold a study; {advice}")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        raise StudyError(f"{url.database}: the folder {folder} does not exist")
    engine = create_engine(url, pool_size=10, max_overflow=40, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own comes too late
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that will write takes the lock at once: one that first reads can't be promised it later.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _worth_another_try(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _LOST_RACES or "database is locked" in str(error.orig)


def _first_line(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
