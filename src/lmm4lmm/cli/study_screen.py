"""The command line: who may have to leave a study. ``study screen``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_list
from lmm4lmm.cli.study_database import RESEARCHER, Database, Name, Who, check_installed, opened
from lmm4lmm.core.errors import InputError

if TYPE_CHECKING:
    from lmm4lmm.study.store import Store


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the group ``study``."""
    app.command("screen")(screen)


@guarded
def screen(
    name: Name,
    rules: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Of gold,speed,repeats,straight,chance,bt500,flagged; default: without repeats and bt500.",
        ),
    ] = None,
    exclude: Annotated[
        bool, typer.Option("--exclude", help="Exclude these raters, each with the reasons, now.")
    ] = False,
    who: Who = RESEARCHER,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List raters who may have to leave, with every reason; nobody is excluded unless --exclude says so.

    How they work (gold and trap items, speed, hidden repeats, straight-lining) and what their ratings say (no
    better than chance, BT.500). Choose the rules before you look at scores, and report them: `study methods` does.
    """
    check_installed()
    from lmm4lmm.cli.study_suspects import RULES, USUAL, grounds, together

    wanted = USUAL if rules is None else parse_list(rules, "rule", tuple(RULES))
    if not wanted:
        raise InputError(f"--rules is empty; choose from {', '.join(RULES)}")
    with opened(name, database) as store:
        design, progress = store.study(name).design, store.progress(name)
        found = [one for one in grounds(design, progress, store.ratings(name)) if one.rule in wanted]
        against = together(found)
        if exclude:
            _exclude(store, name, against, who)
    seen = sum(one.done > 0 and one.excluded_reason is None for one in progress.raters)
    if as_json:
        output.print_json(
            {
                "study": name,
                "rules": {rule: RULES[rule] for rule in wanted},
                "raters": seen,
                "found": [asdict(one) for one in found],
                "excluded": list(against) if exclude else [],
            }
        )
        return
    output.print_table(
        ("rater", "rule", "what was found"),
        [(one.rater, one.rule, one.reason) for one in found],
        title=f"{name}: {len(against)} of {seen:,} raters, by {', '.join(wanted)}",
        left=("rule", "what was found"),
    )
    if exclude and against:
        output.note(
            f"excluded {', '.join(against)}; their places are open again: invite others, or close the study"
        )
    elif against:
        output.note("nobody is excluded: --exclude does so with these reasons, `study exclude` one at a time")


def _exclude(store: Store, name: str, against: Mapping[str, str], who: str) -> None:
    numbers = {one.name: one.id for one in store.progress(name).raters}
    for rater, reason in against.items():
        store.exclude(name, numbers[rater], reason, who)
