"""The command line: folds for cross-validation that others can use. ``datasets folds``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_columns, parse_list
from lmm4lmm.core.errors import InputError


def add_to(datasets: typer.Typer) -> None:
    """Adds the verb to the group."""
    datasets.command("folds")(folds)


@guarded
def folds(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A scores file, or a data set's name.")],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="OUT.csv", help="The file; its SHA-256 goes to OUT.csv.sha256."),
    ],
    by: Annotated[
        str,
        typer.Option(
            metavar="WHAT", help="What folds must not share: image (nothing), prompt, generator or both."
        ),
    ] = "prompt",
    count: Annotated[int, typer.Option("--folds", min=2, max=1000, help="How many folds.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Decides the folds, whatever the order of rows.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Folder with the released files of a data set."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="For a file with other column names: OURS=THEIRS,..., or auto."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing: is OUT.csv intact, and do these options give the same folds?"
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the fold of every image, with a checksum.

    CSV with id and fold (from 0); equal prompts stay together. With --by both: prompt_fold and generator_fold; test
    on the rows of one pair of folds, train on the rows that share neither.
    """
    from lmm4lmm import api, api_agreement
    from lmm4lmm.report import folds as room

    names = parse_list(by, "split", room.SPLITS)
    if len(names) != 1:
        raise InputError(f"--by: one of {', '.join(room.SPLITS)} is expected, not {by!r}")
    split, named = cast(room.SplitBy, names[0]), parse_columns(columns)
    if check:
        frame = api.read_human(table, data=data, columns=named)
        room.check_folds(room.make_folds(frame, by=split, k=count, seed=seed), out)
        if as_json:
            output.print_json({"folds": out, "intact": True})
        output.note(f"{out} is intact, and these are the folds that the options give")
        return
    found = api_agreement.write_folds(table, out, by=split, folds=count, seed=seed, data=data, columns=named)
    if as_json:
        output.print_json({**vars(found)})
    sizes = sorted(found.sizes.values())
    output.note(
        f"wrote {out} ({found.rows:,} rows; folds of {sizes[0]:,} to {sizes[-1]:,}) and {found.checksum.name}"
    )
