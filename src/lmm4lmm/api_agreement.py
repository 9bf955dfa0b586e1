"""More of the Python front door: several metrics against the same people, and folds for cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.api import Columns, evaluate, human_facts, read_human, read_scores
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import spare_inputs

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.report.evaluation import Evaluation
    from lmm4lmm.report.folds import FoldFile, SplitBy
    from lmm4lmm.report.metric_table import MetricTable
    from lmm4lmm.report.page import PageFacts

__all__ = ["compare_metrics", "write_folds", "write_study"]


def compare_metrics(
    scores: Mapping[str, pl.DataFrame | Path | str] | Sequence[Path | str],
    human: pl.DataFrame | Path | str,
    *,
    data: Path | str | None = None,
    columns: Columns = None,
    seed: int = 0,
    resamples: int = 1000,
) -> MetricTable:
    """Which of several metrics agrees best with people, on the images that all of them scored.

    Args:
        scores: files (each called by its name without the suffix), or name -> table or file.
        human: human scores: a table, a file, or a data set's name; joined on ``id``.
        data: the folder of a named data set.
        columns: of a human file with other column names; see ``read_human``.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        InputError: a file twice, or what ``report.metric_table`` refuses.
    """
    from lmm4lmm.report.metric_table import metric_table

    named = scores if isinstance(scores, Mapping) else _called(scores)
    tables = {
        name: read_scores(table) if isinstance(table, Path | str) else table for name, table in named.items()
    }
    people = read_human(human, data=data, columns=columns)
    return metric_table(tables, people, facts=human_facts(human), seed=seed, resamples=resamples)


def write_study(
    scores: Path | str | Sequence[Path | str],
    human: Path | str,
    out: Path | str,
    *,
    found: Evaluation | MetricTable | None = None,
    data: Path | str | None = None,
    columns: Columns = None,
    images: Path | str | None = None,
    title: str = "",
    intervals: str = "",
    seed: int = 0,
    resamples: int = 1000,
) -> PageFacts:
    """Writes the page of a metric study: one self-contained HTML file.

    Args:
        scores: a file of scores, or several to compare.
        human: human scores: a file, or a data set's name; joined on ``id``.
        out: the page to write.
        found: what ``evaluate`` or ``compare_metrics`` gave for these files; None measures it here.
        data: the folder of a named data set.
        columns: of a human file with other column names; see ``read_human``.
        images: the folder that image paths start from; default: the folders of the files.
        title: the page's heading.
        intervals: how the intervals over images were made, in words; default: by percentiles over prompts.
        seed: of the bootstrap, and of points drawn by lot.
        resamples: of the bootstrap.

    Raises:
        InputError: no such folder of images, the page would overwrite an input, or what measuring refuses.
    """
    from lmm4lmm.report import study

    files = [Path(scores)] if isinstance(scores, Path | str) else [Path(file) for file in scores]
    root = None if images is None else Path(images)
    if root is not None and not root.is_dir():
        raise InputError(f"{root}: no such folder of images")
    if found is None and len(files) > 1:
        found = compare_metrics(files, human, data=data, columns=columns, seed=seed, resamples=resamples)
    elif found is None:
        found = evaluate(files[0], human, data=data, columns=columns, seed=seed, resamples=resamples)
    roots = [*files, Path(human)] if Path(human).is_file() else files
    beside = [Path(data)] if data is not None else []
    return study.write_study(
        found,
        Path(out),
        files=files,
        human=Path(human),
        intervals=intervals or f"95 %, percentiles of {resamples:,} resamples of prompts, seed {seed}",
        roots=[*([] if root is None else [root]), *dict.fromkeys(file.parent for file in roots), *beside],
        title=title,
        seed=seed,
    )


def write_folds(
    table: pl.DataFrame | Path | str,
    out: Path | str,
    *,
    by: SplitBy = "prompt",
    folds: int = 5,
    seed: int = 0,
    data: Path | str | None = None,
    columns: Columns = None,
) -> FoldFile:
    """Writes the fold of each row of a table, with a SHA-256 beside it, so that others can use the same folds.

    Args:
        table: a table, a file, or a data set's name.
        out: the CSV to write; its checksum goes to ``OUT.sha256``.
        by: what folds must not share: "image" (nothing), "prompt", "generator" or "both".
        folds: how many.
        seed: decides the folds together with the ids, prompts and generators, whatever the order of rows.
        data: the folder of a named data set.
        columns: of a file with other column names; see ``read_human``.

    Raises:
        InputError: ``out`` is the table itself, no generator is named where one is needed, or there are fewer of
            something than folds.
    """
    from lmm4lmm.report import folds as room

    name = str(table) if isinstance(table, Path | str) else "table"
    spare_inputs(out, "the folds", name)
    frame = read_human(table, data=data, columns=columns)
    return room.write_folds(
        room.make_folds(frame, by=by, k=folds, seed=seed), Path(out), source=Path(name).name
    )


def _called(files: Sequence[Path | str]) -> dict[str, Path | str]:
    """Files by their stems; by their whole paths where stems repeat."""
    paths = [str(file) for file in files]
    stems = [Path(path).stem for path in paths]
    for path in paths:
        if paths.count(path) > 1:
            raise InputError(f"{path} is given twice; each metric needs a file of its own")
    return {
        stem if stems.count(stem) == 1 else path: file
        for stem, path, file in zip(stems, paths, files, strict=True)
    }
