"""What the engine is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from lmm4lmm.core.errors import ItemError

W = TypeVar("W")
L = TypeVar("L")
P = TypeVar("P")
R = TypeVar("R")
W_in = TypeVar("W_in", contravariant=True)


class Job(Protocol[W_in, L, P, R]):
    """What is done with one item. Several threads call ``load``, ``prepare`` and ``size`` at once."""

    def load(self, work: W_in) -> tuple[str, L]:
        """Reads what the item needs, and a key of its content: equal keys must mean equal results."""
        ...

    def prepare(self, work: W_in, loaded: L) -> P:
        """The part of the work that needs no model; only called when the journal has no result."""
        ...

    def size(self, prepared: P) -> int:
        """What the item costs, in a unit that adds up (say tokens); items of like size share a batch."""
        ...

    def run(self, batch: Sequence[P]) -> Sequence[R | ItemError]:
        """One result an item, in order, the same in any batch; an ``ItemError`` where just one failed."""
        ...

    def encode(self, result: R) -> bytes:
        """A result as the journal keeps it."""
        ...

    def decode(self, data: bytes) -> R:
        """The same result again."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome(Generic[W, R]):
    """What became of one item: a result or an error, never both.

    Attributes:
        cached: not computed for this item: it was in the journal, or the same content came before.
        seconds: its share of the time of the batch that it ran in; 0 when it was not run.
    """

    work: W
    result: R | None = None
    error: str | None = None
    cached: bool = False
    seconds: float = 0.0
