"""What may pass: how long to wait for it, and how connections' errors read."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAY_PASS = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
"""Statuses of HTTP that are tried again."""
LONGEST_ASKED_S = 600.0
"""A ``Retry-After`` beyond that is a no."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 60.0


class Passing(Exception):
    """What may be better at the next try.

    Attributes:
        reason: what went wrong.
        wait: seconds that the endpoint asks to wait.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


def told(error: Exception) -> str:
    """A connection's error in words."""
    name = type(error).__name__
    known = {
        "NewConnectionError": "nothing answers there (connection refused or unreachable)",
        "ConnectTimeoutError": "no connection in time",
        "ReadTimeoutError": "no reply in time",
        "IncompleteRead": "the reply broke off",
        "ProtocolError": "the connection broke off",
        "NameResolutionError": "no such host",
        "SSLError": f"no secure connection: {error}",
    }
    return known.get(name, f"{name}: {error}")


def is_final(data: bytes) -> bool:
    """Whether a "too many requests" is about an account that is used up: it will not pass."""
    return b"insufficient_quota" in data or b"billing_hard_limit" in data


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After`` (a number or a date) or of the finer form that some endpoints send."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        if "retry-after" not in headers:
            return None
        text = headers["retry-after"].strip()
        if text.replace(".", "", 1).isdigit():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def backoff(attempt: int) -> float:
    """Doubles from one try to the next; a random half of it keeps threads apart."""
    longest: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**attempt)
    return longest * random.uniform(0.5, 1.0)
