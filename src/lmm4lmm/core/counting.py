"""How many of something, in words."""

from __future__ import annotations


def counted(n: int, one: str, many: str | None = None) -> str:
    """``1 image``, ``2,061 images``; ``many`` where its plural is not ``one`` with an s."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
