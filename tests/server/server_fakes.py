"""A metric whose scores are known beforehand, a server in a thread, and images to send."""

from __future__ import annotations

import base64
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from lmm4lmm.core.records import Answer, Dimension, Estimate, Item, Score
from lmm4lmm.server.app import create_app
from lmm4lmm.server.service import Service
from lmm4lmm.server.serving import Server

Ask = Callable[..., tuple[TestClient, Service]]
"""What the fixture ``serving`` is."""


class Known:
    """Perception is told by the first pixel, correspondence by the prompt, the answer by the question.

    Args:
        seconds: a batch takes so long.
        fails: raises for a prompt, in ``score``.
    """

    fingerprint = "known-1"
    dimensions: tuple[Dimension, ...] = ("perception", "correspondence", "answer")

    def __init__(self, *, seconds: float = 0.0, fails: Callable[[str], None] = lambda prompt: None) -> None:
        self._seconds, self._fails = seconds, fails
        self.human_scale: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[str]] = []

    def prepare(self, item: Item, image: Image.Image) -> tuple[Item, int]:
        red, green, blue = image.getpixel((0, 0))  # type: ignore[misc]
        return item, red * 65536 + green * 256 + blue

    def size(self, prepared: tuple[Item, int]) -> int:
        return len(prepared[0].prompt)

    def score(self, batch: Sequence[tuple[Item, int]]) -> list[Score]:
        self.batches.append([item.prompt for item, _ in batch])
        assert self.gate.wait(30)
        time.sleep(self._seconds)
        for item, _ in batch:
            self._fails(item.prompt)
        return [expected(color, item.prompt, item.question) for item, color in batch]

    @property
    def scored(self) -> list[str]:
        return [prompt for batch in self.batches for prompt in batch]


def expected(color: int, prompt: str, question: str | None = None) -> Score:
    """What ``Known`` says of an image whose first pixel is ``color``."""
    return Score(
        perception=Estimate(color / 2**24 * 100, 1.0),
        correspondence=Estimate(zlib.crc32(prompt.encode()) / 2**32 * 100) if prompt else None,
        answer=Answer(zlib.crc32(question.encode()) / 2**32, question) if question else None,
    )


def png(color: int = 0x102030, size: tuple[int, int] = (8, 8)) -> bytes:
    """An image whose first pixel is ``color``."""
    stream = BytesIO()
    Image.new("RGB", size, (color >> 16, color >> 8 & 255, color & 255)).save(stream, "PNG")
    return stream.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def asked(*prompts: str) -> dict[str, Any]:
    """A JSON body with one image a prompt."""
    return {"items": [{"image": b64(png(n)), "prompt": prompt} for n, prompt in enumerate(prompts)]}


@contextmanager
def live(service: Service) -> Iterator[tuple[str, Server]]:
    """The service behind a real socket, in a thread; its address, and the server."""
    bound = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    server = Server(service, create_app(service), ready.set)
    service.start()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        assert ready.wait(20)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}", server
    finally:
        server.should_exit = True
        thread.join(30)
        service.stop()


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
