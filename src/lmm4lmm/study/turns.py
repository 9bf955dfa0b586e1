"""Changes to SQLite from many threads: one after the other, and those that wait together with one commit for all.

A commit waits for the disk, for milliseconds: on a slow one a hundred answers a second can't have one each.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

MOST = 32
"""Changes in one commit, so that the first of them does not wait for long."""


class _Change:
    """One caller's work and what became of it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.over = False
        self.result: Any = None
        self.error: BaseException | None = None


class Turns:
    """Runs changes in the order in which they came.

    Args:
        begun: opens a transaction that writes and commits it at the end.
    """

    def __init__(self, begun: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._begun = begun
        self._turn = threading.Lock()
        self._waiting: deque[_Change] = deque()

    def write(self, work: Callable[[Connection], T]) -> T:
        """The result of ``work``, once it is committed; an exception of ``work`` takes back its own change only."""
        change = _Change(work)
        self._waiting.append(change)
        with self._turn:
            # Whoever had the turn before may have done it: then there is only the result to fetch.
            while not change.over:
                self._commit([self._waiting.popleft() for _ in range(min(len(self._waiting), MOST))])
        if change.error is not None:
            raise change.error
        result: T = change.result
        return result

    def _commit(self, changes: list[_Change]) -> None:
        try:
            with self._begun() as connection:
                for change in changes:
                    _run(change, connection, alone=len(changes) == 1)
        except BaseException as error:  # nothing is committed, so that it is everybody's
            for change in changes:
                change.error = error
        finally:
            for change in changes:
                change.over = True


def _run(change: _Change, connection: Connection, *, alone: bool) -> None:
    if alone:
        change.result = change.work(connection)
        return
    try:
        with connection.begin_nested():
            change.result = change.work(connection)
    except Exception as error:
        change.error = error
