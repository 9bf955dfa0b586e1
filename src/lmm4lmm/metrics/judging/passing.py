"""What may pass, and for how long it is waited for."""

from __future__ import annotations

MAY_PASS = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
"""Statuses of HTTP that are tried again."""
LONGEST_ASKED_S = 600.0
"""A ``Retry-After`` beyond that is a no."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
"""Of the times that double from one try to the next."""
_USED_UP = (b"insufficient_quota", b"billing_hard_limit")


class Passing(Exception):
    """What may be better at the next try.

    Attributes:
        reason: what went wrong.
        wait: seconds that the endpoint asks to wait.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


def is_used_up(status: int, body: bytes) -> bool:
    """Whether an answer says that the account has nothing left; OpenAI says so with a 429, which else may pass."""
    return status == 402 or (status >= 400 and any(code in body for code in _USED_UP))


def is_blind(status: int, body: bytes) -> bool:
    """Whether an answer says that the model takes no images; llama.cpp says so with a 500.

    A 429 is about how much was asked, whatever else its message says.
    """
    return status >= 400 and status != 429 and b"image input is not supported" in body
