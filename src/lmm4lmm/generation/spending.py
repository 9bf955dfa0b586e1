"""What a paid service was asked for, on disk before the question is sent, and the cap on it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from lmm4lmm.core.errors import InputError, ItemError


class Spending:
    """Counts the price of every request that may be billed.

    The account is a file of lines, each appended before a request goes out (and another, negative, where the service
    surely took nothing), so a killed run counts what it had under way as paid. Safe to share between threads.

    Args:
        price: of one image; None counts nothing.
        cap: what may be spent, all runs on this account together; None for no limit.
        path: the account; None keeps it in memory.

    Raises:
        InputError: a cap without a price, a negative number, or a file that is no account.
    """

    def __init__(self, price: float | None, cap: float | None, path: Path | None = None) -> None:
        if price is not None and not 0 <= price < float("inf"):
            raise InputError(f"--price-per-image is {price}; a price is 0 or more")
        if cap is not None and not 0 <= cap < float("inf"):
            raise InputError(f"--max-cost is {cap}; a cap is 0 or more")
        if cap is not None and price is None:
            raise InputError(
                "--max-cost needs --price-per-image: the service does not tell what an image costs"
            )
        self.price, self.cap = price, cap
        self._path = path
        self._lock = threading.Lock()
        self.spent = 0.0 if path is None else _sum(path)

    def reserve(self, draw: str) -> float:
        """Notes one more request; returns its price.

        Raises:
            ItemError: it would pass the cap.
        """
        if self.price is None:
            return 0.0
        with self._lock:
            if self.cap is not None and self.spent + self.price > self.cap + 1e-9:
                raise ItemError(
                    f"not asked for: {self.spent:.4g} is spent, and {self.price:g} more would pass --max-cost "
                    f"{self.cap:g}"
                )
            self._note(draw, self.price)
        return self.price

    def give_back(self, draw: str) -> None:
        """The service took nothing for a request that was noted."""
        if self.price is not None:
            with self._lock:
                self._note(draw, -self.price)

    def _note(self, draw: str, amount: float) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps({"draw": draw, "amount": amount}) + "\n"
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(handle, line.encode())  # one write: a kill leaves the whole line or none
            finally:
                os.close(handle)
        self.spent += amount


def _sum(path: Path) -> float:
    if not path.exists():
        return 0.0
    total = 0.0
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            total += float(json.loads(line)["amount"])
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{path}, row {number}: no line of an account of costs; mend it or move it away"
            ) from None
    return total
