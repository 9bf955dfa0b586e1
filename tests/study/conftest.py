"""Databases for the tests of studies: a SQLite file, and a PostgreSQL cluster that is thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

pytest.importorskip("sqlalchemy", reason="the [study] extra is not installed")


def _unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"PostgreSQL is needed in CI: {reason}")
    pytest.skip(reason)


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "pg_ctl").exists()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a running cluster, started as a user who is not root (PostgreSQL insists)."""
    binaries = _binaries()
    if binaries is None:
        _unavailable("no PostgreSQL here (initdb is not found)")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
    prefix: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None or shutil.which("chown") is None:
            _unavailable("root can't start PostgreSQL without setpriv")
        subprocess.run(["chown", "nobody", folder], check=True)
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]

    def run(tool: str, *options: str) -> None:
        command = [*prefix, f"{binaries}/{tool}", "-D", f"{folder}/data", *options]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    run("initdb", "-A", "trust", "-U", "tester", "-N")
    run(
        "pg_ctl", "-w", "-l", f"{folder}/log", "-o", f"-c listen_addresses= -c fsync=off -k {folder}", "start"
    )
    try:
        yield str(folder)
    finally:
        run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study.sqlite"
    import psycopg

    folder = request.getfixturevalue("postgres")
    name = f"s{uuid4().hex}"
    with psycopg.connect(host=folder, user="tester", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql://tester@/{name}?host={folder}"
