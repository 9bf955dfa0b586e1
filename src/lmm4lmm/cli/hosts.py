"""What verbs that serve pages say of the address they listen at."""

from __future__ import annotations

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that nobody else reaches."""


def to_open(host: str) -> str:
    """The host as it is written in an address to open on this machine."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
