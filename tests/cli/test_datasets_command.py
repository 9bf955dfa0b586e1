"""``lmm4lmm datasets list``, ``show``, ``validate``, ``export``: what they say, and how they end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lmm4lmm.core.scores import read_scores

sys.path.append(str(Path(__file__).resolve().parents[1] / "datasets"))
from small_releases import WRITERS

TABLE = "image,prompt,model,mos\na.png,a cat,g,3\nb.png,a dog,h,4.5\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def sets(tmp_path: Path, empty_home: Path) -> Path:
    """A folder that holds some small releases, each in a folder of its name."""
    for name in ("agiqa3k", "edges", "tifa"):
        (tmp_path / "sets" / name).mkdir(parents=True)
        WRITERS[name](tmp_path / "sets" / name)
    return tmp_path / "sets"


def test_list_says_what_is_here(cli, sets: Path) -> None:
    ended = cli("datasets", "list", "--data", sets, "--json")
    rows = {row["name"]: row for row in json.loads(ended.out)["datasets"]}
    assert {"agiqa1k", "evalmi50k", "richhf18k", "pairs"} <= set(rows)
    assert rows["agiqa3k"]["here"] == str(sets / "agiqa3k")
    assert rows["agiqa1k"]["here"] is None
    assert rows["agiqa3k"]["scores"] == {"perception": [0, 5], "correspondence": [0, 5]}
    assert (rows["agiqa3k"]["licence"], rows["agiqa3k"]["rows"]) == ("MIT", 2_982)
    assert rows["pairs"]["licence"] is None, "a set with the members of the protocol only is listed, too"
    shown = cli("datasets", "list").out
    assert "perception 0-5; correspondence 0-5" in shown


def test_list_refuses_a_folder_that_is_not_there(cli) -> None:
    ended = cli("datasets", "list", "--data", "absent")
    assert (ended.code, ended.out) == (2, "")
    assert "absent: no such folder" in ended.err


def test_show_summarises_generators_and_tasks(cli, sets: Path) -> None:
    shown = json.loads(cli("datasets", "show", "edges", "--data", sets / "edges", "--json").out)
    assert shown["rows"] == 4
    assert [(g["name"], g["rows"], g["answer"]) for g in shown["generators"]] == [
        ("MJ", 3, pytest.approx(1 / 3)),
        ("SD1.5", 1, None),
    ]
    assert [t["name"] for t in shown["tasks"]] == ["Negation"]
    assert shown["licence"] == "MIT"
    text = cli("datasets", "show", "edges", "--data", sets / "edges").out
    assert "**Licence**: MIT" in text
    assert "mean answer" in text


def test_validate_a_set_with_known_oddities_only(cli, sets: Path) -> None:
    ended = cli("datasets", "validate", "edges", "--data", sets / "edges")
    assert ended.code == 0
    assert "4 rows: odd only as its card says" in ended.out
    found = json.loads(cli("datasets", "validate", "edges", "--data", sets / "edges", "--json").out)
    assert found["ok"]
    assert {(kind["kind"], kind["count"]) for kind in found["kinds"]} >= {("judged_twice", 1)}
    assert found["oddities"][0].keys() >= {"kind", "file", "row", "column", "value", "done"}


def test_validate_a_set_with_more_than_its_card_knows(cli, sets: Path) -> None:
    ended = cli("datasets", "validate", "tifa", "--data", sets / "tifa")
    assert ended.code == 1
    assert "not known of these files" in ended.out
    assert "released_mean_is_not_that_of_the_ratings: human_annotations_with_scores.json, row 2" in ended.err


def test_validate_a_plug_in_that_has_no_facts(cli, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("id,perception\na,1\nb,2\n")
    assert cli("datasets", "validate", "pairs", "--data", tmp_path).code == 0


def test_validate_a_clean_file(cli, table: Path) -> None:
    ended = cli("datasets", "validate", table, "--scale", "1,5")
    assert (ended.code, ended.err) == (0, "")
    assert "2 rows: nothing odd found" in ended.out


@pytest.mark.parametrize(
    ("change", "words", "kind"),
    [
        (("4.5", "high"), (), "not_a_number"),
        (("4.5", "6"), ("--scale", "1,5"), "out_of_range"),
        (("b.png,a dog,h", "a.png,a cat,g"), (), "duplicate_id"),
        (("a dog", "A Cat"), (), "prompt_spelt_in_several_ways"),
        (("b.png", "/b.png"), (), "implausible_image_path"),
        (("4.5", ""), (), "missing_score"),
        (("4.5", "4"), ("--scale", "0,100"), "another_scale"),
    ],
)
def test_validate_names_what_is_odd(
    cli, table: Path, change: tuple[str, str], words: tuple[str, ...], kind: str
) -> None:
    table.write_text(TABLE.replace(*change))
    ended = cli("datasets", "validate", table, *words, "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["ok"]) == (1, False)
    assert kind in {each["kind"] for each in found["kinds"]}


def test_validate_says_which_images_are_absent(cli, table: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    ended = cli("datasets", "validate", table, "--images", tmp_path)
    assert ended.code == 1
    assert "image_absent: column 'image', 'b': b.png" in ended.err
    (tmp_path / "b.png").write_bytes(b"")
    assert cli("datasets", "validate", table, "--images", tmp_path).code == 0


def test_validate_many_of_a_kind_shows_the_first(cli, table: Path) -> None:
    table.write_text("image,mos\n" + "".join(f"{i}.png,x\n" for i in range(30)))
    ended = cli("datasets", "validate", table)
    assert "not_a_number: and 10 more (--json lists all)" in ended.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"image,mos\na.png\n", "row 2: 1 cells where the header names 2"),
        ("image,mos\ncafé.png,1\n".encode("latin-1"), "row 2: byte 0xe9"),
        ("image,mos\na.png,1\n".encode("utf-16"), "UTF-16"),
        (b"image,note\na.png,1\n", "no column holds a score"),
    ],
)
def test_validate_damaged_files_end_with_1(cli, table: Path, content: bytes, message: str) -> None:
    table.write_bytes(content)
    ended = cli("datasets", "validate", table)
    assert ended.code == 1
    assert message in ended.err
    assert "damaged" in ended.out
    assert message in json.loads(cli("datasets", "validate", table, "--json").out)["errors"][0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("absent.csv",), "absent.csv: no such file"),
        (("agiqa3",), "did you mean agiqa3k"),
        (("agiqa3k",), "--data DIR"),
        (("agiqa3k", "--data", "absent"), "no such folder"),
        (("agiqa3k", "--scale", "1,5"), "--scale and --lower-is-better are for files"),
        (("t.csv", "--data", "."), "--data goes with a data set's name"),
        (("t.csv", "--scale", "5"), "two numbers are expected"),
        (("t.csv", "--scale", "5,1"), "lowest to its highest"),
        (("t.csv", "--lower-is-better", "percept"), "did you mean perception"),
        (("t.csv", "--images", "absent"), "absent: no such folder"),
    ],
)
def test_wrong_usage_ends_with_2(cli, table: Path, words: tuple[str, ...], message: str) -> None:
    ended = cli("datasets", "validate", *words)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_export_writes_a_scores_table(cli, sets: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    ended = cli("datasets", "export", "tifa", "--data", sets / "tifa", "-o", out, "--json")
    assert json.loads(ended.out)["rows"] == 2
    frame = read_scores(out)
    assert frame["correspondence"].to_list() == [4.5, 2.0]
    ratings = frame["correspondence_ratings"][0]
    assert (json.loads(ratings) if suffix != ".parquet" else ratings.to_list()) == [5.0, 4.0]


def test_export_turns_round_and_says_so(cli, table: Path, tmp_path: Path) -> None:
    words = ("--scale", "0,5", "--lower-is-better", "perception")
    ended = cli("datasets", "export", table, *words, "-o", tmp_path / "out.csv")
    assert "perception: lower was better, turned round" in ended.err
    assert read_scores(tmp_path / "out.csv")["perception"].to_list() == [2.0, 0.5]
    signed = ("--columns", "image=image,perception=-mos", "--scale", "0,5")
    cli("datasets", "export", table, *signed, "-o", tmp_path / "signed.csv")
    assert read_scores(tmp_path / "signed.csv")["perception"].to_list() == [2.0, 0.5]
    validated = json.loads(cli("datasets", "validate", table, *words, "--json").out)
    assert [(kind["kind"], kind["done"]) for kind in validated["kinds"]] == [
        ("turned_round", "low + high - x")
    ]
    assert validated["ok"]


def test_export_refuses_other_suffixes_and_keeps_what_was_there(cli, table: Path, tmp_path: Path) -> None:
    assert cli("datasets", "export", table, "-o", "out.txt").code == 2
    out = tmp_path / "out.csv"
    out.write_text("old")
    table.write_text(TABLE.replace("4.5", "high"))
    assert cli("datasets", "export", table, "-o", out).code == 2
    assert out.read_text() == "old"


def test_other_verbs_take_several_raters(cli, tmp_path: Path, table: Path) -> None:
    path = tmp_path / "raters.csv"
    path.write_text("image,model,rater1,rater2\na.png,g,1,2\nb.png,h,4,5\n")
    ended = cli("leaderboard", path, "--columns", "image=image,generator=model,perception=rater*", "--json")
    board = json.loads(ended.out)["dimensions"]["perception"]
    assert [(row["generator"], row["mean"]) for row in board] == [("h", 4.5), ("g", 1.5)]
