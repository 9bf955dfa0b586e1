"""The page of a metric study: one HTML file that needs no network, made from an evaluation or a table of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import spare_inputs, write_atomically
from lmm4lmm.report.agreement import THE_METRIC, AgreementView, of_evaluation, of_table
from lmm4lmm.report.disagreements import Gallery
from lmm4lmm.report.evaluation import Evaluation
from lmm4lmm.report.metric_table import MetricTable
from lmm4lmm.report.page import PageFacts, page_environment, page_parts
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.wording import tidy

IMAGE_BYTES = 1_800_000
"""What all thumbnails of a page may take, so that a page of a large data set stays under 3 MB."""
PICTURES = 96
"""About how many pictures a page shows."""
MOST_EACH = 6
"""Images on which metric and people are farthest apart, at most, in each direction."""


def write_study(
    found: Evaluation | MetricTable,
    out: Path,
    *,
    files: Sequence[Path],
    human: Path,
    intervals: str,
    roots: Sequence[Path] = (),
    title: str = "",
    seed: int = 0,
) -> PageFacts:
    """Writes the page of a metric study, whole or not at all.

    Args:
        found: one metric's evaluation, with ``detail``, or a table of several.
        out: the page to write; replaced if it exists.
        files: the scores files, whose names the page shows.
        human: the file of human scores, or a data set's name; the page shows its last part.
        intervals: in words, how the intervals over images were made.
        roots: folders that image paths may be relative to, best first.
        title: heading of the page; "" for one of its own.
        seed: of the points drawn by lot where there are too many.

    Returns:
        The facts worth telling the user.

    Raises:
        InputError: ``out`` is a folder, or one of the inputs.
    """
    _check(out, [*files, human])
    pictures = Thumbnails(IMAGE_BYTES)
    metrics = len(found.joined) if isinstance(found, MetricTable) else 1
    each = max(2, min(MOST_EACH, PICTURES // (2 * metrics * max(1, len(found.dimensions)))))
    gallery = Gallery(roots, pictures, each)
    name = files[0].stem if files else THE_METRIC
    if isinstance(found, MetricTable):
        view = of_table(found, gallery, seed=seed)
    else:
        view = of_evaluation(found, name, gallery, seed=seed)
    heading = title or (f"{metrics} metrics against people" if metrics > 1 else f"{name} against people")
    write_atomically(
        out, _render(view, tidy(heading), files, human.name, intervals, pictures, list(found.dimensions))
    )
    return PageFacts.of(out, pictures)


def _check(out: Path, inputs: Sequence[Path]) -> None:
    if out.is_dir():
        raise InputError(f"{out}: is a folder; give the name of the page to write")
    spare_inputs(out, "the page", *inputs)


def _render(
    view: AgreementView,
    title: str,
    files: Sequence[Path],
    people: str,
    intervals: str,
    pictures: Thumbnails,
    names: Sequence[str],
) -> str:
    return (
        page_environment()
        .get_template("study.html")
        .render(
            **page_parts(),
            title=title,
            files=[tidy(file.name) for file in files],
            people=tidy(people),
            intervals=intervals,
            matched=view.matched,
            left_out=view.notes,
            dimensions=list(zip(names, view.dimensions, strict=True)),
            pictures=pictures,
        )
    )
