"""The command line: ratings by people into scores. ``study analyse``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_columns, parse_one
from lmm4lmm.core.errors import InputError

COMPATS = ("strict", "sureal")
INTERVALS = ("normal", "t")
REPEATS = ("mean", "error")
TIES = ("davidson", "half", "drop")


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the group ``study``."""
    app.command("analyse")(analyse)


@guarded
def analyse(
    ratings: Annotated[
        Path,
        typer.Argument(
            metavar="RATINGS",
            help="One row a rating: rater, item, rating (and dimension). CSV, TSV, JSONL, Parquet, XLSX, or "
            "Label Studio's JSON export.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="mos, zscore, bt500, zscore_bt500, p913, p913_bt500, p910, p910_ap, mle or aigi.",
        ),
    ] = "mos",
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Write the scores, too: .csv, .parquet or .jsonl."),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(metavar="MANIFEST", help="For -o: prompts, generators and tasks of the items."),
    ] = None,
    dimension: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only this one; or the name of the only one (default: perception)."
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIM=KIND",
            help="rating, yes_no or pairwise, where it is not seen from the cells; repeatable.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="For other column names: OURS=THEIRS,..., say rater=worker,rating=q1."
        ),
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="KIND", help="normal or t; default: as the method's source has it.")
    ] = None,
    compat: Annotated[
        str, typer.Option(metavar="NAME", help="strict, or sureal: that package's reading of BT.500.")
    ] = "strict",
    repeats: Annotated[
        str, typer.Option(metavar="RULE", help="A rater's second rating of an item: mean, or error.")
    ] = "mean",
    ties: Annotated[
        str, typer.Option(metavar="RULE", help="Of two: davidson, half (a win each), or drop.")
    ] = "davidson",
    agreement: Annotated[
        bool,
        typer.Option("--agreement/--no-agreement", help="Agreement and noise ceiling; take the longest."),
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Where the random numbers of intervals start.")] = 0,
    as_json: Json = False,
) -> None:
    """Recover scores from ratings by people.

    Scores of items with standard errors and intervals, raters with bias, inconsistency and why they are rejected,
    agreement, and the noise ceiling that any metric meets. -o writes a table for `evaluate --human`, `leaderboard`.
    """
    from lmm4lmm import api_study
    from lmm4lmm.cli import study_tables

    if items is not None and out is None:
        raise InputError("--items goes with -o")
    named = parse_columns(columns)
    if named == "auto":
        raise InputError("--columns auto: name them here, for instance rater=worker,item=image,rating=score")
    found = api_study.analyse_ratings(
        ratings,
        method=method,
        compat=cast(Any, parse_one(compat, "compat", COMPATS)),
        interval=cast(Any, None if interval is None else parse_one(interval, "interval", INTERVALS)),
        repeats=cast(Any, parse_one(repeats, "repeats", REPEATS)),
        ties=cast(Any, parse_one(ties, "ties", TIES)),
        kinds=cast(Any, _kinds(kind or ())),
        dimension=dimension,
        columns=cast(Any, named),
        agreement=agreement,
        seed=seed,
    )
    foreign: tuple[str, ...] = ()
    if out is not None:
        foreign = api_study.write_scores_of_people(found, out, items=items)
    document = api_study.rating_document(found)
    if as_json:
        output.print_json(document)
    else:
        study_tables.print_analysis(document)
    if out is not None:
        output.note(f"wrote {out}")
        for name in foreign:
            output.note(
                f"evaluate and leaderboard do not know '{name}': give them --columns perception={name}"
            )


def _kinds(pairs: Sequence[str]) -> dict[str, str]:
    """``DIM=KIND`` each; ``yes-no`` is ``yes_no``.

    Raises:
        InputError: no such pair.
    """
    found = {}
    for pair in pairs:
        name, equals, kind = (part.strip() for part in pair.rpartition("="))
        if not (name and equals and kind):
            raise InputError(f"--kind '{pair}' should be DIMENSION=KIND, for instance answer=yes_no")
        found[name] = kind.replace("-", "_")
    return found
