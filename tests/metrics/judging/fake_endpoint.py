"""A local endpoint that speaks OpenAI's protocol, and misbehaves when it is told to."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LEVELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
YES_NO = ("no", "yes")


@dataclass
class Step:
    """What one request gets in place of a proper reply.

    Attributes:
        cut: bytes of the body that are sent before the connection is closed.
        wait: seconds before anything is sent.
        drip: seconds between two bytes.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait: float = 0.0
    drip: float = 0.0


@dataclass
class Seen:
    """One request as it came."""

    body: dict[str, Any]
    headers: dict[str, str]
    began: float
    ended: float = 0.0

    @property
    def image(self) -> str:
        return self.body["messages"][0]["content"][0]["image_url"]["url"]

    @property
    def text(self) -> str:
        return self.body["messages"][0]["content"][1]["text"]


@dataclass
class FakeEndpoint:
    """The server's mind.

    Attributes:
        script: what the next requests get; then proper replies.
        refuse: gets a request's document; a text that it returns is a 400 with that message.
        said: gets a request's document and returns the reply's text and its first tokens with probabilities.
        wait: seconds that every reply takes.
        ready: whether it says which models it has; a server that still loads one does not.
    """

    base_url: str = ""
    probabilities: bool = True
    names: tuple[str, ...] = ("tiny",)
    key: str | None = None
    wait: float = 0.0
    usage: bool = True
    ready: bool = True
    script: deque[Step] = field(default_factory=deque)
    refuse: Callable[[dict[str, Any]], str | None] = lambda _: None
    said: Callable[[dict[str, Any]], tuple[str, dict[str, float]]] = None  # type: ignore[assignment]
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    busy: int = 0
    busiest: int = 0

    def __post_init__(self) -> None:
        if self.said is None:
            self.said = opinion


def opinion(body: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """Probabilities that depend on image and text, and the likeliest word."""
    content = body["messages"][0]["content"]
    text = content[1]["text"]
    words = YES_NO if "yes or no" in text or "no or yes" in text else LEVELS
    digest = hashlib.sha256(json.dumps(content).encode()).digest()
    weights = [1 + digest[place] for place in range(len(words))]
    shares = {word: 0.9 * weight / sum(weights) for word, weight in zip(words, weights, strict=True)}
    return max(shares, key=lambda word: shares[word]), shares | {"The": 0.1}


def reply(body: dict[str, Any], endpoint: FakeEndpoint) -> bytes:
    word, shares = endpoint.said(body)
    choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": word}}
    if body.get("logprobs") and endpoint.probabilities:
        ranked = sorted(shares.items(), key=lambda pair: -pair[1])[: body["top_logprobs"]]
        tops = [{"token": token, "logprob": math.log(share)} for token, share in ranked]
        choice["logprobs"] = {"content": [tops[0] | {"top_logprobs": tops}]}
    document: dict[str, Any] = {"choices": [choice]}
    if endpoint.usage:
        document["usage"] = {
            "prompt_tokens": 1000,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 400},
        }
    return json.dumps(document).encode()


@contextmanager
def running(endpoint: FakeEndpoint | None = None) -> Iterator[FakeEndpoint]:
    """The endpoint on a free port of this machine, for as long as the block runs."""
    mind = endpoint or FakeEndpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do_GET(self) -> None:
            if mind.key is not None and self.headers.get("Authorization") != f"Bearer {mind.key}":
                self._send(Step(401, b'{"error": {"message": "Incorrect API key provided"}}'))
                return
            if not mind.ready:
                self._send(Step(503, b'{"error": {"code": 503, "message": "Loading model"}}'))
                return
            names = json.dumps({"data": [{"id": name} for name in mind.names]}).encode()
            self._send(Step(200, names) if self.path == "/v1/models" else Step(404, b"{}"))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            one = Seen(body, dict(self.headers.items()), time.monotonic())
            with mind.lock:
                mind.seen.append(one)
                step = mind.script.popleft() if mind.script else None
                mind.busy += 1
                mind.busiest = max(mind.busiest, mind.busy)
            time.sleep(mind.wait)
            if step is None:
                why = mind.refuse(body)
                step = (
                    Step(200, reply(body, mind))
                    if why is None
                    else Step(400, json.dumps({"error": {"message": why}}).encode())
                )
            one.ended = time.monotonic()
            with mind.lock:
                mind.busy -= 1
            self._send(step)

        def _send(self, step: Step) -> None:
            time.sleep(step.wait)
            try:
                self.send_response(step.status)
                for name, value in step.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(step.body)))
                self.end_headers()
                body = step.body[: step.cut]
                for place in range(len(body)) if step.drip else ():
                    time.sleep(step.drip)
                    self.wfile.write(body[place : place + 1])
                if not step.drip:
                    self.wfile.write(body)
                if step.cut is not None:
                    self.close_connection = True
            except OSError:  # the client has gone
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    mind.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield mind
    finally:
        server.shutdown()
        server.server_close()
