"""What may pass, and for how long it is waited for."""

from __future__ import annotations

MAY_PASS = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
"""Statuses of HTTP that are tried again."""
LONGEST_ASKED_S = 600.0
"""A ``Retry-After`` beyond that is a no."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
"""Of the times that double from one try to the next."""


class Passing(Exception):
    """What may be better at the next try.

    Attributes:
        reason: what went wrong.
        wait: seconds that the endpoint asks to wait.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


def is_final(data: bytes) -> bool:
    """Whether an error that reads as passing will not pass: an account that is used up, a model without eyes."""
    return b"insufficient_quota" in data or b"billing_hard_limit" in data or is_blind(data)


def is_blind(data: bytes) -> bool:
    """Whether the model takes no images; llama.cpp says so with a 500."""
    return b"image input is not supported" in data
