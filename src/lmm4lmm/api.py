"""The Python front door: what ``import lmm4lmm`` offers, and what the command line calls.

Heavy libraries are imported by the functions that need them, so importing this module costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.files import spare_inputs
from lmm4lmm.core.quiet import quiet_libraries
from lmm4lmm.core.records import DIMENSIONS, Dimension

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.core.manifest import Manifest
    from lmm4lmm.core.protocols import Dataset, Metric
    from lmm4lmm.core.records import Item, ScoreRow
    from lmm4lmm.report.evaluation import Evaluation
    from lmm4lmm.report.levels import HumanFacts
    from lmm4lmm.report.page import PageFacts
    from lmm4lmm.report.summary import Leaderboards
    from lmm4lmm.running.in_memory import Picture, Texts
    from lmm4lmm.running.progress import Progress

__all__ = [
    "evaluate",
    "leaderboard",
    "load_metric",
    "read_human",
    "read_scores",
    "score",
    "write_report",
]

Columns: TypeAlias = Mapping[str, str] | Literal["auto"] | None
"""How a foreign table's columns are called: ours -> theirs, recognised by name, or as ours."""

TITLE = "Image scores"
"""A report's heading unless it is given one."""


def load_metric(
    name: str = "nano",
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    weights: str | Path | None = None,
    **options: Any,
) -> Metric[Any]:
    """A metric, ready to score; weights that are not here yet are fetched, once.

    Args:
        name: as in the catalogue (``lmm4lmm models list``).
        device: ``auto``, ``cpu``, ``cuda``, ``mps`` or what torch calls a device; several, separated by commas,
            share the work (``"cuda:0,cuda:1"``).
        dimensions: what it shall score.
        dtype: ``auto`` or what torch calls a dtype.
        weights: a folder or a hub id, for metrics that take other weights than their own.
        options: what else this metric takes.

    Raises:
        UnknownNameError: nobody registered it.
        InputError: the metric does not take ``weights`` or an option, or the device can't be used.
        MissingExtraError: it needs packages that are not installed.
        WeightsError: its weights are not here and could not be fetched.
    """
    quiet_libraries()
    from lmm4lmm.metrics.loading import open_metric
    from lmm4lmm.running.executors import ThreadExecutor

    return open_metric(
        name,
        device=device,
        dimensions=dimensions,
        dtype=dtype,
        weights=weights,
        options=options,
        executor=ThreadExecutor,
    )


def score(
    source: Path | str | None = None,
    *,
    images: Picture | Iterable[Picture] | None = None,
    prompts: Texts | Path = None,
    questions: Texts = None,
    generators: Texts = None,
    metric: str | Metric[Any] = "nano",
    dimensions: Sequence[Dimension] | None = None,
    device: str = "auto",
    batch_size: int | Literal["auto"] = "auto",
    workers: int | None = None,
    limit: int | None = None,
    journal: Path | str | None = None,
    progress: bool = False,
) -> pl.DataFrame:
    """Scores images; give either a ``source`` or ``images``.

    What is given once goes with everything: one image with many prompts or questions, one prompt for many
    images. Images in memory are not written anywhere.

    Args:
        source: a manifest, or a folder of images (then ``prompts`` is the file with their prompts).
        images: one or several, each a path, an image of Pillow or a numpy array: H x W, or H x W x 1, 3 or 4
            (gray, RGB, RGBA), uint8 or floats from 0 to 1. An array N x H x W x C is N images.
        prompts: one prompt an image, or one for all; "" or none at all where only perception matters.
        questions: one yes/no question an image, or one for all; None where there is none.
        generators: which model made each image, where you want to compare models.
        metric: a metric's name, or one that ``load_metric`` gave.
        dimensions: what to score; None for all that the metric gives.
        device: where the model runs.
        batch_size: images a batch, or ``auto``.
        workers: threads that read images; None chooses by the number of cores.
        limit: only the first so many.
        journal: a file that remembers what is done, so that a second run does not do it again.
        progress: whether to show a progress bar on stderr.

    Returns:
        A scores table, one row an item in the given order; one that failed has its reason in ``error``. An image
        in memory is called by its position, "image 3".

    Raises:
        InputError: the arguments don't fit together, or a file is wrong.
    """
    from lmm4lmm.core.manifest import read_manifest
    from lmm4lmm.core.score_rows import row_to_flat
    from lmm4lmm.core.scores import SCORE_SCHEMA
    from lmm4lmm.running.progress import progress_for

    if (source is None) == (images is None):
        raise InputError("score() takes either a source (manifest or folder) or images=[...]")
    if limit is not None and limit < 1:
        raise InputError(f"a limit of {limit} leaves nothing to score; give 1 or more")
    items: Sequence[Item] | Manifest
    if images is not None:
        from lmm4lmm.running.in_memory import items_of

        items = items_of(images, prompts, questions, generators)[:limit]
    else:
        if questions is not None or generators is not None:
            raise InputError("questions and generators go with images=[...]; a manifest has its own columns")
        if prompts is not None and not isinstance(prompts, Path | str):
            raise InputError("with a source, prompts is the file that holds the prompts of a folder")
        file = None if prompts is None else Path(prompts)
        items = read_manifest(Path(str(source)), prompts=file, limit=limit)
    chosen = metric
    if isinstance(chosen, str):
        chosen = load_metric(chosen, device=device, dimensions=dimensions or DIMENSIONS)
    shown = progress_for("Scoring", quiet=not progress)
    with scored(
        chosen,
        items,
        dimensions=dimensions,
        journal=journal,
        batch_size=batch_size,
        workers=workers,
        progress=shown,
    ) as rows:
        flat = [row_to_flat(row) for row in rows]
    import polars as pl

    return pl.DataFrame(flat, schema=SCORE_SCHEMA)


@contextmanager
def scored(
    metric: Metric[Any],
    items: Sequence[Item] | Manifest,
    *,
    dimensions: Sequence[Dimension] | None = None,
    journal: Path | str | None = None,
    batch_size: int | Literal["auto"] = "auto",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Iterator[ScoreRow]]:
    """The rows of a run, one an item and in their order, computed as they are asked for.

    The journal, where one is named, is open within the ``with`` block.

    Raises:
        JournalError: the journal can't be used.
    """
    from lmm4lmm.running.journal import Journal
    from lmm4lmm.running.scoring import PURPOSE, score_manifest

    if batch_size == "auto":
        batch_size = getattr(metric, "batch_size", batch_size)
    opened = Journal.open(Path(journal), purpose=PURPOSE) if journal is not None else None
    with opened if opened is not None else nullcontext():
        yield score_manifest(
            metric,
            items,
            dimensions=dimensions,
            journal=opened,
            batch_size=batch_size,
            workers=workers,
            progress=progress,
            total=len(items),
        )


def read_scores(path: Path | str) -> pl.DataFrame:
    """A scores table from a file; see ``core.scores.read_scores``."""
    from lmm4lmm.core.scores import read_scores as read

    return read(Path(path))


def read_human(
    table: pl.DataFrame | Path | str, *, data: Path | str | None = None, columns: Columns = None
) -> pl.DataFrame:
    """Human scores from a file, or from a data set by its name.

    Args:
        table: a file, the name of a data set, or a table that is read already.
        data: the folder with the data set's released files; without it they are fetched or cached.
        columns: for a file that calls its columns otherwise: our names with the file's, or ``"auto"`` to
            recognise well-known ones. None takes a file that has our names.

    Raises:
        InputError: neither a file nor a known data set.
    """
    import polars as pl

    from lmm4lmm.core.tables import is_parts
    from lmm4lmm.datasets import DATASETS

    if isinstance(table, pl.DataFrame):
        return table
    name, path = str(table), Path(table)
    if path.is_file() or is_parts(path):
        if data is not None:
            raise InputError(f"{table} is a file; --data (in Python: data=) goes with a data set's name")
        return _read_file(path, columns)
    if name in DATASETS.names():
        if columns is not None:
            raise InputError(f"{name} is a data set: its columns are known, --columns is for files")
        dataset: Dataset = DATASETS.load(name)
        return dataset.read(None if data is None else Path(data))
    if path.suffix or path.exists() or "/" in name:
        raise InputError(f"{table}: {'is a folder' if path.is_dir() else 'no such file'}")
    raise UnknownNameError("file or data set", name, DATASETS.names())


def _read_file(path: Path, columns: Columns) -> pl.DataFrame:
    if columns is None:
        return read_scores(path)
    from lmm4lmm.datasets.tabular import read_tabular

    return read_tabular(path, None if columns == "auto" else columns)


def leaderboard(
    scores: pl.DataFrame | Path | str,
    *,
    data: Path | str | None = None,
    columns: Columns = None,
    by_task: bool = False,
    seed: int = 0,
    resamples: int = 1000,
) -> Leaderboards:
    """Generators ranked on every dimension, with intervals and groups that can't be told apart.

    Args:
        scores: a scores table, a file that holds one, or the name of a data set of human scores.
        data: the folder of a named data set.
        columns: of a file with other column names; see ``read_human``.
        by_task: also rank within each task.
        seed: of the bootstrap.
        resamples: of the bootstrap.
    """
    from lmm4lmm.report.summary import leaderboards

    return leaderboards(
        read_human(scores, data=data, columns=columns),
        by_task=by_task,
        seed=seed,
        resamples=resamples,
        scales=getattr(_facts_of(scores), "scales", None),
    )


def evaluate(
    scores: pl.DataFrame | Path | str,
    human: pl.DataFrame | Path | str,
    *,
    data: Path | str | None = None,
    columns: Columns = None,
    by: Sequence[str] = (),
    seed: int = 0,
    resamples: int = 1000,
    method: Literal["percentile", "bca"] = "percentile",
    crossed: bool = False,
) -> Evaluation:
    """How well scores agree with people, beside predictors that see no pixel.

    Args:
        scores: a scores table or the file that holds it.
        human: human scores: a table, a file, or a data set's name; joined on ``id``.
        data: the folder of a named data set.
        columns: of a file with other column names; see ``read_human``.
        by: also within each ``task``, each ``generator``, ``detailed`` and short prompts.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        method: of the intervals over all images.
        crossed: intervals over all images from drawing generators as well as prompts.
    """
    from lmm4lmm.report.evaluation import evaluation

    table = read_human(scores) if not isinstance(scores, Path | str) else read_scores(scores)
    return evaluation(
        table,
        read_human(human, data=data, columns=columns),
        by=tuple(by),
        seed=seed,
        resamples=resamples,
        method=method,
        crossed=crossed,
        facts=human_facts(human),
    )


def human_facts(human: pl.DataFrame | Path | str) -> HumanFacts:
    """What is known of a named data set beside its rows: noise ceilings and the number of raters."""
    from lmm4lmm.report.levels import HumanFacts

    if (facts := _facts_of(human)) is None:
        return HumanFacts()
    return HumanFacts(
        source=f"known for {getattr(facts, 'title', human)}",
        ceilings=getattr(facts, "ceilings", {}),
        raters=getattr(facts, "raters", None),
    )


def _facts_of(table: pl.DataFrame | Path | str) -> Any:
    """The facts of a named data set; None for another table, or where the set has none."""
    from lmm4lmm.datasets import DATASETS

    if not isinstance(table, str) or Path(table).is_file() or table not in DATASETS.names():
        return None
    return getattr(DATASETS.load(table), "facts", None)


def write_report(
    scores: pl.DataFrame | Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    images: Path | str | None = None,
    human: pl.DataFrame | Path | str | None = None,
    data: Path | str | None = None,
    columns: Columns = None,
    title: str = TITLE,
    seed: int = 0,
) -> PageFacts:
    """Writes one self-contained HTML page.

    Args:
        scores: a scores table, one file of scores, or several (several metrics or runs).
        out: the page to write.
        images: the folder that image paths start from; default: the folder of the scores file.
        human: human scores as ``evaluate`` takes them; the page then shows the agreement.
        data: the folder of a named data set.
        columns: of a file with other column names; see ``read_human``.
        title: the page's heading.
        seed: of the bootstrap and of the images shown.
    """
    import polars as pl

    from lmm4lmm.report import html

    root = None if images is None else Path(images)
    if root is not None and not root.is_dir():
        raise InputError(f"{root}: no such folder of images")
    if isinstance(scores, pl.DataFrame):
        inputs = [html.ReportInput(scores, Path("scores"), root)]
    else:
        files = [scores] if isinstance(scores, Path | str) else scores
        inputs = [html.ReportInput(read_scores(path), Path(path), root) for path in files]
    spare_inputs(out, "the report", human if isinstance(human, Path | str) else None)
    people = None if human is None else read_human(human, data=data, columns=columns)
    facts = None if human is None else human_facts(human)
    return html.write_report(inputs, Path(out), title=title, human=people, facts=facts, seed=seed)
