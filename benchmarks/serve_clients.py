"""Clients and servers for ``serve.py``: a server in a process of its own, and people who ask it all at once."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image

from lmm4lmm.core.records import Dimension, Estimate, Item, Score


@dataclass(frozen=True)
class Answer:
    """What came back, and when: seconds from when it should have been sent."""

    status: int
    seconds: float
    items: list[dict[str, Any]]


class Fake:
    """A metric at no cost whose scores tell image and prompt: the first pixel, and the prompt's checksum."""

    fingerprint = "fake-1"
    dimensions: tuple[Dimension, ...] = ("perception", "correspondence")

    def prepare(self, item: Item, image: Image.Image) -> tuple[str, int]:
        """Prompt and first pixel."""
        red, green, blue = image.getpixel((0, 0))  # type: ignore[misc]
        return item.prompt, red * 65536 + green * 256 + blue

    def size(self, prepared: tuple[str, int]) -> int:
        """Differs, so that batches are not in the order of arrival."""
        return len(prepared[0])

    def score(self, batch: Sequence[tuple[str, int]]) -> list[Score]:
        """Known beforehand: see ``fake_scores``."""
        return [
            Score(perception=Estimate(one), correspondence=Estimate(two))
            for one, two in (fake_scores(prompt, color) for prompt, color in batch)
        ]


def fake_scores(prompt: str, color: int) -> tuple[float, float]:
    """What ``Fake`` says."""
    return color / 2**24 * 100, zlib.crc32(prompt.encode()) / 2**32 * 100


def serve_fake() -> None:
    """A server of ``Fake``, until it is told to stop."""
    from lmm4lmm.server.app import create_app
    from lmm4lmm.server.limits import Limits
    from lmm4lmm.server.service import Service
    from lmm4lmm.server.serving import serve
    from lmm4lmm.study.web.serving import listen

    bound = listen("127.0.0.1", 0)
    service = Service("fake", Fake(), limits=Limits(queue=1_000))

    def ready() -> None:
        print(f"fake at http://127.0.0.1:{bound.getsockname()[1]}. Stop", file=sys.stderr, flush=True)

    serve(service, create_app(service), bound, ready)


@contextmanager
def server(*command: str) -> Iterator[int]:
    """A server's port while it runs."""
    process = subprocess.Popen(
        [sys.executable, *command],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        if " at http://" not in line:
            raise SystemExit(line + process.stderr.read())
        yield int(line.split("http://127.0.0.1:")[1].split(".")[0])
    finally:
        process.terminate()
        process.wait(120)


def body_of(image: bytes, prompt: str) -> tuple[bytes, str]:
    """A form and its type."""
    head = b'--cut\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + prompt.encode()
    head += b'\r\n--cut\r\nContent-Disposition: form-data; name="image"; filename="i"\r\n\r\n'
    return head + image + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"


def ask(
    connection: http.client.HTTPConnection, body: tuple[bytes, str], since: float | None = None
) -> Answer:
    """One request on an open connection."""
    began = time.perf_counter() if since is None else since
    connection.request("POST", "/v1/score", body[0], {"Content-Type": body[1]})
    response = connection.getresponse()
    found = json.loads(response.read())
    return Answer(response.status, time.perf_counter() - began, found.get("items", []))


def crowd(
    port: int, bodies: Sequence[tuple[bytes, str]], clients: int, until: float | None = None
) -> list[Answer]:
    """So many clients, each with one request at a time, through all bodies (or until a time); in their order.

    One that is told to come back later does so.
    """
    numbers = iter(range(len(bodies)))
    lock, found = threading.Lock(), dict[int, Answer]()

    def client(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while until is None or time.perf_counter() < until:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            while (answer := ask(connection, bodies[number])).status == 429:
                time.sleep(0.05)
            found[number] = answer
        connection.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    return [found[number] for number in sorted(found)]


def open_loop(port: int, bodies: Sequence[tuple[bytes, str]], rate: float, seconds: float) -> list[Answer]:
    """Requests at a fixed rate whatever becomes of them, each on a connection of its own."""
    found: list[Answer] = []
    threads = []
    began = time.perf_counter()

    def one(body: tuple[bytes, str], due: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            found.append(ask(connection, body, due))
        except OSError:
            found.append(Answer(0, time.perf_counter() - due, []))
        finally:
            connection.close()

    for number in range(int(rate * seconds)):
        due = began + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        threads.append(threading.Thread(target=one, args=(bodies[number % len(bodies)], due)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return found


def counter(port: int, name: str) -> float:
    """One of the server's own counters."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " "))


def watched(read: Callable[[], float], stop: threading.Event) -> float:
    """The greatest value until told to stop."""
    most = read()
    while not stop.wait(0.5):
        most = max(most, read())
    return most
