"""Which rows of a scores table belong together: prompts, and what stands where a name is missing."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

UNNAMED = "(unnamed)"
"""What rows without a generator are called; they are one group."""

NO_TASK = "(no task)"
"""What rows without a task are called; they are one group."""


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


def join_letters(groups: Sequence[str]) -> str:
    """Letters of a generator's groups as one word; with blanks between if there are more than 26 groups."""
    return (" " if any(len(letter) > 1 for letter in groups) else "").join(groups)
