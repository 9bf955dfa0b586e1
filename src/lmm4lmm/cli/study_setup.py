"""The command line: a study's beginning. ``study create``, ``study invite``."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json
from lmm4lmm.cli.study_database import Database, Name, check_installed, opened, url_of
from lmm4lmm.core.errors import InputError

if TYPE_CHECKING:
    from lmm4lmm.study.records import Invitation

HERE = "http://127.0.0.1:8000"


def add_to(app: typer.Typer) -> None:
    """Adds the verbs to the group ``study``."""
    app.command("create")(create)
    app.command("invite")(invite)


@guarded
def create(
    name: Name,
    items: Annotated[
        Path,
        typer.Option(
            metavar="MANIFEST", help="What to show: a manifest or a folder of images, as for score."
        ),
    ],
    design: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The design, YAML or JSON; default: perception and correspondence, 15 raters.",
        ),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a folder of images: their prompts, as for score.")
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a study of images. Everything is checked first: a mistake in design or items leaves no trace."""
    check_installed()
    from lmm4lmm.study.design_file import read_design
    from lmm4lmm.study.study_items import read_items

    url_of(name, database)
    plan = read_design(design, name=name)
    with_items = read_items(items, plan, prompts=prompts)
    for note in with_items.notes:
        output.note(note)
    with opened(name, database, new=True) as store:
        made = store.create(plan, with_items.items, with_items.folder)
        found = store.progress(name)
    a_rater = plan.session.items * plan.session.count
    # Nobody rates an item twice, so the largest N is the least number of raters.
    raters = max(-(-found.wanted // a_rater), *(one.wanted for one in found.items))
    names = [one.name for one in plan.dimensions]
    if as_json:
        output.print_json(
            {
                "study": name,
                "items": made.items,
                "ratings": found.wanted,
                "raters_at_least": raters,
                "dimensions": names,
            }
        )
        return
    print(
        f"{name}: {made.items:,} items to rate, {found.wanted:,} ratings wanted ({', '.join(names)}).\n"
        f"That takes {raters:,} raters at least; one rates {a_rater:,} images at most.\n"
        f"Next: lmm4lmm study invite {name} --count {raters}"
    )


@guarded
def invite(
    name: Name,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="How many links; each is one rater.")],
    days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="How long they live; default: as the design says.")
    ] = None,
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="Where raters reach the server of `study serve`.")
    ] = HERE,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FILE", help="Write them to a new CSV file that only you can read."
        ),
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make invitation links. They are shown this once: only their hashes are kept."""
    base = _checked(base_url)
    with opened(name, database) as store:
        # The file first: links that can't be written down would be lost.
        target = None if out is None else _new_file(out)
        try:
            made = store.invite(name, count, days)
        except BaseException:
            if out is not None and target is not None:
                os.close(target)
                out.unlink()
            raise
    rows = [(one.rater, f"{base}/i/{one.token}", _when(one)) for one in made]
    if target is not None:
        with os.fdopen(target, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("rater", "link", "expires"))
            writer.writerows(rows)
    _print(rows, out, as_json)


def _print(rows: Sequence[tuple[str, str, str]], out: Path | None, as_json: bool) -> None:
    if as_json:
        keys = ("rater", "link", "expires")
        output.print_json({"invitations": [dict(zip(keys, row, strict=True)) for row in rows]})
    elif out is None:
        # Plain lines, for links must not be cut or folded by a table.
        for row in rows:
            print("\t".join(row))
    if out is not None:
        output.note(f"wrote {len(rows):,} links to {out}; they can't be shown again")
    elif not as_json:
        output.note("keep these links now: they can't be shown again")


def _when(one: Invitation) -> str:
    return one.expires.isoformat(timespec="minutes")


def _checked(base_url: str) -> str:
    """Where links begin, without a slash at its end.

    Raises:
        InputError: no http or https address.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise InputError(
            f"--base-url is '{base_url}'; an address is expected, such as https://study.example.org"
        )
    return base_url.rstrip("/")


def _new_file(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"{path}: is there already; links are never written over others") from None
