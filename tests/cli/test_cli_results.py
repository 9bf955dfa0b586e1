"""``lmm4lmm leaderboard``, ``evaluate``, ``report``, ``datasets``: --json contracts, tables, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "object"]


@pytest.fixture
def scores(cli, manifest: Path) -> Path:
    """Scores of the manifest's twelve images, beside them."""
    out = manifest.parent / "out.jsonl"
    assert cli("score", manifest, "-o", out, "--metric", "sharpness", "--quiet").code == 0
    return out


@pytest.fixture
def human(scores: Path) -> Path:
    """People who agree with the metric, but for two images."""
    rows = [json.loads(line) for line in scores.read_text(encoding="utf-8").splitlines()]
    values = [row["perception"]["score"] for row in rows]
    values[0], values[1] = values[1], values[0]
    path = scores.with_name("pairs.csv")
    lines = [f"{row['id']},{value}" for row, value in zip(rows, values, strict=True)]
    path.write_text("id,perception\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_leaderboard_json_is_the_contract(cli, scores: Path) -> None:
    ended = cli("leaderboard", scores, "--by", "task", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    (first, second) = document["dimensions"]["perception"]
    assert {"generator", "mean", "low", "high", "rank", "rank_low", "rank_high"} <= set(first)
    assert (first["generator"], second["generator"]) == ("wild", "calm")
    assert first["low"] <= first["mean"] <= first["high"]
    assert set(document["tasks"]) == {"counting", "colors"}
    assert "correspondence" not in document["dimensions"]


def test_leaderboard_shows_the_pairs_that_were_asked_for(cli, manifest: Path) -> None:
    scores = manifest.with_name("both.csv")
    level = {"calm": 0, "wild": 5, "new": 9}
    lines = [f"{g}{i},{g},p{i},{10 * i + up},{i + up}" for g, up in level.items() for i in range(9)]
    scores.write_text("id,generator,prompt,perception,correspondence\n" + "\n".join(lines) + "\n")
    plain, with_pairs = cli("leaderboard", scores), cli("leaderboard", scores, "--pairs")
    assert "combined (mean of the dimensions' z-scores" in plain.out
    assert "adjusted p" not in plain.out
    assert "combined: adjusted p of each pair" in with_pairs.out
    assert "perception 3 of 3" in with_pairs.err
    document = json.loads(cli("leaderboard", scores, "--json").out)
    assert document["told_apart"]["combined"] == {"pairs": 3, "of": 3}
    assert [row["generator"] for row in document["combined"]["standings"]] == ["new", "wild", "calm"]


@pytest.mark.parametrize("more", [(), ("--json",), ("--html", "board.html")])
def test_leaderboard_without_a_single_score_is_an_error(cli, tmp_path: Path, more, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("none.csv").write_text("id,prompt,generator,perception\n1,a,g,\n2,b,g,\n")
    ended = cli("leaderboard", "none.csv", *more)
    assert (ended.code, ended.out) == (2, "")
    assert "none.csv: no row has a score, so there is nothing to rank" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("report", "out.jsonl", "--human", "pairs.csv", "-o", "pairs.csv"),
        ("report", "out.jsonl", "-o", "out.jsonl"),
        ("evaluate", "out.jsonl", "--human", "pairs.csv", "--html", "pairs.csv"),
        ("datasets", "folds", "pairs.csv", "-o", "pairs.csv", "--by", "image"),
        ("leaderboard", "out.jsonl", "--html", "out.jsonl"),
    ],
)
def test_no_input_is_written_over(cli, scores: Path, human: Path, words, monkeypatch) -> None:
    monkeypatch.chdir(scores.parent)
    before = scores.read_bytes(), human.read_bytes()
    ended = cli(*words)
    assert (ended.code, "would overwrite its own input" in ended.err) == (2, True), ended.err
    assert (scores.read_bytes(), human.read_bytes()) == before


def test_leaderboard_says_of_the_scale_what_is_known(cli, tmp_path: Path) -> None:
    stars = tmp_path / "stars.csv"
    stars.write_text("id,generator,prompt,stars\n1,a,x,1.5\n2,b,x,4\n3,a,y,2\n4,b,y,4.5\n")
    ended = cli("leaderboard", stars, "--columns", "perception=stars", "--html", "page.html")
    assert ended.code == 0, ended.err
    assert "perception (scale not stated, 1.50 to 4.50 here; ranked with higher as better)" in ended.out
    page = Path("page.html").read_text(encoding="utf-8")
    assert "Scale not stated, 1.50 to 4.50 here" in page
    assert "0 to 100" not in ended.out + page


def test_leaderboard_of_a_data_set_says_its_scale(cli, shared_data: Path) -> None:
    ended = cli("leaderboard", "agiqa1k", "--data", shared_data / "score_tables" / "agiqa1k")
    assert ended.code == 0, ended.err
    assert "perception (0 to 5, higher is better)" in ended.out


def test_leaderboard_is_the_same_every_time(cli, scores: Path) -> None:
    assert cli("leaderboard", scores, "--json").out == cli("leaderboard", scores, "--json").out


def test_leaderboard_shows_names_as_they_are(cli, scores: Path) -> None:
    text = scores.read_text(encoding="utf-8").replace('"calm"', '"[bold]画家🎨[/]"')
    scores.write_text(text, encoding="utf-8")
    ended = cli("leaderboard", scores)
    assert ended.code == 0, ended.err
    assert "[bold]画家🎨[/]" in ended.out


def test_leaderboard_of_a_plugged_in_data_set(cli, human: Path) -> None:
    ended = cli("leaderboard", "pairs", "--data", human.parent, "--json")
    assert ended.code == 0, ended.err
    assert len(json.loads(ended.out)["dimensions"]["perception"]) == 1


def test_leaderboard_of_evalmi50k_has_the_known_top(cli, shared_data: Path) -> None:
    """Order and means: DATA.md of the shared data, recomputed from the release."""
    ended = cli(
        "leaderboard", "evalmi50k", "--data", shared_data / "evalmi50k", "--resamples", "100", "--json"
    )
    boards = json.loads(ended.out)["dimensions"]
    tops = {
        name: [(row["generator"], round(row["mean"], 2)) for row in rows[:3]] for name, rows in boards.items()
    }
    assert tops["perception"] == [("playground", 61.64), ("Kolors", 61.14), ("Infinity", 60.86)]
    assert tops["correspondence"] == [("sd3_5_large", 58.35), ("ali_flux_schnell", 58.10), ("DALLE3", 57.97)]
    assert {rows[-1]["generator"] for rows in boards.values()} == {"LWM"}


def test_evaluate_json_is_the_contract(cli, scores: Path, human: Path) -> None:
    ended = cli("evaluate", scores, "--human", human, "--by", "task,generator", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    found = document["dimensions"]["perception"]
    assert found["n"] == 12
    for name in ("srcc", "krcc", "plcc", "plcc_fitted"):
        assert {"value", "low", "high"} <= set(found[name])
    assert 0.8 < found["srcc"]["value"] < 1.0
    assert set(document["by"]) == {"task", "generator"}


def test_evaluate_by_the_name_of_a_data_set(cli, scores: Path, human: Path) -> None:
    by_name = cli("evaluate", scores, "--human", "pairs", "--data", human.parent, "--json")
    assert by_name.code == 0, by_name.err
    assert json.loads(by_name.out) == json.loads(cli("evaluate", scores, "--human", human, "--json").out)


def test_a_table_with_other_names_is_mapped(cli, scores: Path, human: Path) -> None:
    plain = cli("evaluate", scores, "--human", human, "--json")
    other = human.with_name("other.csv")
    other.write_text(human.read_text().replace("id,perception", "key,MOS"))
    mapped = cli("evaluate", scores, "--human", other, "--columns", "id=key, perception=MOS", "--json")
    assert mapped.code == 0, mapped.err
    assert json.loads(mapped.out) == json.loads(plain.out)
    other.write_text(human.read_text().replace("id,perception", "ID,mos_quality"))
    guessed = cli("evaluate", scores, "--human", other, "--columns", "auto", "--json")
    assert guessed.code == 0, guessed.err
    assert json.loads(guessed.out) == json.loads(plain.out)


def test_leaderboard_of_agiqa3k_by_its_own_column_names(cli, shared_data: Path) -> None:
    """AGIQA-3K has 2,982 images by six generators."""
    (table,) = (shared_data / "score_tables").rglob("*3[kK]*/data.csv")
    ended = cli("leaderboard", table, "--columns", "auto", "--resamples", "100", "--json")
    assert ended.code == 0, ended.err
    assert sum(row["n"] for row in json.loads(ended.out)["dimensions"]["perception"]) == 2982


def test_evaluate_table(cli, scores: Path, human: Path) -> None:
    ended = cli("evaluate", scores, "--human", human, "--by", "generator")
    assert ended.code == 0, ended.err
    assert "SRCC" in ended.out
    assert "no pixel: generator" in ended.out
    assert "perception by generator" in ended.out


def test_report_is_one_file_that_exists(cli, scores: Path, human: Path) -> None:
    ended = cli("report", scores, "-o", "deep/report.html", "--human", human, "--json")
    assert ended.code == 0, ended.err
    facts = json.loads(ended.out)
    assert facts["missing"] == 0
    assert facts["images_shown"] > 0
    assert Path("deep/report.html").stat().st_size == facts["size_bytes"]


def test_report_says_what_it_did_not_find(cli, scores: Path) -> None:
    moved = Path("elsewhere.jsonl")
    moved.write_bytes(scores.read_bytes())
    ended = cli("report", moved, "-o", "report.html")
    assert ended.code == 0
    assert "--images DIR" in ended.err
    assert "not found" not in cli("report", moved, "-o", "report.html", "--images", scores.parent).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("leaderboard", "nothing.jsonl"), "nothing.jsonl: no such file"),
        (("leaderboard", "evalmi5k"), "did you mean evalmi50k"),
        (("leaderboard", "set"), "is a folder"),
        (("leaderboard", "set/out.jsonl", "--by", "taks"), "did you mean task"),
        (("leaderboard", "set/out.jsonl", "--by", "generator"), "no grouping"),
        (("leaderboard", "set/manifest.jsonl"), "set/manifest.jsonl"),
        (("leaderboard", "set/out.jsonl", "--data", "set"), "--data"),
        (("leaderboard", "set/out.jsonl", "--resamples", "1"), "--resamples"),
        (("leaderboard", "pairs", "--data", "nowhere"), "nowhere"),
        (("leaderboard", "pairs"), "--data DIR"),
        (("evaluate", "set/out.jsonl"), "--human"),
        (("evaluate", "set/out.jsonl", "--human", "nothing.csv"), "nothing.csv: no such file"),
        (("evaluate", "set/out.jsonl", "--human", "strangers.csv"), "no id"),
        (("evaluate", "set/out.jsonl", "--human", "strangers.csv", "--columns", "id"), "OURS=THEIRS"),
        (("evaluate", "set/out.jsonl", "--human", "strangers.csv", "--columns", "id=zzz"), "zzz"),
        (("leaderboard", "evalmi50k", "--columns", "auto"), "--columns is for files"),
        (("evaluate", "nothing.jsonl", "--human", "pairs"), "nothing.jsonl"),
        (("report", "nothing.jsonl", "-o", "r.html"), "nothing.jsonl"),
        (("report", "set/out.jsonl", "-o", "set"), "is a folder"),
        (("report", "set/out.jsonl", "-o", "set/out.jsonl"), "overwrite"),
        (("report", "set/out.jsonl", "-o", "r.html", "--images", "nowhere"), "nowhere: no such folder"),
        (("report", "set/out.jsonl", "-o", "out.csv/r.html"), "out.csv"),
        (("datasets", "show", "evalmi5k"), "did you mean evalmi50k"),
        (("datasets", "show", "evalmi50k", "--data", "set"), "set"),
        (("models", "pull", "nanoo"), "did you mean nano"),
        (("models", "check", "nanoo"), "did you mean nano"),
    ],
)
def test_what_is_refused_with_one_clear_line(cli, scores: Path, words: tuple[str, ...], message: str) -> None:
    Path("strangers.csv").write_text("id,perception\nx,1\ny,2\nz,3\n")
    Path("out.csv").write_text("")
    ended = cli(*words)
    assert ended.code == 2, (ended.out, ended.err)
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_datasets_list_and_show(cli, human: Path) -> None:
    listed = json.loads(cli("datasets", "list", "--json").out)["datasets"]
    assert {"evalmi50k", "pairs"} <= {row["name"] for row in listed}
    assert all(row["about"] for row in listed)
    assert "evalmi50k" in cli("datasets", "list").out
    assert "Licence: CC0" in cli("datasets", "show", "pairs").out
    shown = json.loads(cli("datasets", "show", "pairs", "--data", human.parent, "--json").out)
    columns = {column["name"]: column for column in shown["columns"]}
    assert shown["rows"] == columns["perception"]["known"] == 12
    assert "12 rows" in cli("datasets", "show", "pairs", "--data", human.parent).out


def test_models_list(cli) -> None:
    ended = cli("models", "list", "--json")
    assert ended.code == 0, ended.err
    assert {"nano", "sharpness"} <= {row["name"] for row in json.loads(ended.out)["models"]}
    assert "nano" in cli("models", "list").out


def test_doctor(cli, empty_home: Path) -> None:
    ended = cli("doctor", "--json")
    document = json.loads(ended.out)
    assert ended.code == (0 if document["ok"] else 1)
    found = {finding["what"]: finding for finding in document["findings"]}
    assert str(empty_home) in found["cache"]["found"]
    assert found["weights of nano"]["state"] != "ok"
    assert "models pull nano" in found["weights of nano"]["advice"]
    assert "processor" in cli("doctor").out
