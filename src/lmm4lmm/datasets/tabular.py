"""Any table of human scores: their columns under our names.

Most published sets are one table with one row an image, and differ in what they call things. Where no mapping
is given, well-known names are recognised; ``guess_columns`` says how a table would be read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.core.score_rows import SCORE_COLUMNS
from lmm4lmm.core.scores import scores_from
from lmm4lmm.core.tables import Table, check_filled, check_unique, read_table
from lmm4lmm.datasets.tabular_ratings import (
    average_lists,
    average_long,
    average_wide,
    by_dimension,
    matching,
    rater_columns,
    who_column,
)
from lmm4lmm.datasets.tabular_scale import check_range, check_scale, turned_round

_KNOWN: Mapping[str, Sequence[str]] = {
    "id": ("id", "imageid", "itemid", "item"),
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
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    repeats: Literal["auto", "error", "mean"] = "auto",
    scale: tuple[float, float] | None = None,
    lower_is_better: Collection[Dimension] = (),
) -> pl.DataFrame:
    """Reads human scores from any CSV, TSV, JSON lines, Parquet file or spreadsheet.

    Scores keep the scale that they have in the file: correlations do not mind, means do. Several raters are averaged,
    with their number in ``perception_n`` and their standard deviation (ddof = 1) in ``perception_std`` (likewise for
    correspondence and answer), so that a noise ceiling can be computed. They may stand in columns ``rater1`` to
    ``raterN`` (``correspondence_rater1``, ... for another dimension than perception), as a list in one cell, or each
    in a row of its own (``rater,item,rating``, and ``dimension`` where there are several, as human studies export
    them).

    Args:
        path: the table, one row an image, or one row a rating.
        columns: our name -> the file's name, for instance ``{"image": "name", "perception": "mos_quality"}``.
            Only these are then used as ours, beside columns that carry our name already. Without it, columns
            are recognised by name, see ``guess_columns``. A score's name may be a pattern, ``rater*``, for several
            raters; a minus before it, ``-dmos``, says that lower is better.
        repeats: what several rows of one image are: ratings to be averaged where a column (``rater``, ``annotator``,
            ``worker``, ...) says whose, and an error otherwise ("auto"); an error; or averaged ("mean").
            A column ``rows`` counts them, and other columns keep their first value.
        scale: the ends of the file's scale; scores and ratings outside are an error (of lists in cells: their means).
        lower_is_better: dimensions to be turned round: ``low + high - x`` where a scale is given, else ``-x``. The
            file's values stay in ``perception (as in the file)``.

    Returns:
        A scores table (``core.scores.SCORE_SCHEMA``), then the file's other columns. ``id`` defaults to the
        image's name without its suffix, after ``generator/`` where generators use the same names.

    Raises:
        InputError: the file is missing, of no known kind, or ``columns`` names what we have no column for.
        ManifestError: a column is missing, no column holds a score, a value is no finite number or outside the scale,
            an id stands twice; names file, row, column and value.
    """
    if scale is not None:
        check_scale(scale)
    opened = open_tabular(path, columns)
    table, lower = opened.table, {*lower_is_better, *opened.lower_is_better}
    averaging = repeats == "mean" or (repeats == "auto" and opened.who is not None)
    if not averaging:
        check_unique(table, "id", "one row an image is expected; average repeated ones with repeats='mean'")
    if scale is not None:
        check_range(table, opened.rated(), scale)
    typed = average_long(table, opened.who) if averaging else scores_from(table)
    return turned_round(typed, [d for d in DIMENSIONS if d in lower], scale) if lower else typed


@dataclass(frozen=True)
class Opened:
    """A file under our column names, not yet typed.

    Attributes:
        table: with ``id``; raters in columns are averaged.
        who: the column that says who gave a rating, where each row is one.
        lower_is_better: dimensions of which the caller said so with a minus.
        raters: columns that hold one rater each, by dimension.
        called: our name -> the file's, where that differs.
    """

    table: Table
    who: str | None
    lower_is_better: frozenset[Dimension]
    raters: Mapping[Dimension, Sequence[str]]
    called: Mapping[str, str]

    def rated(self) -> list[str]:
        """The columns that hold ratings or scores on the file's own scale: no answers."""
        scored: tuple[Dimension, ...] = ("perception", "correspondence")
        present = self.table.frame.columns
        return [name for d in scored for name in self.raters.get(d, (d, f"{d}.score")) if name in present]


def open_tabular(path: Path, columns: Mapping[str, str] | None = None) -> Opened:
    """Opens a file and gives its columns our names; see ``read_tabular``.

    Raises:
        InputError: the file is missing, of no known kind, or ``columns`` names what we have no column for.
        ManifestError: no rows, a column is missing, nothing names the images, or a rater's cell is no number.
    """
    path = Path(path)
    table = read_table(path, nested=("perception", "correspondence", "answer"))
    if table.frame.is_empty():
        raise ManifestError(path, "the table has no rows")
    asked, lower = _without_signs(table, columns or {})
    raters: dict[Dimension, Sequence[str]]
    if columns is None:
        chosen = guess_columns(table.frame)
        found = rater_columns(table.frame.columns)
        raters = {dimension: names for dimension, names in found.items() if dimension not in chosen}
    else:
        raters = {d: matching(table, asked.pop(d)) for d in DIMENSIONS if _is_pattern(table, asked.get(d))}
        chosen = _checked(table, asked)
    table = average_lists(average_wide(table.with_frame(_renamed(table.frame, chosen)), raters))
    if "id" not in table.frame.columns:
        table = table.with_frame(table.frame.with_columns(_ids(table)))
    repeated = table.frame["id"].is_duplicated().any()
    who = who_column(table.frame.columns) if repeated else None
    if who is not None:
        table = by_dimension(table)
    return Opened(table, who, lower, raters, chosen)


def _without_signs(table: Table, columns: Mapping[str, str]) -> tuple[dict[str, str], frozenset[Dimension]]:
    """The mapping without the minus before scores of which lower is better, and which these are."""
    lower = frozenset(
        d for d in DIMENSIONS if columns.get(d, "").startswith("-") and columns[d] not in table.frame.columns
    )
    return {ours: theirs[1:] if ours in lower else theirs for ours, theirs in columns.items()}, lower


def _is_pattern(table: Table, name: str | None) -> bool:
    return name is not None and name not in table.frame.columns and ("*" in name or "?" in name)


def guess_columns(frame: pl.DataFrame) -> dict[str, str]:
    """Which of a table's columns would be read as ours: our name -> the file's.

    A column called id whose values repeat is not taken, unless another says who rated: it numbers prompts or raters,
    not images. A lone ``MOS``, ``mean``, ``score`` or ``rating`` is taken for perception.
    """
    plain: dict[str, str] = {}
    for name in frame.columns:
        plain.setdefault(_plain(name), name)
    may_repeat = who_column(frame.columns) is not None
    chosen = {}
    for ours, candidates in _KNOWN.items():
        found = next((plain[candidate] for candidate in candidates if candidate in plain), None)
        unfit = ours == "id" and not may_repeat and found is not None and frame[found].is_duplicated().any()
        if found is not None and not unfit:
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
