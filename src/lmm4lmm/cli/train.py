"""The command line: training. ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lmm4lmm.cli import guard, output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json

RECIPES = ("nano",)


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the program."""
    app.command("train")(train)


@guarded
def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="What to train: nano.")],
    data: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder with imagenet_sample, coco_mini, drawbench_sd and the rest."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DIR", help="Receives features, checkpoint, log and weights."),
    ],
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; default: the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Decides lessons and order.")] = None,
    as_json: Json = False,
) -> None:
    """Train a metric; run the same command again after a stop and it goes on where it was.

    `nano` repeats how the trained part in this package was made: about 20 minutes of looking at pictures and 40
    of training on two cores. The result is used with load_metric("nano", weights=DIR) in Python.
    """
    from lmm4lmm.core.errors import MissingExtraError, UnknownNameError

    if recipe not in RECIPES:
        raise UnknownNameError("recipe", recipe, RECIPES)
    try:
        from lmm4lmm.training.loop import Recipe
        from lmm4lmm.training.nano import train_nano
    except ImportError as error:
        raise MissingExtraError(f"training (no module '{error.name}')", "lmm") from error

    asked: dict[str, Any] = {"steps": steps, "seed": seed}
    changes = {name: value for name, value in asked.items() if value is not None}
    try:
        facts = train_nano(data, out, Recipe(**changes), say=output.note)
    except KeyboardInterrupt:
        guard.stop("Interrupted. Run the same command again to go on.", guard.INTERRUPTED)
    if as_json:
        output.print_json({"weights": out, "validation": facts.validation, "sha256": facts.sha256})
        return
    output.print_table(
        ("held-out figure", "value"), ((name, f"{value:.3f}") for name, value in facts.validation.items())
    )
