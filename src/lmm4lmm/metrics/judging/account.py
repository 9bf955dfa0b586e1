"""What a run of a judge has used: requests, tokens, money; and when that is enough."""

from __future__ import annotations

import threading

from lmm4lmm.core.errors import InputError, ItemError

_MILLION = 1_000_000


class Account:
    """Counts, from several threads at once.

    Args:
        price_in: of a million tokens read, in any currency.
        price_out: of a million tokens written.
        price_cached: of a million tokens read from the endpoint's cache; None: as other tokens read.
        budget: what may be spent, in the same currency.
        token_budget: how many tokens may be used, read and written together.

    Raises:
        InputError: a number is negative, or a budget comes without prices.
    """

    def __init__(
        self,
        *,
        price_in: float | None = None,
        price_out: float | None = None,
        price_cached: float | None = None,
        budget: float | None = None,
        token_budget: int | None = None,
    ) -> None:
        given = {
            "price_in": price_in,
            "price_out": price_out,
            "price_cached": price_cached,
            "budget": budget,
            "token_budget": token_budget,
        }
        for name, value in given.items():
            if value is not None and (isinstance(value, str | bool) or not value >= 0):
                raise InputError(f"{name} is a number from 0 up, not {value!r}")
        if budget is not None and (price_in is None or price_out is None):
            raise InputError(
                "a budget needs price_in and price_out (a million tokens), or give a token_budget"
            )
        self._priced = price_in is not None or price_out is not None
        self._in, self._out = price_in or 0.0, price_out or 0.0
        self._cached = self._in if price_cached is None else price_cached
        self._budget, self._token_budget = budget, token_budget
        self._lock = threading.Lock()
        self.requests = self.replies = self.retries = self.refused = self.uncounted = 0
        self.tokens_in = self.tokens_out = self.tokens_cached = 0
        self._under_way = 0
        self._largest = (0, 0.0)  # tokens and money of the dearest request so far

    @property
    def spent(self) -> float:
        """Money, as far as the endpoint told its tokens."""
        fresh = self.tokens_in - self.tokens_cached
        return (fresh * self._in + self.tokens_cached * self._cached + self.tokens_out * self._out) / _MILLION

    def begin(self) -> None:
        """A request is about to be made; what is under way is taken to cost as much as the dearest one.

        Raises:
            ItemError: the budget is used up: the request must not be made.
        """
        with self._lock:
            waiting = self._under_way + 1
            tokens = self.tokens_in + self.tokens_out
            if self._budget is not None and self._over(self.spent, self._largest[1] * waiting, self._budget):
                self.refused += 1
                raise ItemError(
                    f"not asked: the budget of {self._budget:g} is used up ({self.spent:.4g} spent)"
                )
            if self._token_budget is not None and self._over(
                tokens, self._largest[0] * waiting, self._token_budget
            ):
                self.refused += 1
                raise ItemError(
                    f"not asked: the budget of {self._token_budget:,} tokens is used up ({tokens:,})"
                )
            self._under_way += 1
            self.requests += 1

    def end(self) -> None:
        """That request came to its end, whatever it was."""
        with self._lock:
            self._under_way -= 1

    def retry(self) -> None:
        """A request has to be made again."""
        with self._lock:
            self.retries += 1

    def used(self, tokens_in: int | None, tokens_out: int | None, cached: int | None) -> None:
        """What one reply says that it used; None where it does not say."""
        with self._lock:
            self.replies += 1
            if tokens_in is None or tokens_out is None:
                self.uncounted += 1
                return
            before = self.spent
            self.tokens_in += tokens_in
            self.tokens_out += tokens_out
            self.tokens_cached += min(cached or 0, tokens_in)
            tokens, money = self._largest
            self._largest = (max(tokens, tokens_in + tokens_out), max(money, self.spent - before))

    def lines(self) -> list[str]:
        """The account, for people."""
        parts = [f"{self.requests:,} requests"]
        if self.retries:
            parts.append(f"{self.retries:,} retries")
        cached = self.tokens_cached / self.tokens_in if self.tokens_in else 0.0
        parts.append(
            f"{self.tokens_in:,} tokens read"
            + (f" ({cached:.0%} from the endpoint's cache)" if cached else "")
        )
        parts.append(f"{self.tokens_out:,} written")
        if self._priced:
            parts.append(f"cost {self.spent:.4g}")
        found = [f"judge: {', '.join(parts)}"]
        if self.uncounted:
            found.append(
                f"judge: {self.uncounted:,} of {self.replies:,} replies did not say their tokens: there are more"
            )
        if self.refused:
            found.append(f"judge: {self.refused:,} questions were not asked: the budget was used up")
        return found

    @staticmethod
    def _over(spent: float, coming: float, most: float) -> bool:
        return spent >= most or spent + coming > most
