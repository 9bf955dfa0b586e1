"""One picture with what is known of it, as the macro ``card`` of the pages wants it."""

from __future__ import annotations

from dataclasses import dataclass

from lmm4lmm.report.thumbnails import Thumbnail


@dataclass(frozen=True)
class Card:
    """One picture with what is known of it.

    Attributes:
        scores: (short name, value, whether the card is there because of it) of each score.
    """

    picture: Thumbnail
    image: str
    prompt: str
    generator: str
    scores: tuple[tuple[str, str, bool], ...]
