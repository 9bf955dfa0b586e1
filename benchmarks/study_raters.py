"""Simulated raters who do by HTTP what a rater's browser does, with the cookies, tokens and retries of its script.

A client of its own on bare asyncio streams, because it shares two cores with the server that it measures.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

LONGEST_PAUSE = 15.0
"""Seconds: as ``wire.js`` has it."""


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in lower case (the last of several), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Connection:
    """One HTTP/1.1 connection that is kept open; requests on it take turns."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One request.

        Raises:
            OSError, EOFError: no server, or one that went away before it had answered.
        """
        async with self._turn:
            try:
                if self._streams is not None and self._streams[0].at_eof():
                    self.close()  # the server hung up on an idle connection; browsers see that before they send
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
                return await self._exchange(method, path, headers, body)
            except BaseException:
                self.close()
                raise

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        assert self._streams is not None
        reader, writer = self._streams
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        content = await reader.readexactly(int(found.get("content-length", 0)))
        if found.get("connection") == "close":
            self.close()
        return Answer(int(head[0].split()[1]), found, content)

    def close(self) -> None:
        """Hangs up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(frozen=True)
class Told:
    """An answer that the server acknowledged.

    Attributes:
        value: of ``perception``; no two answers of a rater have the same.
        due, seconds: when it was to be sent, by the loop's clock; how long after that it was acknowledged.
        outcome: ``accepted``, or ``repeated`` where an earlier try had got through without our hearing of it.
        tries: 1 if the first was answered.
    """

    rater: str
    value: float
    due: float
    seconds: float
    outcome: str
    tries: int


@dataclass
class Rater:
    """One browser, from the invitation to the completion code.

    Attributes:
        name: ``R001``, as in exports.
        link: the invitation's path.
        told: every acknowledged answer.
        again: how often an answer was sent again on purpose after its acknowledgement; ``again_wrong``: how often the
            server took that for anything but a repetition.
        pictures: seconds that images took.
        code: the completion code.
    """

    name: str
    link: str
    host: str
    port: int
    rng: random.Random
    again_share: float = 0.02
    told: list[Told] = field(default_factory=list)
    again: int = 0
    again_wrong: int = 0
    pictures: list[float] = field(default_factory=list)
    code: str | None = None
    _cookie: str = ""
    _token: str = ""
    _step: str = ""
    _sent: int = 0
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._pages, self._images = Connection(self.host, self.port), Connection(self.host, self.port)

    def close(self) -> None:
        """Closes the browser."""
        self._pages.close()
        self._images.close()

    async def arrive(self) -> None:
        """Invitation, consent, instructions, viewing check, training: up to the first image that counts."""
        answer = await self._ask("GET", self.link)
        _expect(answer, 303)
        self._cookie = answer.headers["set-cookie"].partition(";")[0]
        page = await self._page()
        for asset in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
            _expect(await self._ask("GET", asset), 200)
        self._token = _one(r'name="csrf" value="([^"]+)"', page)
        await self._post("/study/consent", agree="yes", language="en")
        await self._page()
        await self._post("/study/instructions")
        plates = _one(r'name="plates" value="([^"]+)"', await self._page())
        await self._post("/study/viewing", plates=plates, width="1280", height="720", zoom="100")
        await self._read_page()
        while self._training:
            await self._send({"perception": 50, "correspondence": 3})
        self._sent = 0

    @property
    def done(self) -> bool:
        """Whether there is nothing more to do."""
        return self.code is not None

    async def rate(self, due: float) -> None:
        """Sends one answer that was due at ``due`` until it is acknowledged; then has the next image."""
        self._sent += 1
        value = self._sent / 100
        body = {"perception": value, "correspondence": str(self.rng.randint(1, 5))}
        step = self._step
        outcome, tries, at = await self._send(body)
        self.told.append(Told(self.name, value, due, at - due, outcome, tries))
        if self.rng.random() < self.again_share:
            self.again += 1
            told, _ = await self._api("rate", {"step": step, "values": {**body, "perception": 0}, "ms": 1})
            self.again_wrong += told["outcome"] != "repeated"

    async def _send(self, values: Mapping[str, object]) -> tuple[str, int, float]:
        loop = asyncio.get_running_loop()
        told, tries = await self._api("rate", {"step": self._step, "values": values, "ms": 900})
        at = loop.time()
        if "step" in told:
            self._step, self._training = told["step"]["id"], told["stage"] == "training"
            await self._look(*told["step"]["images"], *told["preload"])
        else:  # as the script does: the page says what it is
            await self._read_page()
        return told["outcome"], tries, at

    async def _api(self, what: str, body: Mapping[str, object]) -> tuple[dict[str, object], int]:
        headers = {"Content-Type": "application/json", "X-CSRF-Token": self._token}
        answer, tries = await self._insist(
            self._pages, "POST", f"/study/api/{what}", headers, json.dumps(body).encode()
        )
        _expect(answer, 200)
        return json.loads(answer.body), tries

    async def _post(self, path: str, **fields: str) -> None:
        body = urlencode({"csrf": self._token, **fields}).encode()
        _expect(
            await self._ask("POST", path, {"Content-Type": "application/x-www-form-urlencoded"}, body), 303
        )

    async def _page(self) -> str:
        answer = await self._ask("GET", "/study")
        _expect(answer, 200)
        return answer.text

    async def _read_page(self) -> None:
        """The step that the page shows, or the completion code."""
        page = await self._page()
        found = re.search(r'data-step="([^"]+)"', page)
        if found is None:
            self.code = _one(r'class="code"[^>]*>\s*([^<\s]+)', page)
            return
        self._step, self._training = found[1], 'class="badge"' in page
        await self._look(
            *re.findall(r'src="/image/([^"]+)"', page), *_one(r'data-preload="([^"]*)"', page).split()
        )

    async def _look(self, *opaque: str) -> None:
        """Loads what the browser's cache does not have."""
        loop = asyncio.get_running_loop()
        for one in opaque:
            if one not in self._seen:
                self._seen.add(one)
                began = loop.time()
                answer, _ = await self._insist(self._images, "GET", f"/image/{one}", {}, b"")
                _expect(answer, 200)
                self.pictures.append(loop.time() - began)

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        return (await self._insist(self._pages, method, path, headers or {}, body))[0]

    async def _insist(
        self, on: Connection, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, int]:
        """As ``wire.js``: again after 0.3 s, 1 s, 2 s and so on, as long as there is no server or it is not well."""
        sent = {"Cookie": self._cookie, **headers} if self._cookie else headers
        failures = 0
        while True:
            pause = 0.3 if failures == 0 else min(LONGEST_PAUSE, 0.5 * 2**failures)
            try:
                answer = await on.ask(method, path, sent, body)
                if answer.status < 500 and answer.status != 429:
                    return answer, failures + 1
                pause = max(pause, float(answer.headers.get("retry-after", 0)))
            except (OSError, EOFError):
                pass
            failures += 1
            await asyncio.sleep(pause)


def _expect(answer: Answer, status: int) -> None:
    if answer.status != status:
        raise RuntimeError(f"status {answer.status} instead of {status}: {answer.body[:500]!r}")


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no {pattern} in {text[:2000]}")
    return found[1]
