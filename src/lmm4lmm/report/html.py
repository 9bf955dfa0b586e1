"""The report: one HTML page that needs no network and no script, made from one or several scores tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import spare_inputs, write_atomically
from lmm4lmm.report.beside import People
from lmm4lmm.report.compare import compare
from lmm4lmm.report.levels import HumanFacts
from lmm4lmm.report.page import PageFacts, page_environment, page_parts
from lmm4lmm.report.sections import Plan, Section, plan_for, section
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.wording import tidy

IMAGE_BYTES = 5_500_000
"""What all thumbnails of a page may take, so that a page stays under 8 MB whatever it is asked to show."""


@dataclass(frozen=True)
class ReportInput:
    """One scores table to report on.

    Attributes:
        frame: as ``core.scores.read_scores`` returns it.
        source: the file it came from; the page shows its name, and images are looked for beside it.
        image_root: the folder that image paths are relative to (the manifest's), where known.
        people: what people said of other generators for the same prompts, to show beside it.
    """

    frame: pl.DataFrame
    source: Path
    image_root: Path | None = None
    people: People | None = None


def write_report(
    inputs: Sequence[ReportInput],
    out: Path,
    *,
    title: str = "Image scores",
    human: pl.DataFrame | None = None,
    facts: HumanFacts | None = None,
    seed: int = 0,
    resamples: int = 1000,
    thumbnails: int = 120,
) -> PageFacts:
    """Writes the report, whole or not at all.

    Args:
        inputs: one or several scores tables (several metrics, or several runs of one).
        out: the page to write; replaced if it exists.
        title: heading of the page.
        human: a table of human scores; adds each input's agreement with people.
        facts: what is known of that table beside its rows.
        seed: of the bootstrap and of the images drawn by lot.
        resamples: of the bootstrap.
        thumbnails: about how many pictures to show, shared by the inputs; 0 shows none.

    Returns:
        The facts worth telling the user.

    Raises:
        InputError: no inputs, an input without rows, or human scores that match no input.
    """
    _check(inputs, out)
    pictures = Thumbnails(IMAGE_BYTES)
    plan = plan_for(thumbnails, len(inputs))
    sections = _sections(inputs, human, facts, plan, pictures, seed, resamples)
    page = _render(title, sections, pictures)
    write_atomically(out, page)
    boards = [s.boards for s in sections]
    return PageFacts.of(out, pictures, failed=sum(s.failed for s in sections), boards=boards)


def _check(inputs: Sequence[ReportInput], out: Path) -> None:
    if not inputs:
        raise InputError("a report needs at least one scores table")
    for given in inputs:
        if given.frame.is_empty():
            raise InputError(f"{given.source}: the scores table has no rows, so there is nothing to report")
        spare_inputs(out, "the report", given.source)
    if out.is_dir():
        raise InputError(
            f"{out}: is a folder; give the name of the page to write, for instance {out / 'report.html'}"
        )


def _sections(
    inputs: Sequence[ReportInput],
    human: pl.DataFrame | None,
    facts: HumanFacts | None,
    plan: Plan,
    pictures: Thumbnails,
    seed: int,
    resamples: int,
) -> list[Section]:
    sections = []
    for number, given in enumerate(inputs, 1):
        roots = [root for root in (given.image_root, given.source.parent) if root is not None]
        sections.append(
            section(
                given.frame,
                anchor=f"run{number}",
                source=given.source,
                roots=roots,
                people=given.people,
                human=human,
                facts=facts,
                plan=plan,
                pictures=pictures,
                seed=seed,
                resamples=resamples,
            )
        )
    problems = [s.agreement_problem for s in sections if s.agreement_problem]
    if human is not None and len(problems) == len(sections):
        raise InputError(problems[0])
    return sections


def _render(title: str, sections: Sequence[Section], pictures: Thumbnails) -> str:
    return (
        page_environment()
        .get_template("report.html")
        .render(
            **page_parts(),
            title=tidy(title),
            sections=sections,
            compared=compare(sections),
            pictures=pictures,
        )
    )
