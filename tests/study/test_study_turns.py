"""Changes that wait together are committed together, and each keeps its own fate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from lmm4lmm.study import turns
from lmm4lmm.study.database import Database, LostRace, connect

Change = Callable[[Connection], Any]


@pytest.fixture
def database(tmp_path: Path) -> Any:
    made = connect(f"sqlite:///{tmp_path}/own.sqlite")
    made.write(lambda connection: connection.execute(text("CREATE TABLE seen (n INTEGER UNIQUE)")))
    yield made
    made.dispose()


def seen(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(text("SELECT n FROM seen ORDER BY n")))


def put(number: int) -> Change:
    def work(connection: Connection) -> int:
        connection.execute(text("INSERT INTO seen VALUES (:n)"), {"n": number})
        return number

    return work


def together(database: Database, works: list[Change]) -> list[Future[Any]]:
    """All of them wait while one more has the turn, and then go at once."""
    entered, gate = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        entered.set()
        assert gate.wait(30)

    with ThreadPoolExecutor(len(works) + 1) as pool:
        first = pool.submit(database.write, hold)
        assert entered.wait(30)
        given = [pool.submit(database.write, work) for work in works]
        waiting = database._turns._waiting  # type: ignore[union-attr]
        until = time.monotonic() + 30
        while len(waiting) < len(works) and time.monotonic() < until:
            time.sleep(0.005)
        gate.set()
        first.exception(30)
    return given


def commits(database: Database) -> list[int]:
    counted: list[int] = []
    event.listen(database.engine, "commit", lambda connection: counted.append(1))
    return counted


def test_those_that_wait_share_a_commit_and_get_their_own_results(database: Database) -> None:
    counted = commits(database)
    given = together(database, [put(n) for n in range(10)])
    assert [one.result() for one in given] == list(range(10))
    assert seen(database) == list(range(10))
    assert len(counted) == 2


def test_no_more_than_some_share_a_commit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST", 4)
    counted = commits(database)
    together(database, [put(n) for n in range(10)])
    assert seen(database) == list(range(10))
    assert len(counted) == 1 + 3


def test_one_that_fails_takes_back_its_own_change_only(database: Database) -> None:
    def half(connection: Connection) -> None:
        put(7)(connection)
        raise ValueError("no")

    given = together(database, [put(1), half, put(2), put(1), put(3)])
    assert seen(database) == [1, 2, 3]
    failed = [type(one.exception()).__name__ for one in given if one.exception()]
    assert failed == ["ValueError", "IntegrityError"]


def test_a_lost_race_is_run_again(database: Database) -> None:
    tries: list[int] = []

    def unlucky(connection: Connection) -> int:
        tries.append(1)
        put(10 + len(tries))(connection)
        if len(tries) < 3:
            raise LostRace
        return len(tries)

    given = together(database, [put(1), unlucky, put(2)])
    assert given[1].result() == 3
    assert seen(database) == [1, 2, 13]


def test_where_the_commit_fails_nobody_is_told_that_it_worked(database: Database) -> None:
    def broken(connection: Connection) -> None:
        raise OSError("no space left")

    event.listen(database.engine, "commit", broken)
    given = together(database, [put(n) for n in range(3)])
    assert all(isinstance(one.exception(), OSError) for one in given)
    event.remove(database.engine, "commit", broken)
    assert seen(database) == []
