"""From a judge's reply to probabilities of the words that it could choose from."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.records import Reply

By = Literal["probabilities", "text"]

LEAST_MASS = 0.05
"""Where the words hold less of the first token's probability, it is not the answer's token."""

_FEWEST_LETTERS = 2  # of a token that begins a word, for tokenizers that split it
_THOUGHT = re.compile(r"<think>.*?</think>|^.*?</think>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Chances:
    """What one reply says.

    Attributes:
        shares: a probability for each word, worst first; they sum to 1.
        mass: how much of the first token's probability the words held together; 1 of a text.
        by: what it was read from.
    """

    shares: tuple[float, ...]
    mass: float
    by: By


def by_probabilities(reply: Reply, words: Sequence[str]) -> Chances | None:
    """The words' probabilities at the first token, or None where the reply has none that can be read.

    All spellings of a word count together (case, a blank before it), and so does a token that only begins it,
    where it begins no other ("Ex" for "excellent"). A word that is not among the likeliest tokens has none.
    """
    found = [0.0] * len(words)
    for token, log in reply.first or ():
        place = _place(token, words)
        if place is not None and log <= 1e-3:  # also drops NaN and what is no probability
            found[place] += math.exp(min(log, 0.0))
    mass = sum(found)
    if mass < LEAST_MASS:
        return None
    return Chances(tuple(one / mass for one in found), min(mass, 1.0), "probabilities")


def by_text(reply: Reply, words: Sequence[str]) -> Chances:
    """All on the word that the reply's text names.

    Raises:
        ItemError: it names none, or several of which none stands first.
    """
    text = _THOUGHT.sub("", reply.text)
    if "<think>" in text.lower():
        raise ItemError("the judge was still thinking when its tokens ran out; raise text_tokens")
    said = re.findall(r"[^\W\d_]+", text.casefold())
    named = [word for word in said if word in words]
    # "Yes, there is no dog" answers yes: the first word of a reply is its answer.
    if not named or (said[0] != named[0] and len(set(named)) > 1):
        what = (
            f"several of the words {', '.join(words)}" if named else f"none of the words {', '.join(words)}"
        )
        raise ItemError(f"the judge's reply names {what}: {_short(reply.text)}")
    return Chances(tuple(float(word == named[0]) for word in words), 1.0, "text")


def _place(token: str, words: Sequence[str]) -> int | None:
    """The word that a token is, or begins; tokenizers write a blank as such, as ▁ or as Ġ."""
    text = token.strip(" \t\r\n▁Ġ*\"'").casefold()
    if text in words:
        return list(words).index(text)
    if len(text) < _FEWEST_LETTERS:
        return None
    begun = [index for index, word in enumerate(words) if word.startswith(text)]
    return begun[0] if len(begun) == 1 else None


def _short(text: str, limit: int = 80) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= limit else shown[: limit - 1] + "…")
