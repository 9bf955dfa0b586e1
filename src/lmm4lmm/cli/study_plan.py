"""The command line: how many raters and ratings a study takes. ``study plan``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json
from lmm4lmm.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from lmm4lmm.stats.rater_planning import Components

USUAL = 15


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the group ``study``."""
    app.command("plan")(plan)


@guarded
def plan(
    prompts: Annotated[
        int, typer.Option(min=2, metavar="N", help="Prompts, each drawn by every generator.")
    ] = 100,
    generators: Annotated[
        int, typer.Option(min=1, metavar="N", help="Generators, one image a prompt each.")
    ] = 2,
    half_width: Annotated[
        float | None,
        typer.Option(
            metavar="WIDTH", help="Wanted for each image: its interval to either side, in rating units."
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(metavar="SIZE", help="Wanted: to tell two generators apart whose means differ so much."),
    ] = None,
    power: Annotated[float, typer.Option(metavar="SHARE", help="How surely, for --difference.")] = 0.8,
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="Of intervals and tests.")] = 0.95,
    pilot: Annotated[
        Path | None,
        typer.Option(
            metavar="RATINGS", help="Ratings of a pilot, as for analyse; else EvalMi-50K's variances."
        ),
    ] = None,
    dimension: Annotated[
        str, typer.Option(metavar="NAME", help="Which dimension is planned for.")
    ] = "perception",
    ratings: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Ratings an image, if that is settled already.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, metavar="S", help="An image takes, all dimensions.")] = 6.0,
    images_a_rater: Annotated[
        int, typer.Option(min=1, metavar="N", help="What one rater does at most.")
    ] = 60,
    extra: Annotated[
        float, typer.Option(min=0, metavar="SHARE", help="Repeats, gold and traps, on top.")
    ] = 0.1,
    minutes_before: Annotated[
        float, typer.Option(min=0, metavar="M", help="Consent, instructions, training, each rater.")
    ] = 5.0,
    pay: Annotated[
        float | None, typer.Option(min=0, metavar="AMOUNT", help="An hour, in any currency.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how many raters and ratings a study takes, and what it costs.

    Without a pilot, in points of EvalMi-50K's scores (0 to 100; one rater's marks have a standard deviation of 16.7
    there). Raters make images' intervals narrow; to tell generators apart, more prompts often help more.
    """
    from lmm4lmm.stats import rater_planning as planning

    parts = planning.evalmi_like(dimension) if pilot is None else _pilot(pilot, dimension)
    needed: dict[str, Any] = {}
    if half_width is not None:
        needed["for_half_width"] = planning.ratings_for_half_width(parts, half_width, confidence)
    if difference is not None:
        if generators < 2:
            raise InputError("--difference is between two generators, and --generators is 1")
        if parts.pair is None:
            raise InputError(
                f"--difference: {pilot} does not say how two generators differ over prompts; it needs the columns "
                "generator and prompt, and two generators with two prompts in common"
            )
        needed["for_difference"] = planning.ratings_to_tell(parts, difference, prompts, power, confidence)
    found = [n for n in needed.values() if n is not None]
    # Two, because one rating has no interval.
    chosen = ratings or max([2, *found] if found else [USUAL])
    cost = planning.effort(
        prompts * generators,
        chosen,
        seconds=seconds,
        most_a_rater=images_a_rater,
        extra=extra,
        minutes_before=minutes_before,
        pay=pay,
    )
    document = {
        "source": "EvalMi-50K" if pilot is None else str(pilot),
        "dimension": dimension,
        "components": asdict(parts),
        "images": prompts * generators,
        "ratings_per_item": chosen,
        **needed,
        "half_width": planning.half_width(parts, chosen, confidence),
        "power": None
        if difference is None
        else planning.power(parts, difference, prompts, chosen, confidence),
        "prompts_for_difference": None
        if difference is None
        else planning.prompts_to_tell(parts, difference, chosen, power, confidence),
        **asdict(cost),
    }
    if as_json:
        output.print_json(document)
    else:
        _print(document, difference, power, pay is not None)


def _print(found: dict[str, Any], difference: float | None, power: float, paid: bool) -> None:
    parts = found["components"]
    pair = "" if parts["pair"] is None else f", difference over prompts {parts['pair']:.2f}"
    print(
        f"From {found['source']}, {found['dimension']}: standard deviations of images {parts['item']:.2f}, raters "
        f"{parts['rater']:.2f}, residual {parts['residual']:.2f}{pair}."
    )
    rows = [
        ("ratings an image", f"{found['ratings_per_item']:,}"),
        ("interval of an image, to either side", output.number(found["half_width"])),
    ]
    if difference is not None:
        wanted = found["prompts_for_difference"]
        rows += [
            (f"chance to see a difference of {difference:g}", output.number(found["power"])),
            (f"prompts for a chance of {power:g}", "over a million" if wanted is None else f"{wanted:,}"),
        ]
    rows += [
        ("images", f"{found['images']:,}"),
        ("ratings", f"{found['ratings']:,}"),
        ("raters, at least", f"{found['raters']:,}"),
        ("hours a rater", output.number(found["hours_a_rater"])),
        ("hours", output.number(found["hours"], 1)),
    ]
    if paid:
        rows.append(("cost", output.number(found["cost"])))
    output.print_table(("", "plan"), rows)
    if difference is not None and found.get("for_difference", 0) is None:
        output.note(
            f"no number of raters shows a difference of {difference:g} with these prompts; it takes more of them"
        )


def _pilot(path: Path, dimension: str) -> Components:
    """The components in a table of ratings.

    Raises:
        UnknownNameError: it has no such dimension.
        InputError: choices between two, of which no mean is made.
    """
    import numpy as np

    from lmm4lmm.core.rating_rows import read_ratings
    from lmm4lmm.report.rating_kinds import numbers
    from lmm4lmm.stats.rater_components import components_of

    table = read_ratings(path)
    frame = table.frame
    names = [name for name in frame["dimension"].unique() if name]
    if names:
        if dimension not in names:
            raise UnknownNameError("dimension of this pilot", dimension, names)
        frame = frame.filter(frame["dimension"] == dimension)
    if (frame["other"] != "").any():
        raise InputError(f"{path}: choices between two images have no intervals of images to plan for")
    values = numbers(table, frame, "rating")
    given = np.isfinite(values)
    frame, values = frame.filter(given), values[given]
    items, first = np.unique(frame["item"].to_numpy(), return_index=True)
    raters = sorted(set(frame["rater"]))
    of_items = {
        name: [frame[name][int(row)] for row in first] if name in frame.columns else None
        for name in ("generator", "prompt")
    }
    return components_of(
        np.searchsorted(items, frame["item"].to_numpy()),
        np.searchsorted(np.array(raters, dtype=object), frame["rater"].to_numpy()),
        values,
        generators=of_items["generator"],
        prompts=of_items["prompt"],
    )
