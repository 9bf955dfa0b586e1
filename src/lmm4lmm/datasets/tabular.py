"""Any table of human scores: their columns under our names.

Most published sets are one table with one row an image, and differ in what they call things. Where no mapping
is given, well-known names are recognised; ``guess_columns`` says how a table would be read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.score_rows import SCORE_COLUMNS
from lmm4lmm.core.scores import scores_from
from lmm4lmm.core.tables import Table, check_filled, check_unique, read_table

_KNOWN: Mapping[str, Sequence[str]] = {
    "id": ("id", "imageid", "itemid"),
    "image": ("image", "imagename", "imagepath", "imagefile", "filename", "file", "img", "imgname", "name"),
    "prompt": ("prompt", "prompttext", "text", "caption"),
    "generator": ("generator", "model", "modelname", "t2imodel", "algorithm", "source"),
    "task": ("task", "category", "tag"),
    "question": ("question",),
    "perception": (
        "perception",
        "mosquality",
        "qualitymos",
        "quality",
        "mosperception",
        "mosq",
        "mos1",
        "mos",
        "mean",
        "score",
        "rating",
    ),
    "perception_std": ("perceptionstd", "stdquality", "qualitystd", "stdq", "std"),
    "correspondence": (
        "correspondence",
        "mosalign",
        "mosalignment",
        "alignmentmos",
        "alignment",
        "align",
        "moscorrespondence",
        "mosa",
        "mos2",
    ),
    "correspondence_std": ("correspondencestd", "stdalign", "alignstd", "stda"),
    "answer": ("answer", "yn", "yesno", "correct", "annotation"),
    "error": ("error",),
    "metric": ("metric",),
}
"""Our column -> what others call it (letters and digits only, lower case), the surest first."""


def read_tabular(
    path: Path, columns: Mapping[str, str] | None = None, *, repeats: Literal["error", "mean"] = "error"
) -> pl.DataFrame:
    """Reads human scores from any CSV, TSV, JSON lines, Parquet file or spreadsheet.

    Scores keep the scale that they have in the file: correlations do not mind, means do.

    Args:
        path: the table, one row an image.
        columns: our name -> the file's name, for instance ``{"image": "name", "perception": "mos_quality"}``.
            Only these are then used as ours, beside columns that carry our name already. Without it, columns
            are recognised by name, see ``guess_columns``.
        repeats: what several rows of one image are: an error, or ratings to be averaged; then a column
            ``rows`` counts them, and other columns keep their first value.

    Returns:
        A scores table (``core.scores.SCORE_SCHEMA``), then the file's other columns. ``id`` defaults to the
        image's name without its suffix, after ``generator/`` where generators use the same names.

    Raises:
        InputError: the file is missing, of no known kind, or ``columns`` names what we have no column for.
        ManifestError: a column is missing, no column holds a score, a value is no finite number, an id stands
            twice; names file, row, column and value.
    """
    path = Path(path)
    table = read_table(path, nested=("perception", "correspondence", "answer"))
    if table.frame.is_empty():
        raise ManifestError(path, "the table has no rows")
    chosen = guess_columns(table.frame) if columns is None else _checked(table, columns)
    table = table.with_frame(_renamed(table.frame, chosen))
    if "id" not in table.frame.columns:
        table = table.with_frame(table.frame.with_columns(_ids(table)))
    if repeats == "error":
        check_unique(table, "id", "one row an image is expected; average repeated ones with repeats='mean'")
        return scores_from(table)
    return _averaged(table)


def guess_columns(frame: pl.DataFrame) -> dict[str, str]:
    """Which of a table's columns would be read as ours: our name -> the file's.

    A column called id whose values repeat is not taken: it numbers prompts or raters, not images. A lone
    ``MOS``, ``mean`` or ``score`` is taken for perception.
    """
    plain: dict[str, str] = {}
    for name in frame.columns:
        plain.setdefault(_plain(name), name)
    chosen = {}
    for ours, candidates in _KNOWN.items():
        found = next((plain[candidate] for candidate in candidates if candidate in plain), None)
        if found is not None and not (ours == "id" and frame[found].is_duplicated().any()):
            chosen[ours] = found
    return chosen


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _checked(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    for ours, theirs in columns.items():
        if ours not in SCORE_COLUMNS:
            near = difflib.get_close_matches(ours, SCORE_COLUMNS, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"ours are {', '.join(SCORE_COLUMNS)}"
            raise InputError(f"there is no column '{ours}' in a scores table; {hint}")
        if theirs not in table.frame.columns:
            near = difflib.get_close_matches(theirs, table.frame.columns, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? " if near else ""
            found = ", ".join(repr(name) for name in table.frame.columns)
            raise ManifestError(
                table.path, f"there is no such column for '{ours}'; {hint}(columns: {found})", column=theirs
            )
    return dict(columns)


def _renamed(frame: pl.DataFrame, chosen: Mapping[str, str]) -> pl.DataFrame:
    """Adds our columns; theirs stay too where their names differ from ours, so nothing is lost."""
    moved = {name: f"{name} (in the file)" for name in frame.columns if chosen.get(name, name) != name}
    frame = frame.rename(moved)
    copies = [pl.col(moved.get(theirs, theirs)).alias(ours) for ours, theirs in chosen.items()]
    used = {moved.get(theirs, theirs) for ours, theirs in chosen.items() if moved.get(theirs, theirs) != ours}
    return frame.with_columns(copies).drop(used - set(chosen))


def _ids(table: Table) -> pl.Series:
    if "image" not in table.frame.columns:
        found = ", ".join(repr(name) for name in table.frame.columns)
        raise ManifestError(
            table.path, f"which column names the images? None is called image or id (columns: {found})"
        )
    check_filled(table, "image", "every row names its image")
    frame = table.frame.with_columns(pl.col("image").cast(pl.String))
    ids = frame["image"].str.replace(r"(.)\.[^./\\]*$", "${1}").alias("id")
    if ids.is_duplicated().any() and "generator" in frame.columns:
        return frame.select(
            pl.concat_str(pl.col("generator").fill_null("?"), ids, separator="/").alias("id")
        )["id"]
    return ids


def _averaged(table: Table) -> pl.DataFrame:
    """One row an id: means of the numbers, the first of everything else, and how many rows there were."""
    ids = table.frame["id"]
    unique = [f"{row}" for row in range(len(ids))]
    typed = scores_from(table.with_frame(table.frame.with_columns(pl.Series("id", unique))))
    means = [name for name, kind in SCORE_COLUMNS.items() if kind is float]
    count = "rows" if "rows" not in typed.columns else "rows averaged"
    grouped = typed.with_columns(ids).group_by("id", maintain_order=True)
    return grouped.agg(pl.col(means).mean(), pl.exclude(means).first(), pl.len().alias(count)).select(
        *SCORE_COLUMNS, pl.exclude(*SCORE_COLUMNS)
    )
