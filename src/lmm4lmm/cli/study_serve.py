"""The command line: the pages of a study for raters and researchers. ``study serve``, ``password``."""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.hosts import LOOPBACK, to_open
from lmm4lmm.cli.study_database import Database, Name, opened, url_of
from lmm4lmm.core.errors import StudyError

if TYPE_CHECKING:
    from lmm4lmm.study.store import Store

PASSWORD = "LMM4LMM_STUDY_PASSWORD"


def add_to(app: typer.Typer) -> None:
    """Adds the verbs to the group ``study``."""
    app.command("serve")(serve)
    app.command("password")(password)


@guarded
def serve(
    name: Name,
    database: Database = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="0.0.0.0 for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="How raters reach the server, if by another address: https://..."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the researcher's page.")] = False,
) -> None:
    """Serve a study's pages: raters by their links (study invite), the researcher at /admin.

    The researcher's password is asked for at the first start, or taken from LMM4LMM_STUDY_PASSWORD. Stop with
    Ctrl-C: no answer is lost, and raters go on when the server is back.
    """
    from lmm4lmm.cli.study_methods import methods_of
    from lmm4lmm.cli.study_results import live_analysis

    with opened(name, database) as store:
        from lmm4lmm.study import facts
        from lmm4lmm.study.web import serving
        from lmm4lmm.study.web.app import create_app

        _password(store, name)
        bound = serving.listen(host, port)
        here = f"http://{to_open(host)}:{bound.getsockname()[1]}"
        address = (base_url or here).rstrip("/")
        secret = serving.secret_in(secret_file(url_of(name, database)))
        app = create_app(
            store,
            name,
            secret=secret,
            base_url=address,
            analyse=live_analysis,
            describe=lambda: methods_of(facts.of_store(store, name)),
        )

        def ready() -> None:
            output.note(
                f"{name}: raters at {address}/i/..., researcher at {address}/admin. Stop with Ctrl-C."
            )
            if base_url is None and host not in LOOPBACK:
                output.note("Plain http can be read on its way: put an https proxy in front (docs/study.md).")
            if open_browser:
                webbrowser.open(f"{here}/admin")

        serving.serve(app, bound, ready, proxied=base_url is not None)


@guarded
def password(name: Name, database: Database = None) -> None:
    """Set a new password for the researcher's pages; whoever is signed in there must sign in anew.

    It is asked for, or taken from LMM4LMM_STUDY_PASSWORD.
    """
    with opened(name, database) as store:
        store.set_password(name, _asked(name))
    print(f"{name}: the new password holds from now on, and all sessions with the old one are over")


def _password(store: Store, study: str) -> None:
    """Sets the study's password if it has none; it is never printed."""
    if not store.study(study).has_password:
        store.set_password(study, _asked(study))


def _asked(study: str) -> str:
    given = os.environ.get(PASSWORD)
    if given is None:
        if not sys.stdin.isatty():
            raise StudyError(f"the study '{study}' needs a password; set {PASSWORD}, or start at a terminal")
        given = getpass.getpass(f"New password for the researcher's pages of '{study}': ")
        if getpass.getpass("Again: ") != given:
            raise StudyError("the two passwords differ; nothing was set")
    return given


def secret_file(url: str) -> Path:
    """Beside a SQLite file; for a database server in the user's configuration, one a database.

    One for all would let a rater of one study into another of the same name: browsers send a host's cookies to each
    of its ports.
    """
    from lmm4lmm.study.database import parse_url

    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(f"{parsed.database}.secret")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "lmm4lmm"
    home.mkdir(parents=True, exist_ok=True)
    where = f"{parsed.host or parsed.query.get('host', '')}:{parsed.port or ''}/{parsed.database or ''}"
    return home / f"study-{hashlib.sha256(where.encode()).hexdigest()[:12]}.secret"
