"""A local image service in OpenAI's form that can be told to misbehave in every way that services do."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image

KEY = "sk-very-secret-0123456789"


def png(prompt: str, size: int = 8) -> bytes:
    """An image whose colour depends on the prompt."""
    stream = BytesIO()
    Image.new("RGB", (size, size), tuple(sum(prompt.encode()) * n % 256 for n in (3, 5, 7))).save(
        stream, "PNG"
    )
    return stream.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers by the service's plan: behaviours by prompt, each used up before the next."""

    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.server.fetched.append((self.path, dict(self.headers)))
        found = self.server.files.get(self.path)
        if callable(found):
            found(self)
        elif found is None:
            self.answer(404, b"gone", "text/plain")
        else:
            self.answer(200, found, "image/png")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.asked.append((time.monotonic(), self.path, dict(self.headers), body))
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
            plan = self.server.plans.get(body["prompt"], [])
            act = plan.pop(0) if plan else fine
        try:
            act(self, body)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        """A whole, honest answer."""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


Act = Callable[[Handler, dict[str, Any]], None]


def fine(handler: Handler, body: dict[str, Any], **headers: str) -> None:
    data = {
        "b64_json": base64.b64encode(png(body["prompt"])).decode(),
        "revised_prompt": f"a nice {body['prompt']}",
    }
    handler.answer(200, json.dumps({"created": 1, "data": [data]}).encode(), **headers)


def fine_with(**headers: str) -> Act:
    return lambda handler, body: fine(handler, body, **headers)


def status(code: int, error: object = None, **headers: str) -> Act:
    def act(handler: Handler, _: dict[str, Any]) -> None:
        handler.answer(
            code, json.dumps({"error": error or {"message": f"status {code}"}}).encode(), **headers
        )

    return act


def raw(body: bytes, kind: str = "application/json", code: int = 200) -> Act:
    return lambda handler, _: handler.answer(code, body, kind)


def url(address: str) -> Act:
    def act(handler: Handler, _: dict[str, Any]) -> None:
        full = address.replace("HERE", f"http://{handler.headers['host']}")
        handler.answer(200, json.dumps({"data": [{"url": full}]}).encode())

    return act


def truncated(handler: Handler, body: dict[str, Any]) -> None:
    whole = json.dumps({"data": [{"b64_json": base64.b64encode(png(body["prompt"])).decode()}]}).encode()
    handler.send_response(200)
    handler.send_header("content-length", str(len(whole)))
    handler.end_headers()
    handler.wfile.write(whole[: len(whole) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def reset(handler: Handler, _: dict[str, Any]) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def slow(seconds: float) -> Act:
    def act(handler: Handler, body: dict[str, Any]) -> None:
        time.sleep(seconds)
        fine(handler, body)

    return act


def trickle(handler: Handler, _: dict[str, Any]) -> None:
    """A byte now and then: no single wait is long, the whole never ends."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    for _ in range(2000):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


class Service:
    """What tests see of the server."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.base_url = f"http://127.0.0.1:{server.server_port}/v1"

    def plan(self, prompt: str, *acts: Act) -> None:
        """What the next requests for a prompt meet; after them all is well."""
        self._server.plans[prompt] = list(acts)

    def serve(self, path: str, content: object) -> None:
        """A file to be fetched."""
        self._server.files[path] = content

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [body for _, _, _, body in self._server.asked]

    @property
    def headers(self) -> list[dict[str, str]]:
        return [{k.lower(): v for k, v in headers.items()} for _, _, headers, _ in self._server.asked]

    @property
    def times(self) -> list[float]:
        return [moment for moment, *_ in self._server.asked]

    @property
    def fetched(self) -> list[tuple[str, dict[str, str]]]:
        return [(path, {k.lower(): v for k, v in headers.items()}) for path, headers in self._server.fetched]

    @property
    def most(self) -> int:
        return int(self._server.most)


@contextmanager
def running() -> Iterator[Service]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.lock, server.asked, server.fetched = threading.Lock(), [], []
    server.plans, server.files, server.now, server.most = {}, {}, 0, 0
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Service(server)
    finally:
        server.shutdown()
        server.server_close()
