"""What pages and a methods section need to know of scores and agreement; who worked it out is not asked here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number with its interval; ``value`` is None where the ratings can't support it, and ``reason`` says why."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Scored:
    """How one dimension was scored.

    Attributes:
        dimension: its name.
        least, most, mean: ratings that an item's score rests on.
        items: items with a score, and ``unscored`` without.
        how: the method as a sentence, beginning with a capital and ending in a stop.
        sources: references of the method.
        left_out: raters that the method itself rejected -> why; they are in the study's own exclusions no more.
        agreement: of raters who are kept.
        sources_of_agreement: references of these figures.
        warnings: what the method says must be known.
    """

    dimension: str
    least: int
    most: int
    mean: float
    items: int
    unscored: int
    how: str
    sources: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    agreement: tuple[Figure, ...]
    sources_of_agreement: tuple[str, ...]
    warnings: tuple[str, ...]
