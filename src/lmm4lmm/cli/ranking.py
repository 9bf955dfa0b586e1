"""The command line: two generators against each other, and how many prompts that takes. ``compare``, ``plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_columns, parse_dimensions
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import spare_inputs
from lmm4lmm.core.records import DIMENSIONS

WORSE = 3
"""Exit code of ``compare`` where the caller asked for it and the new one is worse."""

Generators = Annotated[
    str | None,
    typer.Option(metavar="NEW,OLD", help="Which generator of each file, where a file holds several."),
]
Dimensions = Annotated[
    str | None,
    typer.Option(
        "--dimensions",
        "--dimension",
        metavar="LIST",
        help="Of perception,correspondence,answer; default: all that both have.",
    ),
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder with the released files of a data set.")
]
Columns = Annotated[
    str | None,
    typer.Option(metavar="LIST", help="For files with other column names: OURS=THEIRS,..., or auto."),
]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.9999, help="Of the intervals and claims.")]


def add_to(app: typer.Typer) -> None:
    """Adds the verbs to the program."""
    app.command("compare")(compare)
    app.command("plan")(plan)


@guarded
def compare(
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Scores of the new one: a file, or a data set's name.")
    ],
    old: Annotated[
        str | None,
        typer.Argument(metavar="OLD", help="Scores of the old one; default: NEW, with --generators."),
    ] = None,
    generators: Generators = None,
    dimensions: Dimensions = None,
    margin: Annotated[
        str,
        typer.Option(
            metavar="M",
            help="A difference that does not matter, in points of 0 to 100 (of an answer, 0 to 1, a point is 0.01); "
            "or DIMENSION=M,... in each one's own unit.",
        ),
    ] = "0",
    fail_if_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-worse",
            help="Exit with 3 if NEW is surely worse by more than M in any dimension: the upper end of the "
            "interval of NEW - OLD lies below -M.",
        ),
    ] = False,
    require_noninferior: Annotated[
        bool,
        typer.Option(
            "--require-noninferior",
            help="Exit with 3 unless NEW is surely not worse by M or more in every dimension: the lower end of "
            "the interval lies above -M. Needs --margin; too few prompts fail, too.",
        ),
    ] = False,
    any_metric: Annotated[
        bool, typer.Option("--any-metric", help="Compare scores of different metrics, too.")
    ] = False,
    confidence: Confidence = 0.95,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a short summary for a pull request; - for stdout."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write one self-contained page, with the prompts that moved most."
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where images' paths start, for --html; default: the folders of the files."
        ),
    ] = None,
    data: Data = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Say whether a new generator is better than an old one.

    By how much, on which tasks, how surely: per-prompt means, paired where both drew the prompt, t intervals,
    tasks adjusted by Holm. Each dimension is judged on its own: name the one that counts with --dimensions.
    """
    from lmm4lmm import api_ranking
    from lmm4lmm.cli import comparison_tables
    from lmm4lmm.report.checkpoint_words import markdown as summary

    for out in (html, markdown):
        if out is not None:
            spare_inputs(out, "what is written", new, old)
    if html is not None and html == markdown:
        raise InputError(f"--html and --markdown both name {html}; give each a file of its own")
    found = api_ranking.compare(
        new,
        old,
        generators=parse_two(generators, old is None),
        dimensions=None if dimensions is None else parse_dimensions(dimensions),
        margin=parse_points(margin, "--margin"),
        confidence=confidence,
        any_metric=any_metric,
        data=data,
        columns=parse_columns(columns),
    )
    if images is not None and html is None:
        raise InputError("--images are for the page; say where it goes: --html FILE")
    if require_noninferior:
        comparison_tables.need_margins(found)
    if markdown is not None:
        comparison_tables.write_markdown(summary(found), markdown, as_json)
    if html is not None:
        output.note_page(api_ranking.write_comparison(found, html, images=images))
    if as_json:
        output.print_json(found.to_json())
    elif str(markdown) != "-":
        comparison_tables.print_comparison(found)
    failures = comparison_tables.failures(found, worse=fail_if_worse, inferior=require_noninferior)
    for failure in failures:
        output.note(failure)
    if failures:
        raise typer.Exit(WORSE)


@guarded
def plan(
    pilot: Annotated[
        str | None,
        typer.Argument(
            metavar="PILOT", help="Scores to learn the variances from; default: those of EvalMi-50K."
        ),
    ] = None,
    old: Annotated[
        str | None,
        typer.Argument(metavar="OLD", help="The other generator's, where it has a file of its own."),
    ] = None,
    generators: Generators = None,
    dimensions: Dimensions = None,
    difference: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="To be found, in points of 0 to 100 (of an answer, 0 to 1, a point is 0.01); or DIMENSION=D,... in "
            "each one's own unit.",
        ),
    ] = None,
    prompts: Annotated[
        int | None,
        typer.Option(
            min=2, max=10_000_000, help="So many: what can they show? With --difference: how surely?"
        ),
    ] = None,
    power: Annotated[
        float, typer.Option(min=0.01, max=0.9999, help="Chance that the difference is found.")
    ] = 0.8,
    images: Annotated[int, typer.Option(min=1, max=10_000, help="Images a prompt, of each generator.")] = 1,
    comparisons: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, help="Tested together, by Holm's rule; 24 generators are 276."),
    ] = 1,
    confidence: Confidence = 0.95,
    data: Data = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Say how many prompts show a difference, or which difference they show.

    For a paired comparison of two generators, as `compare` and `leaderboard` make it. Variances of a metric's
    scores differ from those of people's: a pilot of some fifty prompts is better than the default.
    """
    from lmm4lmm import api_ranking
    from lmm4lmm.cli import comparison_tables

    found = api_ranking.plan(
        pilot,
        old,
        generators=parse_two(generators, pilot is not None and old is None),
        dimensions=None if dimensions is None else parse_dimensions(dimensions),
        difference=None if difference is None else parse_points(difference, "--difference"),
        prompts=prompts,
        power=power,
        confidence=confidence,
        images=images,
        comparisons=comparisons,
        data=data,
        columns=parse_columns(columns),
    )
    if as_json:
        output.print_json(found.to_json())
    else:
        comparison_tables.print_plan(found.to_json())


def parse_two(text: str | None, needed: bool) -> tuple[str, str] | None:
    """Two names separated by the comma; a name that holds a comma can't be given so.

    Raises:
        InputError: not two names, none where one file has to hold both, or one name twice there.
    """
    if text is None:
        if needed:
            raise InputError(
                "one file only: say which two of its generators, --generators NEW,OLD; or give two files"
            )
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise InputError(f"--generators is '{text}'; two names separated by a comma are expected: NEW,OLD")
    if needed and names[0] == names[1]:
        raise InputError(f"--generators names {names[0]!r} twice: it does not differ from itself")
    return names[0], names[1]


def parse_points(text: str, option: str) -> float | dict[str, float]:
    """A number for all dimensions, or ``DIMENSION=NUMBER,...``.

    Raises:
        InputError: neither, a dimension that there is not, or a negative number.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    named = {name.strip(): _amount(value, option, text) for name, equals, value in pairs if equals}
    unknown = [name for name in named if name not in DIMENSIONS]
    if unknown or not pairs or (named and len(named) != len(pairs)) or (not named and len(pairs) != 1):
        raise InputError(
            f"{option} is '{text}'; a number is expected, say 1, or numbers by dimension: perception=1,answer=0.02"
        )
    return named or _amount(pairs[0][0], option, text)


def _amount(value: str, option: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise InputError(
            f"{option} is '{text}'; a number from 0 up is expected, say 1, or perception=1,answer=0.02"
        )
    return number
