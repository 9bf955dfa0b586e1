"""How long to wait before a service is asked again: what it says, or a time that doubles."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a refused request is told to wait; None where it is told nothing that can be read.

    ``Retry-After`` is a number or a date; some services send ``retry-after-ms`` beside it, which is finer.

    Args:
        headers: of the answer; names in lower case or a mapping that does not mind.
        now: for tests.
    """
    if (exact := plain_number(headers.get("retry-after-ms"))) is not None:
        return exact / 1000
    text = headers.get("retry-after", "").strip()
    if (seconds := plain_number(text)) is not None:
        return seconds
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def backoff(attempt: int, *, first: float, most: float) -> float:
    """Seconds before the next try after the ``attempt``-th failure, from 0: half to all of a time that doubles.

    The random half keeps threads apart.

    Args:
        attempt: failures before this one.
        first: of the doubling times.
        most: that they never pass.
    """
    longest = min(most, first * 2.0 ** min(attempt, 30))
    return longest * random.uniform(0.5, 1.0)


def plain_number(text: str | None) -> float | None:
    """A number without sign or exponent; None for any other text."""
    return float(text) if text and re.fullmatch(r"\s*\d+(\.\d+)?\s*", text) else None
