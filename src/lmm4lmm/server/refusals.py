"""Why a request gets no scores: one exception with status, code and words, and what it looks like to a client."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Code: TypeAlias = Literal[
    "malformed",
    "no_token",
    "from_elsewhere",
    "not_found",
    "wrong_method",
    "slow_body",
    "too_large",
    "wrong_type",
    "wrong_request",
    "overloaded",
    "our_fault",
    "closing",
    "too_slow",
]
"""What programs may rely on; messages are for people."""


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        code: for programs.
        message: for people: what is wrong and what would be right.
        headers: that go with the answer.
    """

    def __init__(self, status: int, code: Code, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def overloaded(seconds: float, what: str) -> Refused:
    """429, with the seconds after which it may be worth another try."""
    wait = min(60, max(1, math.ceil(seconds)))
    return Refused(429, "overloaded", f"{what}; try again in {wait} s", {"Retry-After": str(wait)})


def closing() -> Refused:
    """503: the server is about to end."""
    return Refused(503, "closing", "the server is shutting down and takes no more work", {"Retry-After": "5"})
