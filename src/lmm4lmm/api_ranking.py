"""The Python front door, ranking: a page of leaderboards, two generators compared, how many prompts that takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.api import Columns, read_human
from lmm4lmm.core.files import spare_inputs
from lmm4lmm.core.records import Dimension

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.report.board_page import BoardPageFacts, BoardSource
    from lmm4lmm.report.checkpoints import CheckpointComparison, Margin
    from lmm4lmm.report.page import PageFacts
    from lmm4lmm.report.plans import Plan
    from lmm4lmm.report.summary import Leaderboards

__all__ = ["compare", "plan", "write_comparison", "write_leaderboard"]


def write_leaderboard(
    scores: pl.DataFrame | Path | str,
    out: Path | str,
    *,
    data: Path | str | None = None,
    columns: Columns = None,
    title: str | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> BoardPageFacts:
    """Writes one self-contained HTML page with every ranking of a table: by score and task, sortable, with prompts.

    Args:
        scores: a scores table, a file that holds one, or the name of a data set of human scores.
        out: the page to write.
        data: the folder of a named data set.
        columns: of a file with other column names; see ``read_human``.
        title: the page's heading; None takes the file's or data set's name.
        seed: of the bootstrap.
        resamples: of the bootstrap.
    """
    return ranked_page(scores, out, data=data, columns=columns, title=title, seed=seed, resamples=resamples)[
        1
    ]


def ranked_page(
    scores: pl.DataFrame | Path | str,
    out: Path | str,
    *,
    data: Path | str | None,
    columns: Columns,
    title: str | None,
    seed: int,
    resamples: int,
) -> tuple[Leaderboards, BoardPageFacts]:
    """``write_leaderboard``, and the leaderboards that the page shows, by task: computed once for both."""
    from lmm4lmm.report.board_page import write_board_page
    from lmm4lmm.report.summary import leaderboards

    spare_inputs(out, "the page", scores if isinstance(scores, Path | str) else None)
    table = read_human(scores, data=data, columns=columns)
    source = _source(scores)
    boards = leaderboards(table, by_task=True, seed=seed, resamples=resamples, scales=source.scales)
    facts = write_board_page(table, Path(out), source=source, title=title, boards=boards, seed=seed)
    return boards, facts


def _source(scores: pl.DataFrame | Path | str) -> BoardSource:
    """What the page says of where its scores are from."""
    from lmm4lmm.datasets import DATASETS
    from lmm4lmm.report.board_page import BoardSource

    if not isinstance(scores, Path | str):
        return BoardSource("a scores table")
    if Path(scores).is_file() or str(scores) not in DATASETS.names():
        return BoardSource(Path(scores).name)
    facts = getattr(DATASETS.load(str(scores)), "facts", None)
    return BoardSource(facts.title if facts else str(scores), facts)


def compare(
    new: pl.DataFrame | Path | str,
    old: pl.DataFrame | Path | str | None = None,
    *,
    generators: tuple[str, str] | None = None,
    dimensions: Sequence[Dimension] | None = None,
    margin: Margin = 0.0,
    confidence: float = 0.95,
    any_metric: bool = False,
    data: Path | str | None = None,
    columns: Columns = None,
) -> CheckpointComparison:
    """Whether a new generator is better than an old one, by how much, on which tasks, how surely.

    Paired by prompt where the two share prompts; several images of a prompt are averaged first.

    Args:
        new: scores of the new one: a table, a file, or the name of a data set.
        old: scores of the old one; None takes both from ``new``.
        generators: which generator of each; needed where a table holds several.
        dimensions: which to compare; None for all that both have.
        margin: a difference that does not matter: in points of 0 to 100 for all (for the answer, 0 to 1, a point
            is 0.01), or dimension -> its own unit.
        confidence: of the intervals.
        any_metric: compare scores of different metrics, too.
        data: the folder of a named data set.
        columns: of files with other column names; see ``read_human``.
    """
    from lmm4lmm.report.checkpoints import compare_checkpoints

    first, second, sources = _two_tables(new, old, data, columns)
    return compare_checkpoints(
        first,
        second,
        sources=sources,
        generators=generators,
        dimensions=dimensions,
        margin=margin,
        confidence=confidence,
        any_metric=any_metric,
    )


def write_comparison(
    found: CheckpointComparison,
    out: Path | str,
    *,
    images: Path | str | None = None,
    title: str | None = None,
) -> PageFacts:
    """Writes one self-contained HTML page of what ``compare`` found, with the prompts that moved most.

    Args:
        found: what ``compare`` returned.
        out: the page to write.
        images: the folder that image paths start from; beside it the folders of the scores files are tried.
        title: the page's heading; None names the two.
    """
    from lmm4lmm.report.checkpoint_page import write_comparison_page

    root = None if images is None else Path(images)
    return write_comparison_page(found, Path(out), images=root, title=title)


def plan(
    pilot: pl.DataFrame | Path | str | None = None,
    old: pl.DataFrame | Path | str | None = None,
    *,
    generators: tuple[str, str] | None = None,
    dimensions: Sequence[Dimension] | None = None,
    difference: Margin | None = None,
    prompts: int | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
    images: int = 1,
    comparisons: int = 1,
    data: Path | str | None = None,
    columns: Columns = None,
) -> Plan:
    """How many prompts show a difference of two generators, or which difference so many prompts show.

    Args:
        pilot: scores of one generator, or of two with ``generators``; None takes EvalMi-50K's variances.
        old: scores of the other; None takes both from ``pilot``.
        generators: which generator of each.
        dimensions: which; None for all.
        difference: to be found, as ``margin`` of ``compare``; with ``prompts`` too, the power is computed.
        prompts: that both generators draw.
        power: chance that the difference is found.
        confidence: 1 - the two-sided level of all comparisons together.
        images: a prompt, of each generator.
        comparisons: tested together, by Holm's rule.
        data: the folder of a named data set.
        columns: of files with other column names; see ``read_human``.
    """
    from lmm4lmm.report.plans import plan as plan_tables

    tables, sources = None, ("new", "old")
    if pilot is not None:
        first, second, sources = _two_tables(pilot, old, data, columns)
        tables = first, second
    return plan_tables(
        tables,
        sources=sources,
        generators=generators,
        dimensions=dimensions,
        difference=difference,
        prompts=prompts,
        wanted=power,
        confidence=confidence,
        images=images,
        comparisons=comparisons,
    )


def _two_tables(
    new: pl.DataFrame | Path | str,
    old: pl.DataFrame | Path | str | None,
    data: Path | str | None,
    columns: Columns,
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, str]]:
    """Both tables, and what to call them: files by their names."""
    first = read_human(new, data=data, columns=columns)
    second = first if old is None else read_human(old, data=data, columns=columns)
    names = [
        name if not isinstance(table, Path | str) else str(table)
        for table, name in ((new, "new"), (new if old is None else old, "old"))
    ]
    return first, second, (names[0], names[1])
