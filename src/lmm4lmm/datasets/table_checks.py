"""Checks that hold for any table of human scores, whatever set it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.datasets.facts import Scale
from lmm4lmm.datasets.oddities import Oddity

NARROW = 0.06
"""Scores that all lie in so small a part of their scale are likely on another one: 1 to 5 in 0 to 100."""


def check_table(frame: pl.DataFrame, scales: Mapping[Dimension, Scale]) -> list[Oddity]:
    """What is odd in a scores table: ids, images, prompts and scores.

    Args:
        frame: a scores table (``core.scores.SCORE_SCHEMA``).
        scales: of the dimensions; one without a scale is not checked for its range.
    """
    return [
        *_ids(frame),
        *_images(frame),
        *_prompts(frame),
        *_nothing(frame),
        *(oddity for dimension in DIMENSIONS for oddity in _scores(frame, dimension, scales.get(dimension))),
    ]


def absent_images(frame: pl.DataFrame, folder: Path) -> list[Oddity]:
    """The images that the table names and ``folder`` does not have."""
    return [
        Oddity("image_absent", "row kept", column="image", item=item, value=image)
        for item, image in frame.select("id", "image").iter_rows()
        if image is not None and not (folder / image).is_file()
    ]


def _ids(frame: pl.DataFrame) -> Iterator[Oddity]:
    for item in frame.filter(pl.col("id").is_null() | (pl.col("id") == ""))["id"]:
        yield Oddity("missing_id", "row kept", column="id", value=item, fatal=True)
    repeated = frame.filter(pl.col("id").is_first_distinct().not_())
    for item in repeated["id"]:
        yield Oddity("duplicate_id", "row kept", column="id", item=item, fatal=True)


def _images(frame: pl.DataFrame) -> Iterator[Oddity]:
    named = frame.filter(pl.col("image").is_not_null())
    if named.is_empty():
        return
    if missing := frame.height - named.height:
        yield Oddity("missing_image", "left empty", column="image", count=missing)
    wrong = r"^([/~]|[A-Za-z]:)|\\|(^|/)\.\.(/|$)|//|^\s|\s$"
    for item, image in named.filter(pl.col("image").str.contains(wrong)).select("id", "image").iter_rows():
        yield Oddity("implausible_image_path", "row kept", column="image", item=item, value=image)
    again = named.filter(pl.struct("image", "prompt", "question").is_first_distinct().not_())
    for item, image in again.select("id", "image").iter_rows():
        yield Oddity("image_in_several_rows", "rows kept", column="image", item=item, value=image)


def _prompts(frame: pl.DataFrame) -> Iterator[Oddity]:
    given = frame.filter(pl.col("prompt").str.strip_chars() != "")
    if given.is_empty():
        return
    if missing := frame.height - given.height:
        yield Oddity("missing_prompt", "left empty", column="prompt", count=missing)
    spelt = given.with_columns(
        pl.col("prompt").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars().alias("plain")
    )
    twice = spelt.group_by("plain", maintain_order=True).agg(pl.col("prompt").unique(maintain_order=True))
    for (spellings,) in twice.filter(pl.col("prompt").list.len() > 1).select("prompt").iter_rows():
        yield Oddity(
            "prompt_spelt_in_several_ways", "kept as written", column="prompt", value=_several(spellings)
        )
    for column in ("prompt_number", "prompt_id"):
        if column in given.columns:
            yield from _under_several(given, column)


def _under_several(given: pl.DataFrame, column: str) -> Iterator[Oddity]:
    """Prompts that stand under several numbers."""
    numbers = given.group_by("prompt", maintain_order=True).agg(pl.col(column).unique(maintain_order=True))
    for prompt, found in numbers.filter(pl.col(column).list.len() > 1).select("prompt", column).iter_rows():
        named = ", ".join(map(str, found))
        yield Oddity(
            "identical_prompts", "one prompt for statistics", column="prompt", value=f"{prompt} ({named})"
        )


def _nothing(frame: pl.DataFrame) -> Iterator[Oddity]:
    """A table of human scores without any."""
    if frame.select(pl.all_horizontal(pl.col(name).is_null().all() for name in DIMENSIONS)).item():
        yield Oddity("no_score", "kept", count=frame.height)


def _scores(frame: pl.DataFrame, dimension: Dimension, scale: Scale | None) -> Iterator[Oddity]:
    column = frame[dimension]
    known = column.drop_nulls()
    if known.is_empty():
        return
    empty = frame.filter(column.is_null() & frame["error"].is_null())
    for item in empty["id"]:
        yield Oddity("missing_score", "left empty", column=dimension, item=item)
    if known.n_unique() == 1 and len(known) > 1:
        yield Oddity("constant_score", "kept", column=dimension, value=f"{known[0]:g}", count=len(known))
    deviation = f"{dimension}_std"
    if deviation in frame.columns:
        below = frame.filter(pl.col(deviation) < 0)
        for item, value in below.select("id", deviation).iter_rows():
            yield Oddity("negative_deviation", "kept", column=deviation, item=item, value=f"{value:g}")
    if scale is not None:
        yield from _range(frame, dimension, scale)


def _range(frame: pl.DataFrame, dimension: Dimension, scale: Scale) -> Iterator[Oddity]:
    known = frame.filter(pl.col(dimension).is_not_null())
    outside = known.filter(pl.col(dimension).is_between(scale.low, scale.high).not_())
    low, high = (float(end) for end in known.select(low=pl.min(dimension), high=pl.max(dimension)).row(0))
    span = f"{low:g} to {high:g} on a scale of {scale.low:g} to {scale.high:g}"
    if outside.height > known.height / 2:
        yield Oddity("another_scale", "kept", column=dimension, value=span, count=outside.height, fatal=True)
        return
    for item, value in outside.select("id", dimension).iter_rows():
        yield Oddity("out_of_range", "kept", column=dimension, item=item, value=f"{value:g}", fatal=True)
    narrow = high <= scale.low + NARROW * (scale.high - scale.low)
    if narrow and known.height > 1 and dimension != "answer":
        yield Oddity("another_scale", "kept", column=dimension, value=span, count=known.height)


def _several(spellings: Sequence[str]) -> str:
    return " | ".join(repr(each) for each in spellings[:3])
