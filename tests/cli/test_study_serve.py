"""``study serve`` before it serves: which study, its password, its secret, and a port that is taken."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the [study] extra is not installed")

from typer.testing import CliRunner

from lmm4lmm.cli.main import app
from lmm4lmm.cli.study_serve import secret_file
from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import StudyItem
from lmm4lmm.study.store import open_store
from lmm4lmm.study.web import serving

PASSWORD = "correct horse battery"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMM4LMM_STUDY_DATABASE", raising=False)
    monkeypatch.setattr(serving, "serve", lambda app, bound, ready, proxied: bound.close())
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 32)
    with open_store("cats.study.sqlite") as store:
        store.create(StudyDesign(name="cats"), [StudyItem("a", "a.png")], tmp_path)
    return tmp_path / "cats.study.sqlite"


def run(*options: str, password: str | None = PASSWORD) -> tuple[int, str]:
    found = CliRunner().invoke(
        app, ["study", "serve", "--port", "0", *options], env={"LMM4LMM_STUDY_PASSWORD": password}
    )
    return found.exit_code, found.output


def test_the_password_is_set_once_and_never_shown(database: Path) -> None:
    code, said = run("cats")
    assert code == 0, said
    assert PASSWORD not in said
    with open_store(str(database)) as store:
        assert store.check_password("cats", PASSWORD)
    assert run("cats", password="another one, later")[0] == 0
    with open_store(str(database)) as store:
        assert store.check_password("cats", PASSWORD)


def test_a_new_password_replaces_the_old_one(database: Path) -> None:
    run("cats")
    words = ["study", "password", "cats"]
    for given, code, said in (("short", 2, "8 or more"), ("another one, later", 0, "new password")):
        found = CliRunner().invoke(app, words, env={"LMM4LMM_STUDY_PASSWORD": given})
        assert found.exit_code == code, found.output
        assert said in found.output
        assert given not in found.output.replace("characters", "")
    with open_store(str(database)) as store:
        assert store.check_password("cats", "another one, later")
        assert not store.check_password("cats", PASSWORD)


def test_each_database_of_a_server_has_a_secret_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    places = ("h/a", "h/b", "h:1/a", "/a?host=h")
    urls = [f"postgresql://{who}@{where}" for who in ("ann:secret", "bob") for where in places]
    files = [secret_file(url) for url in urls]
    assert len(set(files)) == 3  # the last is the first, said otherwise
    assert files[:4] == files[4:]
    assert files[0].parent == tmp_path / "lmm4lmm"


def test_the_secret_is_the_owners_and_stays(database: Path) -> None:
    run("cats", "--database", str(database))
    file = database.with_name("cats.study.sqlite.secret")
    secret = file.read_bytes()
    assert len(secret) == 32
    assert run("cats")[0] == 0
    assert file.read_bytes() == secret
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(0o644)
        code, said = run("cats")
        assert code == 2
        assert "others can read" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("dogs",), "no study database here"),
        (("dogs", "--database", "cats.study.sqlite"), "cats"),
        (("cats", "--host", "203.0.113.1"), "can't listen"),
    ],
)
def test_mistakes_are_explained(database: Path, options: tuple[str, ...], said: str) -> None:
    code, output = run(*options)
    assert code == 2
    assert said in output


def test_without_a_password_nothing_is_served(database: Path) -> None:
    code, said = run("cats", password=None)
    assert code == 2
    assert "LMM4LMM_STUDY_PASSWORD" in said


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(StudyError, match="--port"):
        serving.listen("127.0.0.1", other.getsockname()[1])
