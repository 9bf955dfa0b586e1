"""``lmm4lmm study create, invite, status, export, exclude, restore, close``, as people type them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="the [study] extra is not installed")

from lmm4lmm.study.records import Step
from lmm4lmm.study.store import open_store

Cli = Callable[..., Any]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
DESIGN = """
ratings_per_item: 2
repeats: 0.2
viewing_check: null
session: {items: 6, break_minutes: 0}
gold: [{item: gold, dimension: perception, low: 4, high: 5}]
"""
LINK = "http://127.0.0.1:8000/i/"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six images and a gold one; the first has a name and a prompt that a spreadsheet would run."""
    rows = [["id", "image", "prompt", "prompt_zh", "generator"]]
    for number, name in enumerate(["=1+1", "b", "c", "d", "e", "f", "gold"]):
        (tmp_path / f"{number}.png").write_bytes(PNG)
        rows.append([name, f"{number}.png", f"@prompt {number}", f"提示 {number}", f"g{number % 2}"])
    path = tmp_path / "manifest.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    (tmp_path / "design.yaml").write_text(DESIGN)
    return path


def rate(folder: Path, links: list[str]) -> None:
    with open_store(str(folder / "mine.study.sqlite")) as store:
        for place, link in enumerate(links):
            rater = store.rater_by_token(link.removeprefix(LINK))
            assert rater is not None
            store.consent(rater.id, "zh")
            store.instructed(rater.id)
            count = 0
            while isinstance(step := store.next(rater.id), Step):
                store.rate(
                    rater.id, step.id, dict.fromkeys(("perception", "correspondence"), 2 + place + count % 2)
                )
                count += 1


def begun(cli: Cli, count: int = 3) -> list[str]:
    assert cli("study", "create", "mine", "--items", "manifest.csv", "--design", "design.yaml").code == 0
    ended = cli("study", "invite", "mine", "--count", str(count), "--json")
    return [one["link"] for one in json.loads(ended.out)["invitations"]]


def test_the_whole_way(cli: Cli, images: Path, tmp_path: Path) -> None:
    created = cli("study", "create", "mine", "--items", images, "--design", "design.yaml", "--json")
    assert created.code == 0, created.err
    assert json.loads(created.out) == {
        "study": "mine",
        "items": 6,
        "ratings": 12,
        "raters_at_least": 2,
        "dimensions": ["perception", "correspondence"],
    }
    assert (tmp_path / "mine.study.sqlite").is_file()

    invited = cli("study", "invite", "mine", "--count", "3", "-o", "links.csv")
    assert (invited.code, invited.out) == (0, "")
    with Path("links.csv").open(encoding="utf-8") as stream:
        links = [row["link"] for row in csv.DictReader(stream)]
    assert (tmp_path / "links.csv").stat().st_mode & 0o077 == 0
    rate(tmp_path, links[:2])

    assert cli("study", "exclude", "mine", "R002", "--reason", "=cheat", "--who", "me").code == 0
    document = json.loads(cli("study", "status", "mine", "--json").out)
    assert (document["got"], document["wanted"]) == (6, 12)
    assert [one["excluded_reason"] for one in document["raters"]] == [None, "=cheat", None]
    shown = cli("study", "status", "mine").out
    for text in ("6 of 12 ratings (50%)", "R002", "=cheat"):
        assert text in shown
    assert "6 ratings count" in cli("study", "restore", "mine", "R002", "--reason", "a mistake").out

    exported = cli("study", "export", "mine", "-o", "out", "--json")
    counts = json.loads(exported.out)
    # Two dimensions; 12 ratings, and a gold and a repeated answer of each of two raters.
    assert (counts["ratings"], counts["left_out"]) == (2 * (12 + 2 + 2), 0)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(counts["files"])

    analysed = cli("study", "analyse", "out/ratings.csv", "--json")
    assert analysed.code == 0, analysed.err
    found = json.loads(analysed.out)["dimensions"]["perception"]
    assert len(found["items"]) == 6
    assert {one["rater"] for one in found["raters"]} == {"R001", "R002"}
    parquet = cli("study", "analyse", "out/ratings.parquet", "--json")
    assert [one["score"] for one in json.loads(parquet.out)["dimensions"]["perception"]["items"]] == [
        one["score"] for one in found["items"]
    ]

    assert cli("study", "close", "mine").code == 0
    assert json.loads(cli("study", "status", "mine", "--json").out)["closed"]
    again = cli("study", "invite", "mine", "--count", "1")
    assert (again.code, again.out) == (2, "")
    assert "closed" in again.err


def test_spreadsheets_run_nothing(cli: Cli, images: Path, tmp_path: Path) -> None:
    rate(tmp_path, begun(cli)[:2])
    cli("study", "exclude", "mine", "R002", "--reason", "=HYPERLINK(1)")
    cli("study", "export", "mine", "-o", "out")
    cells = []
    for path in sorted((tmp_path / "out").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            cells += [cell for row in csv.reader(stream) for cell in row]
    assert {"'=1+1", "'@prompt 0", "'=HYPERLINK(1)"} <= set(cells)
    assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r")]
    assert "=1+1" in pl.read_parquet("out/ratings.parquet")["item"].to_list()
    left = pl.read_csv("out/left_out.csv")
    assert left["rater"].unique().to_list() == ["R002"]


def test_pairs_are_words_that_analyse_reads(cli: Cli, images: Path, tmp_path: Path) -> None:
    Path("design.yaml").write_text(
        "dimensions: [{name: preference}]\nratings_per_item: 2\nviewing_check: null\nsession: {break_minutes: 0}\n"
    )
    Path("manifest.csv").write_text(
        "image,prompt,generator\n0.png,x,a\n1.png,x,b\n2.png,x,c\n", encoding="utf-8"
    )
    answers = iter(["first", "tie", "second"] * 2)
    links = begun(cli, 2)
    with open_store("mine.study.sqlite") as store:
        for link in links:
            rater = store.rater_by_token(link.removeprefix(LINK))
            assert rater is not None
            store.consent(rater.id, "en")
            store.instructed(rater.id)
            while isinstance(step := store.next(rater.id), Step):
                store.rate(rater.id, step.id, {"preference": next(answers)})
    assert cli("study", "export", "mine", "-o", "out").code == 0
    given = pl.read_csv("out/ratings.csv")
    assert set(given["rating"]) <= {"first", "second", "tie"}
    assert (given["rating"] == "tie").sum() == 2
    analysed = cli("study", "analyse", "out/ratings.csv", "--json")
    assert analysed.code == 0, analysed.err
    assert '"pairwise"' in analysed.out


MISTAKES: list[tuple[list[str], str]] = [
    (["status", "gone"], "gone.study.sqlite: there is no study database"),
    (["status", "other", "--database", "mine.study.sqlite"], "no study is called 'other'"),
    (["status", "../x"], "can't be a study's name"),
    (["status", "mine", "--database", "mysql://h/x"], "can't hold a study"),
    (["status", "mine", "--database", "manifest.csv"], "manifest.csv"),
    (["create", "mine", "--items", "manifest.csv"], "is in this database already"),
    (["create", "new", "--items", "gone.csv"], "gone.csv: no such file"),
    (["create", "new", "--items", "manifest.csv", "--design", "bad.yaml"], "bad.yaml, field 'seed'"),
    (["create", "new", "--items", "manifest.csv", "--database", "no/where.sqlite"], "does not exist"),
    (["invite", "mine", "--count", "1", "-o", "manifest.csv"], "is there already"),
    (["invite", "mine", "--count", "1", "--base-url", "ftp://x"], "an address is expected"),
    (["invite", "mine", "--count", "1", "--days", "-1"], "more than 0"),
    (["exclude", "mine", "R099", "--reason", "x"], "no rater is called 'R099'"),
    (["exclude", "mine", "R001", "--reason", " "], "say why"),
    (["restore", "mine", "R001", "--reason", "x"], "is not excluded"),
    (["export", "mine", "-o", "manifest.csv"], "manifest.csv"),
]


def test_mistakes_are_explained(cli: Cli, images: Path) -> None:
    begun(cli, 1)
    Path("bad.yaml").write_text("seed: -1")
    for words, said in MISTAKES:
        ended = cli("study", *words)
        assert (ended.code, ended.out) == (2, ""), (words, ended)
        assert said in ended.err
        assert "Traceback" not in ended.err
    assert not Path("gone.study.sqlite").exists()
    assert not Path("new.study.sqlite").exists()


def test_links_stay_unmade_where_they_cannot_be_written(cli: Cli, images: Path) -> None:
    begun(cli, 1)
    assert cli("study", "invite", "mine", "--count", "1", "-o", "no/links.csv").code == 2
    assert cli("study", "invite", "mine", "--count", "1", "--days", "9999", "-o", "links.csv").code == 2
    assert not Path("links.csv").exists()
    assert len(json.loads(cli("study", "status", "mine", "--json").out)["raters"]) == 1


def test_a_missing_extra_is_named(cli: Cli, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for words in (["create", "new", "--items", "manifest.csv"], ["status", "new"]):
        ended = cli("study", *words)
        assert (ended.code, ended.out) == (2, "")
        assert "pip install 'lmm4lmm[study]'" in ended.err
