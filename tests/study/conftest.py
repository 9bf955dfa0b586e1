"""Databases for the tests of studies: a SQLite file, and a PostgreSQL cluster that is thrown away."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the [study] extra is not installed")

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import psycopg
from study_processes import Unavailable, cluster, new_database

from lmm4lmm.study import passwords
from lmm4lmm.study.store import open_store
from lmm4lmm.study.tables import metadata


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing; ``test_study_passwords`` has them as they are."""
    monkeypatch.setattr(passwords, "_N", 2**4)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a running cluster."""
    try:
        with cluster(durable=False) as folder:
            yield folder
    except Unavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"PostgreSQL is needed in CI: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def empty_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with its tables, to be copied: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "study.sqlite"
    open_store(str(path)).dispose()
    return path


@pytest.fixture(scope="session")
def empty_postgres_study(postgres: str) -> str:
    """The URL of such a database in the cluster; a test that uses it finds it empty."""
    url = new_database(postgres)
    open_store(url).dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study.sqlite"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with its tables and nothing in them, of each kind in turn."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_study"), tmp_path / "study.sqlite")
        return f"sqlite:///{tmp_path}/study.sqlite"
    url = request.getfixturevalue("empty_postgres_study")
    tables = ", ".join(metadata.tables)
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
    return str(url)
