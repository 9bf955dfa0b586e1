"""Which rows of a scores table belong together: prompts, and what stands where a name is missing."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS

TEXTS = ("image", "prompt", "generator", "task", "metric", "error")
UNNAMED = "(unnamed)"
"""What rows without a generator are called; they are one group."""

NO_TASK = "(no task)"
"""What rows without a task are called; they are one group."""


def completed(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with the columns of a scores table that it lacks, empty; tables made by hand seldom have all.

    Without ``id`` the rows are numbered.

    Raises:
        InputError: it has no score column at all.
    """
    if not any(name in frame.columns for name in DIMENSIONS):
        raise InputError(
            f"the table has no column {', '.join(DIMENSIONS[:-1])} or {DIMENSIONS[-1]}; "
            f"its columns are {', '.join(frame.columns) or 'none'}"
        )
    if "id" not in frame.columns:
        frame = frame.with_row_index("id").with_columns(pl.col("id").cast(pl.String))
    texts = [pl.lit(None, pl.String).alias(name) for name in TEXTS if name not in frame.columns]
    scores = [pl.lit(None, pl.Float64).alias(name) for name in DIMENSIONS if name not in frame.columns]
    return frame.with_columns(*texts, *scores)


def prompt_clusters(frame: pl.DataFrame) -> pl.Series:
    """For each row the name of its prompt cluster: rows of one name are resampled together.

    That is ``prompt_group`` where the table has it, else the prompt's text without blanks around it. Rows
    without a prompt are a cluster each: that nothing is known of them doesn't make them alike.
    """
    text = pl.col("prompt").str.strip_chars()
    names = [pl.when(text != "").then("p:" + text), "i:" + pl.col("id").cast(pl.String)]
    if "prompt_group" in frame.columns:
        names.insert(0, "g:" + pl.col("prompt_group").cast(pl.String))
    return frame.select(pl.coalesce(names).alias("cluster")).to_series()


def compact_letters(groups: Sequence[str], every: Sequence[str]) -> str:
    """The same for the eye: three or more letters in a row become "a–f".

    Args:
        groups: a generator's letters, in order.
        every: all letters of the leaderboard, in order.
    """
    place = {letter: i for i, letter in enumerate(every)}
    runs: list[list[str]] = []
    for letter in groups:
        if runs and place[letter] == place[runs[-1][-1]] + 1:
            runs[-1].append(letter)
        else:
            runs.append([letter])
    return " ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else join_letters(run) for run in runs)


def join_letters(groups: Sequence[str]) -> str:
    """Letters of a generator's groups as one word; with blanks between if there are more than 26 groups."""
    return (" " if any(len(letter) > 1 for letter in groups) else "").join(groups)
