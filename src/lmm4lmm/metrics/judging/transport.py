"""JSON to an endpoint and back: patience with what may pass, and none with what will not."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.retrying import asked_wait, backoff
from lmm4lmm.core.services import Answer, NoAnswerError, ServiceClient
from lmm4lmm.metrics.judging import passing
from lmm4lmm.metrics.judging.passing import LONGEST_ASKED_S, MAY_PASS, Passing, is_blind, is_used_up

T = TypeVar("T")

MOST_BYTES = 8 * 2**20
"""Of a reply; a larger one is not read to its end."""

_PATIENCE = 10  # questions in a row that failed in all their tries: the endpoint is gone
_LOOK_S = 10.0


class Refused(ItemError):
    """The endpoint said no to one request, and would say so again.

    Attributes:
        status: of HTTP.
        said: the endpoint's message.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"the endpoint refused the request ({status}): {said or 'no reason given'}")
        self.status, self.said = status, said


class Stopped(Exception):
    """The run is being stopped; nothing more is asked."""


@dataclass
class _Gate:
    """Shared by all threads: until when nobody asks, and how many questions failed in a row."""

    opens: float = 0.0
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Transport:
    """Requests to one endpoint, from any number of threads.

    Args:
        base_url: up to and without ``/chat/completions``; see ``core.addresses.checked_url``.
        key: for the header ``Authorization: Bearer``; None sends none.
        timeout: seconds for one request, from its first byte to its last.
        retries: how often what may pass is tried again.
        connections: kept open at most, where they are encrypted; others serve one request each.
        on_retry: called before each new try.

    Raises:
        InputError: the URL or the key can't be used.
        MissingExtraError: httpx is not installed.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        *,
        timeout: float,
        retries: int,
        connections: int,
        on_retry: Callable[[], None] = lambda: None,
    ) -> None:
        self.base_url = base_url
        # llama.cpp has a thread for each open connection; one beyond its threads waits until another is idle for 5 s.
        kept = connections if base_url.startswith("https:") else 0
        self._client = ServiceClient(base_url, key, connections=kept, most_bytes=MOST_BYTES, extra="judge")
        self._has_key = key is not None
        self._timeout, self._retries, self._on_retry = timeout, retries, on_retry
        self._gate = _Gate()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ends waits at once; requests under way end on their own."""
        self._stop.set()

    def look(self) -> bytes | None:
        """What ``GET /models`` says, at once and without patience; None where there is no such page.

        Raises:
            InputError: nothing answers there, it is not ready, or the key is refused.
        """
        try:
            answer = self._once("GET", "/models", None, min(_LOOK_S, self._timeout))
        except Passing as error:
            raise InputError(f"{self.base_url}: {error.reason}") from None
        if answer.status == 503:
            raise InputError(f"{self.base_url} is not ready (503): {self._message(answer.body)}")
        self._end_of_run(answer, about_model=False)
        return answer.body if answer.status == 200 else None

    def post(self, path: str, body: bytes, parse: Callable[[bytes], T]) -> T:
        """Sends a JSON document; tries again what may pass.

        Args:
            path: behind the base URL.
            body: the document.
            parse: the reply's document to what is wanted; raises ``ValueError`` where it is broken, which may pass.

        Raises:
            Refused: the endpoint says no.
            ItemError: every try failed, or the endpoint seems to be gone.
            InputError: the endpoint will say no to every request: key, model or address are wrong.
            Stopped: ``stop`` was called.
        """
        if self._gate.failed >= _PATIENCE:
            raise ItemError(f"not asked: {_PATIENCE} questions in a row got no reply from {self.base_url}")
        for attempt in range(self._retries + 1):
            self._wait_for_gate()
            try:
                found = self._try(path, body, parse)
            except Passing as error:
                last, wait = error.reason, error.wait
            except ItemError:
                self._count(failed=False)
                raise
            else:
                self._count(failed=False)
                return found
            if wait is not None and wait > LONGEST_ASKED_S:
                raise ItemError(f"{last}; the endpoint asks to wait {wait:.0f} s, which is too long")
            if attempt < self._retries:
                self._on_retry()
                self._pause(_own_wait(attempt) if wait is None else wait)
        self._count(failed=True)
        raise ItemError(f"{last}; given up after {self._retries + 1} tries")

    def _try(self, path: str, body: bytes, parse: Callable[[bytes], T]) -> T:
        answer = self._once("POST", path, body, self._timeout)
        status, data = answer.status, answer.body
        if status in MAY_PASS and not (is_used_up(status, data) or is_blind(status, data)):
            wait = asked_wait(answer.headers)
            if wait is not None and status in (429, 503, 529):
                self._close_gate(min(wait, LONGEST_ASKED_S))
            raise Passing(f"the endpoint answered {status}: {self._message(data)}", wait)
        self._end_of_run(answer)
        if status != 200:
            raise Refused(status, self._message(data))
        try:
            return parse(data)
        except ValueError as error:
            raise Passing(f"the endpoint's reply is broken: {self._client.clean(str(error))}") from None

    def _end_of_run(self, answer: Answer, *, about_model: bool = True) -> None:
        """Raises where every further request would fail, too."""
        status, said = answer.status, self._message(answer.body)
        if status in (401, 403):
            how = "refused the key" if self._has_key else "wants a key"
            raise InputError(f"{self.base_url} {how} ({status}): {said}")
        if is_used_up(status, answer.body):
            raise InputError(f"{self.base_url}: the account is used up ({status}): {said}")
        if is_blind(status, answer.body):
            raise InputError(f"{self.base_url}: the model takes no images ({status}): {said}")
        if status == 404 and about_model:
            raise InputError(f"{self.base_url} has no such model or page (404): {said}")
        if 300 <= status < 400:
            target = answer.headers.get("location", "nowhere")
            raise InputError(
                f"{self.base_url} redirects to {target}; redirects are not followed: give that address"
            )

    def _once(self, method: str, path: str, body: bytes | None, timeout: float) -> Answer:
        """One request.

        Raises:
            Passing: no whole reply came.
        """
        try:
            return self._client.ask(method, path, body, seconds=timeout)
        except NoAnswerError as error:
            raise Passing(str(error)) from None

    def _message(self, data: bytes) -> str:
        """What an error's document says, short and without the key."""
        import msgspec

        try:
            found = msgspec.json.decode(data)
        except msgspec.MsgspecError:
            found = data.decode("utf-8", errors="replace")
        for name in ("error", "message", "detail"):
            if isinstance(found, dict) and name in found:
                found = found[name]
        return self._client.clean(str(found))

    def _count(self, *, failed: bool) -> None:
        with self._gate.lock:
            self._gate.failed = self._gate.failed + 1 if failed else 0

    def _close_gate(self, seconds: float) -> None:
        with self._gate.lock:
            self._gate.opens = max(self._gate.opens, time.monotonic() + seconds)

    def _wait_for_gate(self) -> None:
        while (left := self._gate.opens - time.monotonic()) > 0:
            self._pause(left + random.uniform(0, 0.1))  # all at once would be refused again
        if self._stop.is_set():
            raise Stopped

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped


def _own_wait(attempt: int) -> float:
    return backoff(attempt, first=passing.FIRST_WAIT_S, most=passing.LONGEST_WAIT_S)
