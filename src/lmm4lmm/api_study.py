"""More of the Python front door: ratings by people into scores that stand up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.report.rating_kinds import Kind
    from lmm4lmm.report.ratings import RatingAnalysis

__all__ = ["analyse_ratings", "rating_document", "write_scores_of_people"]


def analyse_ratings(
    ratings: Path | str | pl.DataFrame | Iterable[Any],
    *,
    method: str = "mos",
    compat: Literal["strict", "sureal"] = "strict",
    interval: Literal["normal", "t"] | None = None,
    confidence: float = 0.95,
    repeats: Literal["mean", "error"] = "mean",
    ties: Literal["davidson", "half", "drop"] = "davidson",
    kinds: Mapping[str, Kind] | None = None,
    dimension: str | None = None,
    columns: Mapping[str, str] | None = None,
    agreement: bool = True,
    resamples: int = 200,
    seed: int = 0,
) -> RatingAnalysis:
    """Scores of items from ratings by people, with errors, facts about raters, and agreement.

    Args:
        ratings: a file (CSV, TSV, JSON lines, Parquet, a spreadsheet, Label Studio's JSON export), or rows in memory:
            a frame, mappings, or objects with the fields ``rater``, ``item``, ``rating`` and, if several,
            ``dimension``. ``other`` is the second item of a choice between two.
        method: of recovery: mos, zscore, bt500, zscore_bt500, p913, p913_bt500, p910, p910_ap, mle, aigi.
        compat: "sureal" follows that package's reading of BT.500.
        interval: "normal" or "t"; None takes the method's own.
        confidence: of the intervals, 0 to 1, ends excluded.
        repeats: a rater's second rating of an item is averaged with the first ("mean") or a mistake ("error").
        ties: in choices between two.
        kinds: dimension -> "rating", "yes_no" or "pairwise"; None guesses from the cells.
        dimension: only this one; or the name of the only one, "perception" by default.
        columns: of a file with other column names: ours -> theirs.
        agreement: whether to measure that, too; it takes the longest.
        resamples: behind the intervals of agreement.
        seed: of all chance.

    Raises:
        InputError: the file can't be read, a cell is no rating (named with its row), an unknown method.
        StatisticsError: a dimension without any rating.
    """
    from lmm4lmm.core.rating_rows import ratings_from, read_ratings
    from lmm4lmm.report.ratings import Settings, analyse

    if isinstance(ratings, Path | str):
        rows = read_ratings(Path(ratings), columns=columns)
    else:
        rows = ratings_from(ratings, columns=columns)
    settings = Settings(
        method=method,
        compat=compat,
        interval=interval,
        confidence=confidence,
        repeats=repeats,
        ties=ties,
        kinds=kinds,
        dimension=dimension,
        agreement=agreement,
        resamples=resamples,
        seed=seed,
    )
    return analyse(rows, settings)


def rating_document(found: RatingAnalysis) -> dict[str, Any]:
    """An analysis as plain values, as ``lmm4lmm study analyse --json`` prints it; no NaN in it."""
    from lmm4lmm.report.rating_documents import document

    return document(found)


def write_scores_of_people(
    found: RatingAnalysis, out: Path | str, *, items: Path | str | None = None
) -> tuple[str, ...]:
    """Writes the scores as a table that ``evaluate`` (as human scores) and ``leaderboard`` take.

    Args:
        found: what ``analyse_ratings`` gave.
        out: the file: .csv, .parquet or .jsonl.
        items: a manifest whose prompts, generators and tasks are joined on ``id`` or, failing that, ``image``.

    Returns:
        Dimensions whose names ``evaluate`` does not know: it needs a mapping for these.

    Raises:
        InputError: another suffix, a damaged manifest, or one that has none of the items.
    """
    from lmm4lmm.report.rating_documents import write_table
    from lmm4lmm.report.rating_items import with_manifest

    if items is not None:
        found = with_manifest(found, Path(items))
    return write_table(found, Path(out))
