"""A metric's rows and people's, brought together by ``id``."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.report.labels import completed, prompt_clusters

LABELS = ("image", "prompt", "generator", "task", "prompt_group", "detailed")
UNCERTAINTY = ("std", "n")
"""What a human table may say of a score beside its mean: ``perception_std`` (SD of the ratings, ddof 1) and
``perception_n`` (how many rated)."""


@dataclass(frozen=True)
class Joined:
    """Rows that both tables have, and how many only one has.

    Attributes:
        frame: ``id``; ``image``, ``prompt``, ``generator``, ``task`` (from the table that has them, scores first),
            ``detailed`` ("detailed" or "short" prompt), the ``cluster`` of the prompt, each dimension twice: as it
            is called and with ``_human``, and people's ``_std_human`` and ``_n_human``, null where unknown.
            Sorted by id, so that no result hangs on the order of rows.
        failed: rows of the scores table that were left out because they carry an error.
        only_scores: rows without an error whose id the human table lacks.
        only_human: rows of the human table whose id the scores table lacks.
    """

    frame: pl.DataFrame
    failed: int
    only_scores: int
    only_human: int


def join(scores: pl.DataFrame, human: pl.DataFrame) -> Joined:
    """Brings a metric's and people's rows together by ``id``; see ``Joined``.

    Raises:
        InputError: an id is twice in a table, or no id is in both.
    """
    for what, table in (("scores", scores), ("human", human)):
        if "id" not in table.columns:
            raise InputError(f"the {what} table has no column 'id', so it can't be matched with the other")
    good, people = (completed(table).filter(pl.col("error").is_null()) for table in (scores, human))
    for what, table in (("scores", good), ("human", people)):
        if not (twice := table.filter(pl.col("id").is_duplicated())).is_empty():
            raise InputError(
                f"the {what} table has the id {twice['id'][0]!r} more than once; ids must be unique"
            )
    errors = pl.DataFrame([people["id"].cast(pl.String), *_uncertainty(people)])
    both = (
        _labelled(good).join(_labelled(people), on="id", how="inner", suffix="_human").join(errors, on="id")
    )
    if both.is_empty():
        raise InputError(_nothing_matches(good, people))
    return Joined(
        frame=_coalesced(both),
        failed=scores.height - good.height,
        only_scores=good.height - both.height,
        only_human=people.height - both.height,
    )


def _labelled(table: pl.DataFrame) -> pl.DataFrame:
    """The columns that a join needs; blank texts count as absent."""
    absent = [pl.lit(None, pl.String).alias(name) for name in LABELS if name not in table.columns]
    table = table.with_columns(*absent)
    texts = (pl.col(name).cast(pl.String) for name in LABELS)
    filled = (pl.when(text.str.strip_chars() != "").then(text) for text in texts)
    return table.select(pl.col("id").cast(pl.String), *filled, pl.col(*DIMENSIONS).cast(pl.Float64))


def _uncertainty(people: pl.DataFrame) -> list[pl.Series]:
    """People's standard deviations and numbers of raters, null where unknown.

    Raises:
        InputError: one that is no number, or negative.
    """
    names = [f"{dimension}_{what}" for dimension in DIMENSIONS for what in UNCERTAINTY]
    unknown = pl.Series([None] * people.height, dtype=pl.Float64)
    return [
        (_numbers(people, name) if name in people.columns else unknown).alias(f"{name}_human")
        for name in names
    ]


def _numbers(people: pl.DataFrame, name: str) -> pl.Series:
    given = people[name]
    if given.dtype == pl.String:  # columns of our own making keep their text in a CSV
        given = given.str.strip_chars().replace("", None)
    found = given.cast(pl.Float64, strict=False)
    wrong = given.is_not_null() & ~(found >= 0).fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise InputError(
            f"the human table's {name} of {people['id'][row]!r} is {given[row]!r}; a number from 0 up is expected"
        )
    return found


def _coalesced(both: pl.DataFrame) -> pl.DataFrame:
    frame = both.with_columns(*(pl.coalesce(name, f"{name}_human").alias(name) for name in LABELS))
    frame = frame.drop(*(f"{name}_human" for name in LABELS))
    detailed = pl.col("detailed").str.to_lowercase()
    named = (
        pl.when(detailed == "true").then(pl.lit("detailed")).when(detailed == "false").then(pl.lit("short"))
    )
    return (
        frame.with_columns(
            named.otherwise("detailed").alias("detailed"), prompt_clusters(frame).alias("cluster")
        )
        .drop("prompt_group")
        .sort("id")
    )


def _nothing_matches(scores: pl.DataFrame, human: pl.DataFrame) -> str:
    def examples(table: pl.DataFrame) -> str:
        return ", ".join(repr(name) for name in table["id"].head(3).to_list()) or "no usable rows"

    return (
        "no id of the scores table is in the human table: scores have "
        f"{examples(scores)}, people have {examples(human)}"
    )
