"""A host of images on loopback that misbehaves on demand, and a name server that says what a test wants."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lmm4lmm.core.fetching import Fetcher


def _png() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (8, 8), (0, 0, 7)).save(stream, "PNG")
    return stream.getvalue()


IMAGE = _png()


class Place(BaseHTTPRequestHandler):
    """A host of images that misbehaves on demand."""

    seen: list[tuple[str, str]] = []  # noqa: RUF012  # path and Host header, emptied at each start

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Host"]))
        kind, _, rest = self.path[1:].partition("/")
        if kind == "image":
            self.answer(200, IMAGE)
        elif kind == "status":
            self.answer(int(rest), b"", *([("Retry-After", "3")] if rest == "429" else []))
        elif kind == "to":
            self.answer(302, b"", ("Location", rest))
        elif kind == "big":
            self.answer(200, b"x" * 50_000)
        elif kind == "endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x" * 1000)
        elif kind == "short":
            self.send_response(200)
            self.send_header("Content-Length", "9999")
            self.end_headers()
            self.wfile.write(IMAGE)
        elif kind == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(0.1)

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested here."""


def certified(folder: Path, name: str) -> ssl.SSLContext:
    """A server's side of TLS, with a new certificate of ``name`` in ``folder / "cert"``, which vouches for itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate with")
    kind = "IP" if name[0].isdigit() else "DNS"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{name}"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a host on loopback."""
    Place.seen = []
    server = Quiet(("127.0.0.1", 0), Place)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class Names:
    """A name server; ``images.test`` is on loopback, and the answers to each name can be several."""

    def __init__(self, **answers: str) -> None:
        self.answers = {"images.test": "127.0.0.1", **answers}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror("unknown")
        return [(2, 1, 6, "", (address, port)) for address in self.answers[host].split()]


def fetcher(
    port: int, names: Callable[..., Any] | None = None, *, public: Any = lambda address: True, **more: Any
) -> Fetcher:
    """Of images at ``images.test`` and other allowed places, where all addresses are public unless a test says."""
    allowed = [f"http://images.test:{port}", *more.pop("allowed", ())]
    return Fetcher(allowed, most_bytes=10_000, resolve=names or Names(), public=public, **more)
