"""The version of a database's tables: Alembic's scripts in ``migrations/``, run when a database is opened."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from lmm4lmm.core.errors import StudyError

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x1A44
"""PostgreSQL: the advisory lock of migrating; any number will do that nobody else uses."""


def migrate(engine: Engine) -> None:
    """Brings the tables up to date; two programs that open a new database at once take turns.

    Raises:
        StudyError: the database was written by a newer lmm4lmm.
    """
    config = Config()
    config.set_main_option("script_location", SCRIPTS.as_posix().replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if _version(connection) == scripts.get_current_head():
            return
    with engine.connect() as plain, plain.execution_options(writes=True).begin():
        if engine.dialect.name == "postgresql":
            plain.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        version = _version(plain)
        if version == scripts.get_current_head():
            return
        _check_known(scripts, version)
        config.attributes["connection"] = plain
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_known(scripts: ScriptDirectory, version: str | None) -> None:
    try:
        known = version is None or scripts.get_revision(version) is not None
    except CommandError:
        known = False
    if not known:
        raise StudyError(
            f"this study database was written by a newer lmm4lmm (its tables are version {version})"
        )
