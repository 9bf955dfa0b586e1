"""What all verbs of a study share: its name, its database, and what goes wrong with either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmm4lmm.core.errors import InputError, MissingExtraError, StudyError

if TYPE_CHECKING:
    from lmm4lmm.study.store import Store

Name = Annotated[str, typer.Argument(metavar="NAME", help="The study's name.")]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="LMM4LMM_STUDY_DATABASE",
        help="A file, sqlite:///FILE or postgresql://USER@HOST/NAME; default: ./NAME.study.sqlite.",
    ),
]
Who = Annotated[str, typer.Option(metavar="NAME", help="Who does it, for the audit trail.")]
RESEARCHER = "researcher"


def url_of(name: str, database: str | None) -> str:
    """Where a study lies.

    Raises:
        StudyError: a name that is none.
    """
    from lmm4lmm.study.design import NAME

    if not NAME.fullmatch(name):
        raise StudyError(
            f"'{name}' can't be a study's name: that is letters, digits, '.', '_' and '-', "
            "at most 64, a letter or digit first"
        )
    return database or f"{name}.study.sqlite"


def check_installed() -> None:
    """Raises MissingExtraError where the extra ``[study]`` is not installed."""
    try:
        import alembic  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError:
        raise MissingExtraError("a human study", "study") from None


@contextmanager
def opened(name: str, database: str | None, *, new: bool = False) -> Iterator[Store]:
    """The store that holds a study; without ``new`` a SQLite file must be there already.

    Raises:
        StudyError: no database, one out of reach, or one that fails while it is in use.
        MissingExtraError: the extra ``[study]`` is not installed.
    """
    check_installed()
    from sqlalchemy.exc import SQLAlchemyError

    from lmm4lmm.study.database import parse_url
    from lmm4lmm.study.store import open_store

    url = url_of(name, database)
    parsed = parse_url(url)
    shown = parsed.render_as_string(hide_password=True)
    if not new and parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise InputError(
            f"{parsed.database}: there is no study database here; --database says where it is, "
            "`lmm4lmm study create` makes one"
        )
    try:
        with open_store(url) as store:
            if not new:
                store.study(name)
            yield store
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise StudyError(
            f"the study database {shown} failed: {cause[0] if cause else type(error).__name__}"
        ) from error


def rater_id(store: Store, name: str, rater: str) -> int:
    """A rater's number from the name that exports give: ``R001``.

    Raises:
        UnknownNameError: nobody is called so.
    """
    from lmm4lmm.core.errors import UnknownNameError

    people = {one.name: one.id for one in store.progress(name).raters}
    if rater not in people:
        raise UnknownNameError("rater", rater, people)
    return people[rater]
