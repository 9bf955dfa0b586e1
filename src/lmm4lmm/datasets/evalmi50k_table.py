"""The score table of EvalMi-50K, joined with its prompts by number, checked and flagged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.core.tables import (
    Table,
    check_filled,
    check_names,
    check_unique,
    first_true,
    read_table,
    to_number,
)
from lmm4lmm.datasets.evalmi50k_names import PUBLISHED
from lmm4lmm.datasets.evalmi50k_prompts import read_prompts_table

SUB_ANSWERS = tuple(f"YN_{number}" for number in range(1, 5))
_RANGES = {
    "MOS1": (0.0, 100.0),
    "MOS2": (0.0, 100.0),
    "Y/N": (0.0, 1.0),
    **dict.fromkeys(SUB_ANSWERS, (0.0, 1.0)),
}
_BINARY = ("Y/N", *SUB_ANSWERS)
EXTRA = (
    "generator_published",
    "prompt_number",
    "prompt_zh",
    "prompt_group",
    "raw_tag",
    "detailed",
    "sub_answers",
    "sub_questions",
    "flags",
)
"""The columns that follow those of every scores table."""


def build(files: Mapping[str, Path]) -> pl.DataFrame:
    """The table out of the released files, rows in the order of the score table.

    Raises:
        InputError: a file can't be opened.
        ManifestError: damaged content; names file, row, column and value.
    """
    scores = _read_scores(files["scores"])
    prompts = read_prompts_table(files)
    _check_complete(files["scores"], scores, prompts.height)
    # Joined by number: rows are in the order of names as text (..., 181, 1819, 182, ...).
    joined = scores.join(prompts, on="prompt_number", how="left", maintain_order="left")
    _check_questions(files, joined)
    typed = joined.with_columns(
        pl.lit("human").alias("metric"),
        *(pl.lit(None, pl.Float64).alias(name) for name in ("perception_std", "correspondence_std")),
        *(pl.lit(None, pl.String).alias(name) for name in ("error", "remark")),
        _flags(),
    )
    return typed.select(*SCORE_SCHEMA, *EXTRA)


def _read_scores(path: Path) -> pl.DataFrame:
    advice = "EvalMi-50K's score table has the columns ImageName, MOS1, MOS2, Y/N and YN_1 to YN_4"
    table = read_table(path)
    check_names(path, table.frame.columns, known=(), required=dict.fromkeys(("ImageName", *_RANGES), advice))
    if table.frame.is_empty():
        raise ManifestError(path, f"the table has no rows; {advice}")
    check_filled(table, "ImageName", advice)
    check_unique(table, "ImageName", "every image has one row")
    frame = table.frame.with_columns(_checked(table, name) for name in _RANGES)
    return frame.select(
        pl.col("ImageName").str.strip_suffix(".png").alias("id"),
        pl.col("ImageName").alias("image"),
        *_from_name(table),
        pl.col("MOS1").alias("perception"),
        pl.col("MOS2").alias("correspondence"),
        pl.col("Y/N").alias("answer"),
        pl.concat_list(pl.col(SUB_ANSWERS).cast(pl.Int8)).list.drop_nulls().alias("sub_answers"),
    )


def _from_name(table: Table) -> list[pl.Series]:
    parts = table.frame["ImageName"].str.extract_groups(r"^([^/]+)/(\d+)\.png$").struct.unnest()
    generator, number = parts.to_series(0), parts.to_series(1)
    unknown = generator.is_in(list(PUBLISHED)).not_() | generator.is_null()
    if unknown.any():
        row = first_true(unknown)
        value = table.frame["ImageName"][row]
        problem = "generator/NNN.png is expected, with one of the release's 24 generators"
        raise table.wrong(problem, row=row, column="ImageName", value=value)
    return [
        generator.alias("generator"),
        generator.replace_strict(PUBLISHED).alias("generator_published"),
        number.cast(pl.Int64).alias("prompt_number"),
    ]


def _checked(table: Table, name: str) -> pl.Series:
    column, (low, high) = to_number(table, name), _RANGES[name]
    bad = column.is_between(low, high).not_()
    if name in _BINARY:
        bad = column.is_in([0.0, 1.0]).not_()
    bad = bad.fill_null(False) if name in SUB_ANSWERS else bad.fill_null(True)
    if bad.any():
        row = first_true(bad)
        expected = "0 or 1" if name in _BINARY else f"a number from {low:g} to {high:g}"
        raise table.wrong(f"{expected} is expected", row=row, column=name, value=table.frame[name][row])
    return column


def _check_complete(path: Path, scores: pl.DataFrame, prompts: int) -> None:
    """Every generator has one image a prompt: otherwise a file is cut off or from another release."""
    outside = scores.filter(pl.col("prompt_number").is_between(1, prompts).not_())
    if outside.height:
        problem = f"there are prompts 1 to {prompts:,} only"
        raise ManifestError(path, problem, column="ImageName", value=outside["image"][0])
    counts = scores["generator"].value_counts().filter(pl.col("count") != prompts).sort("generator")
    if counts.height:
        name, count = counts.row(0)
        raise ManifestError(
            path,
            f"{name} has {count:,} images for {prompts:,} prompts; is the table cut off?",
            column="ImageName",
        )


def _check_questions(files: Mapping[str, Path], joined: pl.DataFrame) -> None:
    """Sub-answers and their questions are paired by position, so there must be as many of both."""
    uneven = joined.filter(pl.col("sub_answers").list.len() != pl.col("sub_questions").list.len())
    if uneven.height:
        answers, questions = uneven["sub_answers"][0].len(), uneven["sub_questions"][0].len()
        problem = f"{uneven['image'][0]} has {answers} sub-answers, its prompt {questions} sub-questions"
        raise ManifestError(files["questions"], problem, column="question_2")


def _flags() -> pl.Expr:
    """The prompt's flags, and one for answers that their own sub-answers contradict (trust the answer)."""
    every = pl.col("sub_answers").list.min()
    differs = (every != pl.col("answer")).fill_null(False)
    flag = (
        pl.when(differs)
        .then(pl.lit(["answer_contradicts_sub_answers"]))
        .otherwise(pl.lit([], pl.List(pl.String)))
    )
    return pl.concat_list("prompt_flags", flag).alias("flags")
