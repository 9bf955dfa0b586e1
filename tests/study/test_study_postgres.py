"""The verbs of a study on a PostgreSQL URL, as people type them; ``test_study_load`` has one served and rated."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from study_processes import new_database
from typer.testing import CliRunner

from lmm4lmm.cli.main import app
from lmm4lmm.study.records import Step
from lmm4lmm.study.store import open_store

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def study(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["study", *words])
    return found.exit_code, found.stdout, found.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = ["image,prompt"]
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(PNG)
        rows.append(f"{number}.png,cat {number}")
    (tmp_path / "items.csv").write_text("\n".join(rows))
    (tmp_path / "design.yaml").write_text("ratings_per_item: 2\nviewing_check: null\n")
    return tmp_path


def test_two_studies_in_one_database_from_the_manifest_to_the_export(
    folder: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(postgres)
    monkeypatch.setenv("LMM4LMM_STUDY_DATABASE", url)
    for name in ("cats", "dogs"):
        code, out, err = study("create", name, "--items", "items.csv", "--design", "design.yaml")
        assert (code, "6 ratings wanted" in out) == (0, True), err
    assert study("create", "cats", "--items", "items.csv")[0] == 2
    links = json.loads(study("invite", "cats", "--count", "3", "--json")[1])["invitations"]
    code, out, err = study("status", "dogs")
    assert (code, "0 of 6 ratings" in out) == (0, True), err
    assert "no rater has begun (0 invited)" in err
    with open_store(url) as store:
        for one in links[:2]:
            rater = store.rater_by_token(one["link"].rpartition("/")[2])
            assert rater is not None
            store.consent(rater.id, "en")
            store.instructed(rater.id)
            while isinstance(step := store.next(rater.id), Step):
                store.rate(rater.id, step.id, {"perception": 4, "correspondence": 3})
    assert study("exclude", "cats", "R001", "--reason", "too quick")[0] == 0
    code, out, _ = study("status", "cats")
    assert code == 0
    for text in ("3 of 6 ratings (50%)", "too quick", "3 invited, 2 have begun"):
        assert text in out
    assert "3 ratings count" in study("restore", "cats", "R001", "--reason", "a mistake")[1]
    assert study("password", "cats")[0] == 2  # nobody to ask, nothing given
    assert study("export", "cats", "-o", "out")[0] == 0
    assert pl.read_parquet("out/ratings.parquet").height == 3 * 2 * 2
    assert study("close", "cats")[0] == 0
    assert json.loads(study("status", "dogs", "--json")[1])["closed"] is None
    assert not list(folder.glob("*.sqlite"))


@pytest.mark.parametrize(
    "verb", [["status", "cats"], ["create", "cats", "--items", "items.csv"], ["serve", "cats"]]
)
def test_a_server_or_database_that_is_not_there(folder: Path, postgres: str, verb: list[str]) -> None:
    for url in (
        f"postgresql://tester:hush@/nowhere?host={postgres}",
        f"postgresql://tester:hush@/x?host={folder}",
    ):
        code, out, err = study(*verb, "--database", url)
        assert (code, out) == (2, "")
        assert "can't open the study database" in err
        assert "hush" not in err
        assert "Traceback" not in err
