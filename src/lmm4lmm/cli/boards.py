"""The command line: ``leaderboard``, in the terminal and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_by, parse_columns
from lmm4lmm.core.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the program."""
    app.command("leaderboard")(leaderboard)


@guarded
def leaderboard(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A scores file, or a data set's name.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Folder with the released files of a named data set."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="For a table with other column names: OURS=THEIRS,..., or auto to recognise them.",
        ),
    ] = None,
    by: Annotated[str, typer.Option(metavar="LIST", help="Also within each: task.")] = "",
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Also the adjusted p-value of each pair (--json always has them).")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write one self-contained page: every score and task, sortable, with the prompts' scores.",
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The page's title; default: the input's name.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the bootstrap's random numbers start.")] = 0,
    resamples: Annotated[
        int, typer.Option(min=100, max=100_000, help="Bootstrap resamples behind the intervals.")
    ] = 1000,
    as_json: Json = False,
) -> None:
    """Rank generators, with intervals.

    Means and ranks with 95 % intervals from resampling prompts, and groups that can't be told apart; a
    combined rank by the mean of the dimensions' z-scores over generators.
    """
    from lmm4lmm import api, api_ranking
    from lmm4lmm.cli import tables

    if title is not None and html is None:
        raise InputError("--title is the page's; say where the page goes: --html FILE")
    by_task = "task" in parse_by(by, ("task",))
    wanted = parse_columns(columns)
    if html is None:
        found = api.leaderboard(
            source, data=data, columns=wanted, by_task=by_task, seed=seed, resamples=resamples
        )
    else:
        found, page = api_ranking.ranked_page(
            source, html, data=data, columns=wanted, title=title, seed=seed, resamples=resamples
        )
        found = found if by_task else found.without_tasks()
        left = f"; {page.left_out:,} left out to keep the page small" if page.left_out else ""
        output.note(f"wrote {html} ({page.size_bytes / 1e6:.1f} MB, {page.prompts:,} prompts{left})")
    if not found.dimensions:
        raise InputError(f"{source}: no row has a score, so there is nothing to rank")
    if as_json:
        output.print_json(found.to_json())
    else:
        tables.print_leaderboards(found.to_json(), pairs=pairs)
