"""Counts and lists in English sentences."""

from __future__ import annotations

from collections.abc import Sequence


def several(count: int, one: str, more: str = "") -> str:
    """``1 image``, ``2,000 images``."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def percent(share: float, digits: int = 0) -> str:
    """``95 %`` of .95."""
    return f"{100 * share:.{digits}f} %"


def number(value: float) -> str:
    """Without zeros behind the point."""
    return f"{value:.3g}"
