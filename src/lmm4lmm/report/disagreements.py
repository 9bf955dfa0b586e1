"""The images on which a metric and people are farthest apart, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.report.cards import Card
from lmm4lmm.report.judged import Judged, OnPeoplesScale
from lmm4lmm.report.labels import UNNAMED
from lmm4lmm.report.thumbnails import Thumbnail, Thumbnails
from lmm4lmm.report.wording import digits_for, number, tidy


@dataclass(frozen=True)
class Gallery:
    """Where pictures come from, how many of each kind are wanted, and where they are counted.

    Attributes:
        roots: folders that image paths may be relative to, best first.
        pictures: finds and counts them.
        each: images of each direction.
    """

    roots: Sequence[Path]
    pictures: Thumbnails
    each: int


@dataclass(frozen=True)
class DisagreementView:
    """Images that the metric places above people (``over``) and below them (``under``), the farthest first.

    Attributes:
        pictured: whether there is a picture of any; without one the page lists them in a table.
    """

    over: tuple[Card, ...]
    under: tuple[Card, ...]
    pictured: bool


def disagreements(judged: Judged, scaled: OnPeoplesScale, gallery: Gallery) -> DisagreementView | None:
    """The farthest in each direction; ties by id, so that runs agree. None where none is wanted or all agree."""
    frame = judged.frame.with_columns(
        scaled=pl.Series(scaled.values), off=pl.Series(scaled.values - judged.y)
    )
    digits = (digits_for([judged.x.min(), judged.x.max()]), digits_for([judged.y.min(), judged.y.max()]))
    over, under = (
        tuple(_card(judged, row, gallery, digits) for row in _farthest(frame, sign, gallery.each))
        for sign in (1, -1)
    )
    if not over and not under:
        return None
    return DisagreementView(over, under, any(card.picture.uri for card in (*over, *under)))


def _farthest(frame: pl.DataFrame, sign: int, each: int) -> list[dict[str, object]]:
    wrong = frame.filter(sign * pl.col("off") > 1e-9)
    return wrong.sort([sign * pl.col("off"), pl.col("id")], descending=[True, False]).head(each).to_dicts()


def _card(judged: Judged, row: dict[str, object], gallery: Gallery, digits: tuple[int, int]) -> Card:
    image = str(row["image"] or "")
    none = Thumbnail(problem="the tables name no image")
    raw, mapped, said = (
        float(str(row[name])) for name in (judged.dimension, "scaled", f"{judged.dimension}_human")
    )
    if judged.answers:
        scores = [("p(yes)", number(raw, 2), True), ("people", "yes" if said else "no", False)]
    else:
        scores = [
            ("metric", number(raw, digits[0]), False),
            ("fitted", number(mapped, digits[1]), True),
            ("people", number(said, digits[1]), False),
        ]
    return Card(
        picture=gallery.pictures.get(image, gallery.roots) if image else none,
        image=tidy(image),
        prompt=tidy(str(row["prompt"] or "")),
        generator=tidy(str(row["generator"] or UNNAMED)),
        scores=tuple(scores),
    )
