"""The command line: human scores by name. ``datasets list``, ``show``, ``validate``, ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmm4lmm.cli import folds, guard, output, synthetic
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_columns, parse_list, parse_scale
from lmm4lmm.core.records import DIMENSIONS, Dimension

if TYPE_CHECKING:
    from lmm4lmm.cli.dataset_source import Source

SHOWN = 20
"""Oddities of a kind that the terminal shows; ``--json`` has all."""

datasets = typer.Typer(
    help="Human scores that lmm4lmm can read by name.", no_args_is_help=True, rich_markup_mode=None
)

Target = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A data set's name, or any table of scores.")
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder with the released files of NAME.")
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="OURS=THEIRS,...",
        help="What FILE calls its columns; a score may be several raters' (perception=rater*) or, after a minus, one "
        "of which lower is better (perception=-dmos). Default: recognise well-known names.",
    ),
]
Scale = Annotated[
    str | None, typer.Option("--scale", metavar="LOW,HIGH", help="The ends of FILE's scale, say 1,5.")
]
Lower = Annotated[
    str | None,
    typer.Option(
        "--lower-is-better",
        metavar="LIST",
        help="Dimensions of FILE whose lower scores are better: turned round, and said so.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the group to the program."""
    synthetic.add_to(datasets)
    folds.add_to(datasets)
    app.add_typer(datasets, name="datasets")


@datasets.command("list")
@guarded
def datasets_list(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="A folder that holds one named as each data set."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Data sets of human scores that have a name."""
    from lmm4lmm.cli import dataset_facts

    found = dataset_facts.listed(data)
    if as_json:
        output.print_json({"datasets": found})
        return
    output.print_table(
        ("data set", "rows", "scores", "licence", "here", "what it is"),
        (
            (
                row["name"],
                f"{row['rows']:,}" if row["rows"] else "?",
                _scales(row["scores"]),
                row["licence"] or "?",
                str(row["here"]) if row["here"] else "no",
                row["about"],
            )
            for row in found
        ),
        left=("scores", "licence", "here", "what it is"),
    )
    output.note(
        "'?' rows: written from documentation, never read here. `datasets show NAME` has the whole card."
    )


@datasets.command("show")
@guarded
def datasets_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which data set.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder with its released files.")
    ] = None,
    as_json: Json = False,
) -> None:
    """A data set's card; with --data also what its table holds."""
    from lmm4lmm.cli import dataset_facts

    found = dataset_facts.described(name, data)
    if as_json:
        output.print_json(found)
        return
    print(found["card"])
    if "columns" in found:
        _print_columns(found)
        for grouping in ("generators", "tasks"):
            _print_groups(found[grouping], grouping.removesuffix("s"))


@datasets.command("validate")
@guarded
def datasets_validate(
    target: Target,
    data: Data = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", metavar="DIR", help="Folder with the images: say which are absent."),
    ] = None,
    columns: Columns = None,
    scale: Scale = None,
    lower: Lower = None,
    as_json: Json = False,
) -> None:
    """Everything odd in a table of human scores; nothing is mended.

    Exit code 0: clean, or odd only in ways that the data set's card knows. 1: something else is odd, or the files are
    damaged. 2: wrong usage, or no such file.
    """
    from lmm4lmm.cli import dataset_facts

    found = dataset_facts.validated(_source(target, data, columns, scale, lower), images)
    if as_json:
        output.print_json(found)
    else:
        _print_findings(found)
    if not found["ok"]:
        raise typer.Exit(guard.SOME_FAILED)


@datasets.command("export")
@guarded
def datasets_export(
    target: Target,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="Parquet, JSON lines or CSV, by its suffix.")
    ],
    data: Data = None,
    columns: Columns = None,
    scale: Scale = None,
    lower: Lower = None,
    as_json: Json = False,
) -> None:
    """Write a data set, or any table of human scores, as a scores table that every verb takes."""
    from lmm4lmm.cli import dataset_facts

    found = dataset_facts.exported(_source(target, data, columns, scale, lower), out)
    if as_json:
        output.print_json(found)
        return
    for line in found["notes"]:
        output.note(line)
    print(f"{found['rows']:,} rows written to {found['out']}")


def _source(
    target: str, data: Path | None, columns: str | None, scale: str | None, lower: str | None
) -> Source:
    from lmm4lmm.cli.dataset_source import resolve

    names = parse_list(lower, "dimension", DIMENSIONS) if lower is not None else ()
    turned: tuple[Dimension, ...] = tuple(d for d in DIMENSIONS if d in names)
    return resolve(target, data, parse_columns(columns), parse_scale(scale), turned)


def _scales(scores: dict[str, list[float]]) -> str:
    return "; ".join(f"{name} {low:g}-{high:g}" for name, (low, high) in scores.items()) or "?"


def _print_columns(found: dict[str, Any]) -> None:
    output.print_table(
        ("column", "type", "known", "lowest", "mean", "highest"),
        (
            (
                column["name"],
                column["type"],
                str(column["known"]),
                *(output.number(column[key], 4) for key in ("lowest", "mean", "highest")),
            )
            for column in found["columns"]
        ),
        title=f"{found['rows']} rows",
        left=("type",),
    )


def _print_groups(groups: list[dict[str, Any]], what: str) -> None:
    if not groups:
        return
    scored = [d for d in DIMENSIONS if any(group[d] is not None for group in groups)]
    output.print_table(
        (what, "rows", *(f"mean {d}" for d in scored)),
        (
            (
                group["name"] if group["name"] is not None else "(none named)",
                str(group["rows"]),
                *(output.number(group[d], 3) for d in scored),
            )
            for group in groups
        ),
    )


def _print_findings(found: dict[str, Any]) -> None:
    for error in found["errors"]:
        output.note(f"error: {error}")
    if found["kinds"]:
        output.print_table(
            ("oddity", "count", "known", "what was done"),
            (
                (
                    kind["kind"],
                    f"{kind['count']:,}",
                    f"{kind['known']:,}" if kind["known"] else "no",
                    kind["done"],
                )
                for kind in found["kinds"]
            ),
            left=("what was done",),
        )
    for kind in found["kinds"]:
        if kind["count"] > kind["known"]:
            _print_places(kind["kind"], [o for o in found["oddities"] if o["kind"] == kind["kind"]])
    rows = f"{found['rows']:,} rows" if found["rows"] is not None else "no table"
    if not found["ok"]:
        verdict = "something is odd that is not known of these files"
        print(f"{rows}: {'the files are damaged' if found['errors'] else verdict}")
    else:
        print(f"{rows}: {'odd only as its card says' if found['kinds'] else 'nothing odd found'}")


def _print_places(kind: str, oddities: list[dict[str, Any]]) -> None:
    for oddity in oddities[:SHOWN]:
        place = [
            oddity["file"],
            f"row {oddity['row']}" if oddity["row"] is not None else None,
            f"column '{oddity['column']}'" if oddity["column"] else None,
            f"'{oddity['item']}'" if oddity["item"] else None,
        ]
        value = f": {oddity['value']}" if oddity["value"] is not None else ""
        output.note(f"{kind}: {', '.join(part for part in place if part)}{value}")
    if len(oddities) > SHOWN:
        output.note(f"{kind}: and {len(oddities) - SHOWN:,} more (--json lists all)")
