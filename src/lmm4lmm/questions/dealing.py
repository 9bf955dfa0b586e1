"""Chance without clumps: every list is a deck that is dealt to its end before it is shuffled again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Text:
    """A prompt with its questions.

    Attributes:
        prompt: as a person would write it.
        question: yes/no; yes means that the image does what the prompt asks.
        parts: for a complex prompt, the questions that the whole consists of.
    """

    prompt: str
    question: str
    parts: tuple[str, ...] = ()


class Dealer:
    """Deals from any number of decks.

    Args:
        rng: decides every shuffle; only its integers are used, which are the same in all versions of Python.
    """

    def __init__(self, rng: Random) -> None:
        self._rng, self._decks = rng, dict[Any, list[int]]()

    def deal(self, choices: Sequence[T], deck: str = "") -> T:
        """The next one of the choices; equal choices are one deck, or one for each name that is given."""
        key = (deck, tuple(choices))
        left = self._decks.setdefault(key, [])
        if not left:
            left.extend(range(len(choices)))
            for last in range(len(left) - 1, 0, -1):
                other = self._rng.randrange(last + 1)
                left[last], left[other] = left[other], left[last]
        return choices[left.pop()]

    def two(self, choices: Sequence[T], deck: str = "") -> tuple[T, T]:
        """Two different ones."""
        one = self.deal(choices, deck)
        while (other := self.deal(choices, deck)) == one:
            pass
        return one, other


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[0].upper() + text[1:] + "."
