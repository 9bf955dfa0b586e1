"""``lmm4lmm study analyse``: ratings from a file to scores, as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lmm4lmm.cli.main import app
from lmm4lmm.stats.mos import recover

WHOLE = np.clip(
    np.rint(
        np.random.default_rng(0).normal(3, 1, (30, 1)) + np.random.default_rng(1).normal(0, 0.6, (30, 8))
    ),
    1,
    5,
)


def run(*arguments: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["study", "analyse", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def long_csv(path: Path, whole: np.ndarray = WHOLE, mark: str = "") -> Path:
    rows = [f"r{j},图🙂/{i:03}.png,{whole[i, j]:g}" for i in range(len(whole)) for j in range(whole.shape[1])]
    path.write_text(mark + "rater,item,rating\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("method", ["mos", "zscore", "bt500", "p913", "p910", "aigi"])
def test_the_contract(tmp_path: Path, method: str) -> None:
    file = long_csv(tmp_path / "ratings.csv", mark="\ufeff")
    code, out, _ = run(file, "--method", method, "--json")
    document = json.loads(out)
    expected = recover(WHOLE, method)
    assert code == 0
    assert set(document["items"][0]) == {"item", "score", "se", "low", "high", "n"}
    assert set(document["raters"][0]) == {"rater", "bias", "inconsistency", "rejected", "reason"}
    assert [row["item"] for row in document["items"]][:1] == ["图🙂/000.png"]
    assert [row["score"] for row in document["items"]] == pytest.approx(expected.score, abs=1e-9)
    assert [row["low"] for row in document["items"]] == pytest.approx(expected.low, abs=1e-9)
    assert document["agreement"]["noise_ceiling"]["srcc"] > 0.8


def test_tables_for_people(tmp_path: Path) -> None:
    code, out, _ = run(long_csv(tmp_path / "ratings.csv"))
    assert code == 0
    for text in ("Krippendorff's alpha", "8 raters, 0 rejected", "noise ceiling"):
        assert text in out


def test_raters_are_shown_by_name_and_no_bias_is_minus_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    rows = ["z,i,1", "z,j,4", "a,i,1.0002", "a,j,4.0002"]
    file.write_text("rater,item,rating\n" + "\n".join(rows))
    out = run(file, "--no-agreement")[1]
    assert out.index(" a ") < out.index(" z ")
    assert "0.000" in out
    assert "-0.000" not in out


def test_one_item_and_one_rater_are_counted_and_figures_that_fail_say_why(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("rater,item,rating\na,i,4\na,j,\nb,i,3\n")
    code, out, err = run(file)
    assert code == 0
    assert "ICC(1,k), gaps allowed" in out
    assert "perception: 1 row without a rating left out" in err
    assert "perception, ICC, gaps allowed: needs" in err
    file.write_text("rater,item,rating\na,i,4\n")
    out = run(file)[1]
    for text in ("mos: 1 item, highest", "1 rater, 0 rejected", "agreement of the only rater who is kept"):
        assert text in out


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_the_table_is_taken_as_human_scores(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"mos{suffix}"
    assert run(long_csv(tmp_path / "ratings.csv"), "-o", out, "--no-agreement")[0] == 0
    found = CliRunner().invoke(
        app, ["evaluate", str(out), "--human", str(out), "--json", "--resamples", "100"]
    )
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["dimensions"]["perception"]["srcc"]["value"] == pytest.approx(1.0)
    assert CliRunner().invoke(app, ["leaderboard", str(out), "--json"]).exit_code == 0


def test_several_dimensions_and_kinds(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    rows = ["rater,item,other,dimension,rating"]
    for j in range(4):
        for i in range(6):
            rows.append(f"r{j},i{i},,perception,{1 + (i + j) % 5}")
            rows.append(f"r{j},i{i},,answer,{'yes' if (i + j) % 3 else 'no'}")
            rows.append(f"r{j},i{i},i{(i + 1) % 6},preference,{('first', 'second', 'tie')[(i + j) % 3]}")
    file.write_text("\n".join(rows))
    code, out, _ = run(file, "--json")
    parts = json.loads(out)["dimensions"]
    assert code == 0
    assert {name: part["kind"] for name, part in parts.items()} == {
        "perception": "rating",
        "answer": "yes_no",
        "preference": "pairwise",
    }


def test_label_studio(tmp_path: Path) -> None:
    tasks = [
        {
            "id": i,
            "data": {"image": f"{i}.png"},
            "annotations": [
                {
                    "completed_by": who,
                    "was_cancelled": who == 9,
                    "result": [
                        {"from_name": "quality", "type": "rating", "value": {"rating": 1 + (i + who) % 5}},
                        {"from_name": "match", "type": "choices", "value": {"choices": ["Yes"]}},
                    ],
                }
                for who in (1, 2, 9)
            ],
        }
        for i in range(5)
    ]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks))
    code, out, _ = run(file, "--json")
    document = json.loads(out)
    assert code == 0
    assert set(document["dimensions"]) == {"quality", "match"}
    assert len(document["dimensions"]["quality"]["raters"]) == 2
    assert "5 left out (skipped by the rater)" in document["notes"][0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("rater,item,rating\n", "there are no ratings"),
        ("rater,item,rating\nr,i,4\nr,j,good\n", "row 3, column 'rating'"),
        ("rater,rating\nr,4\n", "column 'item'"),
        ("rater,item,rating\n,i,4\n", "column 'rater'"),
        ("rater,item,rating\nr,i,\n", "has no rating"),
    ],
)
def test_wrong_input(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(text)
    code, out, err = run(file)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_repeated_ratings(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("rater,item,rating\na,i,2\na,i,4\nb,i,5\nb,j,1\n")
    assert json.loads(run(file, "--json")[1])["items"][0]["score"] == pytest.approx(4.0)
    code, _, err = run(file, "--repeats", "error")
    assert code == 2
    assert "row 3" in err


def test_unknown_method(tmp_path: Path) -> None:
    code, _, err = run(long_csv(tmp_path / "ratings.csv"), "--method", "bt50")
    assert code == 2
    assert "bt500" in err


@pytest.mark.parametrize("value", ["good", "nan", "inf", "4,5", "true"])
def test_a_cell_that_is_no_rating_is_named(tmp_path: Path, value: str) -> None:
    file = tmp_path / "ratings.tsv"
    file.write_text(f"rater\titem\trating\na\ti\t4\nb\ti\t{value}\n")
    code, _, err = run(file)
    assert code == 2
    for part in ("ratings.tsv", "row 3", "'rating'", value, "a finite number"):
        assert part in err


def test_answers_to_the_parts_that_contradict_the_whole(tmp_path: Path) -> None:
    rows = ["rater,item,dimension,rating"]
    for rater in "abc":
        for item, whole, first, second in (("i", 1, 1, 1), ("j", 1, 1, 0), ("k", 0, 1, 1)):
            rows += [f"{rater},{item},answer,{whole}", f"{rater},{item},answer_1,{first}"]
            rows += [f"{rater},{item},answer_2,{second}"]
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join(rows))
    document = json.loads(run(file, "--json")[1])
    assert [part["kind"] for part in document["dimensions"].values()] == ["yes_no"] * 3
    assert document["notes"] == [
        "answer: on 2 items the answers to the parts contradict the one to the whole (j, k)"
    ]


def manifest(tmp_path: Path, names: list[str]) -> Path:
    file = tmp_path / "manifest.csv"
    rows = [f"{name},a prompt,DALLE3,colors" for name in names]
    file.write_text("image,prompt,generator,task\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_the_manifest_joins_what_it_knows(tmp_path: Path) -> None:
    ratings, out = long_csv(tmp_path / "ratings.csv"), tmp_path / "mos.jsonl"
    known = manifest(tmp_path, [f"图🙂/{i:03}.png" for i in range(29)])
    code, _, err = run(ratings, "-o", out, "--items", known, "--no-agreement")
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert code == 0, err
    assert [row["generator"] for row in rows] == ["DALLE3"] * 29 + [None]
    assert {row["prompt"] for row in rows} == {"a prompt", None}


def test_a_manifest_of_other_items(tmp_path: Path) -> None:
    code, _, err = run(
        long_csv(tmp_path / "ratings.csv"),
        "-o",
        tmp_path / "mos.csv",
        "--items",
        manifest(tmp_path, ["x.png"]),
    )
    assert code == 2
    assert "none of the 30 rated items" in err


def test_items_without_out(tmp_path: Path) -> None:
    code, _, err = run(long_csv(tmp_path / "ratings.csv"), "--items", manifest(tmp_path, ["图🙂/000.png"]))
    assert code == 2
    assert "--items goes with -o" in err
