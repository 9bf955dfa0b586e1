"""What the server gives away and wants back unchanged: sealed with HMAC-SHA256, each kind under a key of its own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

LEAST_SECRET = 32
"""Bytes of the server's secret: as many as HMAC-SHA256 makes use of."""


class Sealer:
    """Seals small JSON objects and opens them again; a seal of one kind is worth nothing as another.

    Args:
        secret: at least 32 random bytes, the same after a restart, so that raters stay signed in.
        clock: the server's time in seconds; a client's clock plays no part.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < LEAST_SECRET:
            raise ValueError(
                f"the secret must have at least {LEAST_SECRET} bytes, this one has {len(secret)}"
            )
        self._secret, self._clock = secret, clock

    def seal(self, kind: str, content: Mapping[str, Any]) -> str:
        """The content with the time of sealing, then a dot, then its code; safe in cookies and addresses."""
        stamped = {**content, "at": int(self._clock())}
        body = _encode(json.dumps(stamped, separators=(",", ":")).encode())
        return f"{body}.{self._code(kind, body)}"

    def open(self, kind: str, sealed: str, seconds: float) -> dict[str, Any] | None:
        """The content, or None if it was altered, is of another kind, or is older than so many seconds."""
        body, _, code = sealed.partition(".")
        if not hmac.compare_digest(code.encode(), self._code(kind, body).encode()):
            return None
        try:
            content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (ValueError, binascii.Error):
            return None
        if (
            not isinstance(content, dict)
            or not 0 <= self._clock() - content.get("at", 0) + 60 <= seconds + 60
        ):
            return None
        return content

    def token(self, kind: str, of: str) -> str:
        """A code that only this server can make of this text, such as a form's token of a session."""
        return self._code(kind, of)

    def _code(self, kind: str, text: str) -> str:
        key = hmac.digest(self._secret, kind.encode(), hashlib.sha256)
        return _encode(hmac.digest(key, text.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
