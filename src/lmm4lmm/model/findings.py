"""One line of a check-up, of a machine or of weights. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OK, MIND, BAD = "ok", "mind", "bad"
"""Good; works, but you may want to know; wrong, or will not work."""


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        what: what was looked at: a file, a tensor, a part of the machine.
        state: ``ok``, ``mind`` or ``bad``.
        found: one sentence.
        advice: what to do, where something should be done.
    """

    what: str
    state: str
    found: str
    advice: str = ""


def bad(findings: Iterable[Finding]) -> list[Finding]:
    """Those that are wrong."""
    return [finding for finding in findings if finding.state == BAD]


def size(count: int) -> str:
    """A number of bytes for people, in decimal units."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count} B"
