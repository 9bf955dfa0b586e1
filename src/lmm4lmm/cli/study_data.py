"""The command line: a study under way. ``study status``, ``export``, ``exclude``, ``restore``, ``close``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json
from lmm4lmm.cli.study_database import RESEARCHER, Database, Name, Who, opened, rater_id

if TYPE_CHECKING:
    from lmm4lmm.study.records import Progress, RaterProgress

Rater = Annotated[str, typer.Argument(metavar="RATER", help="Who, as exports call them: R001.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit trail.")]


def add_to(app: typer.Typer) -> None:
    """Adds the verbs to the group ``study``."""
    app.command("status")(status)
    app.command("export")(export)
    app.command("exclude")(exclude)
    app.command("restore")(restore)
    app.command("close")(close)


@guarded
def status(name: Name, database: Database = None, as_json: Json = False) -> None:
    """Show how far a study is: ratings by item, and how each rater works."""
    with opened(name, database) as store:
        found = store.progress(name)
    if as_json:
        output.print_json(_plain(asdict(found)))
        return
    _print(found)


def _print(found: Progress) -> None:
    full = sum(one.got >= one.wanted for one in found.items)
    state = f"closed {found.closed:%Y-%m-%d %H:%M} UTC" if found.closed else "open"
    share = found.got / found.wanted if found.wanted else 0.0
    print(
        f"{found.study} ({state}): {found.got:,} of {found.wanted:,} ratings ({share:.0%}), {found.held:,} places "
        f"held; {full:,} of {len(found.items):,} items have all they want"
    )
    output.print_table(
        ("ratings", "items"),
        [
            (f"{got:>{len('ratings')}}", f"{count:,}")
            for got, count in sorted(Counter(one.got for one in found.items).items())
        ],
        title="Items by ratings",
    )
    begun = [_row(one) for one in found.raters if one.last_seen or one.excluded_reason]
    if not begun:
        output.note(f"no rater has begun ({len(found.raters):,} invited)")
        return
    output.print_table(
        ("rater", "stage", "steps", "counted", "s/step", "gold", "repeats", "same", "seen, UTC", "excluded"),
        begun,
        title=f"Raters ({len(found.raters):,} invited, {len(begun):,} have begun)",
        left=("stage", "excluded"),
    )


def _row(one: RaterProgress) -> tuple[str, ...]:
    """``repeats``: mean difference of repeated answers as a share of the scale; ``same``: the commonest answer."""
    return (
        one.name,
        one.stage,
        f"{one.done}/{one.total}",
        str(one.counted),
        output.number(None if one.median_ms is None else one.median_ms / 1000, 1),
        f"{one.gold_right}/{one.gold_seen}" if one.gold_seen else "-",
        output.number(one.repeat_difference),
        output.number(one.straight_lining),
        f"{one.last_seen:%m-%d %H:%M}" if one.last_seen else "-",
        one.excluded_reason or "",
    )


@guarded
def export(
    name: Name,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Where the files go; made if need be.")
    ],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Write ratings (CSV and Parquet, long), items, raters, design and audit trail.

    `study analyse FOLDER/ratings.csv` takes the ratings as they are. In CSV a text that a spreadsheet would run as a
    formula begins with an apostrophe; Parquet has it as it is.
    """
    from lmm4lmm.study.exporting import export_study

    with opened(name, database) as store:
        made = export_study(store, name, out)
    if as_json:
        output.print_json(
            {"folder": out, "files": made.files, "ratings": made.ratings, "left_out": made.left_out}
        )
        return
    print(
        f"{out}: {made.ratings:,} ratings that count, {made.left_out:,} left out (of excluded raters, or beyond "
        f"N).\nNext: lmm4lmm study analyse {out / 'ratings.csv'}{''.join(f' --kind {one}' for one in made.kinds)}"
    )


@guarded
def exclude(
    name: Name, rater: Rater, reason: Reason, who: Who = RESEARCHER, database: Database = None
) -> None:
    """Take a rater out: nothing of theirs counts any more, and their places open again for others."""
    with opened(name, database) as store:
        store.exclude(name, rater_id(store, name, rater), reason, who)
    print(f"{rater} is excluded from {name}")


@guarded
def restore(
    name: Name, rater: Rater, reason: Reason, who: Who = RESEARCHER, database: Database = None
) -> None:
    """Bring an excluded rater back; ratings whose places others have filled since stay uncounted."""
    with opened(name, database) as store:
        number = rater_id(store, name, rater)
        store.restore(name, number, reason, who)
        counted = next(one.counted for one in store.progress(name).raters if one.id == number)
    print(f"{rater} is back in {name}: {counted:,} ratings count")


@guarded
def close(name: Name, who: Who = RESEARCHER, database: Database = None) -> None:
    """End a study for good: raters are thanked, and nothing is accepted any more."""
    with opened(name, database) as store:
        store.close(name, who)
    print(f"{name} is closed")


def _plain(value: Any) -> Any:
    """Times as ISO 8601 text."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value
