"""What the server takes in: every number that bounds a request, the queue and the memory."""

from __future__ import annotations

from dataclasses import dataclass

from lmm4lmm.core.errors import InputError

MIB = 2**20
LEAST_HELD = 64 * 1024
"""Bytes that a request counts for however small it is: what its connection and its task cost."""


@dataclass(frozen=True)
class Limits:
    """The limits of one server.

    Attributes:
        body_bytes: the largest request.
        image_bytes: the largest single image, as a file.
        pixels: width x height that are decoded; a larger baseline JPEG is decoded smaller, all else is refused.
        items: images of one request.
        text: characters of a prompt or a question.
        seconds: from a request's head to its answer.
        queue: items that are accepted and not yet answered.
        held_bytes: bytes of requests that are held at a time.
        batch: items that the model sees together.
        wait_seconds: how long the model waits for items that are accepted but not yet decoded.
        workers: threads that decode.

    Raises:
        InputError: the limits contradict each other.
    """

    body_bytes: int = 32 * MIB
    image_bytes: int = 16 * MIB
    pixels: int = 25_000_000
    items: int = 32
    text: int = 4_000
    seconds: float = 60.0
    queue: int = 128
    held_bytes: int = 256 * MIB
    batch: int = 16
    wait_seconds: float = 0.02
    workers: int = 2

    def __post_init__(self) -> None:
        if self.items > self.queue:
            raise InputError(f"a queue of {self.queue} items can't take a request of {self.items}")
        if self.body_bytes + LEAST_HELD > self.held_bytes:
            raise InputError(
                f"{self.held_bytes:,} bytes of memory can't hold a request of {self.body_bytes:,} bytes"
            )
