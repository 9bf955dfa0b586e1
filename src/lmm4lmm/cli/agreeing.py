"""The command line: how far metrics agree with people. ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_by, parse_columns, parse_one
from lmm4lmm.core.errors import InputError

if TYPE_CHECKING:
    from lmm4lmm.report.evaluation import Evaluation
    from lmm4lmm.report.metric_table import MetricTable

GROUPINGS = ("task", "generator", "detailed")
METHODS = ("percentile", "bca")
SAMPLED = ("prompts", "crossed")


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the program."""
    app.command("evaluate")(evaluate)


@guarded
def evaluate(
    scores: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCORES", help="A scores file, as `lmm4lmm score` writes it, or several to compare."
        ),
    ],
    human: Annotated[
        str, typer.Option(metavar="TABLE", help="Human scores: a file with `id`, or a data set's name.")
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Folder with the released files of a named data set."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="LIST",
            help="For a human table with other column names: OURS=THEIRS,..., or auto to recognise them.",
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(metavar="LIST", help="Also within each: task, generator, detailed (and short) prompts."),
    ] = "",
    interval: Annotated[
        str, typer.Option(metavar="HOW", help="percentile, or bca for skewed statistics (slower).")
    ] = "percentile",
    resample: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="prompts, or crossed: prompts and generators, to speak of other generators, too.",
        ),
    ] = "prompts",
    seed: Annotated[int, typer.Option(min=0, help="Where the bootstrap's random numbers start.")] = 0,
    resamples: Annotated[
        int, typer.Option(min=100, max=100_000, help="Bootstrap resamples behind the intervals.")
    ] = 1000,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with figures and disagreements."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For --html: where the images' relative paths start.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how far metrics agree with people.

    One file: SRCC, KRCC (tau-b) and PLCC, raw and after a logistic fit, over images, within prompts and over
    generators, with intervals from resampling prompts. Several files: one table over the images that all of them
    scored, with groups of metrics that can't be told apart. Beside both: predictors that see no pixel, what any
    metric must beat, and the noise ceiling, what none can pass.
    """
    from lmm4lmm import api, api_agreement
    from lmm4lmm.cli import agreement_tables

    groupings = parse_by(by, GROUPINGS)
    method, sampled = parse_one(interval, "interval", METHODS), parse_one(resample, "resampling", SAMPLED)
    named = parse_columns(columns)
    if images is not None and page is None:
        raise InputError("--images goes with --html")
    found: Evaluation | MetricTable
    if len(scores) > 1:
        if groupings or method != "percentile" or sampled != "prompts":
            raise InputError(
                "--by, --interval and --resample go with one scores file; evaluate each on its own"
            )
        found = api_agreement.compare_metrics(
            scores, human, data=data, columns=named, seed=seed, resamples=resamples
        )
    else:
        found = api.evaluate(
            scores[0],
            human,
            data=data,
            columns=named,
            by=groupings,
            seed=seed,
            resamples=resamples,
            method=cast(Literal["percentile", "bca"], method),
            crossed=sampled == "crossed",
        )
    document = found.to_json()
    written = None
    if page is not None:
        written = api_agreement.write_study(
            scores,
            human,
            page,
            found=found,
            data=data,
            images=images,
            intervals=_intervals(method, sampled, resamples, seed),
            seed=seed,
        )
        document["html"] = {key: value for key, value in vars(written).items() if key != "path"}
        document["html"]["file"] = page
    if as_json:
        output.print_json(document)
    elif len(scores) > 1:
        agreement_tables.print_metrics(document)
    else:
        agreement_tables.print_evaluation(document, crossed=sampled == "crossed")
    if written is not None:
        output.note_page(written)


def _intervals(method: str, sampled: str, resamples: int, seed: int) -> str:
    """How the intervals over images were made, for the page."""
    how = "BCa" if method == "bca" else "percentiles"
    what = "prompts and generators" if sampled == "crossed" else "prompts"
    return f"95 %, {how} of {resamples:,} resamples of {what}, seed {seed}"
