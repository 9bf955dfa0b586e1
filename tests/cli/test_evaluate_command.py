"""``lmm4lmm evaluate`` with several files and more options, and ``datasets folds``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
    """Two metrics and people: 20 prompts by 3 generators, 8 raters."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    truth = rng.normal(50, 10, (20, 3)) + np.array([0.0, 4.0, 8.0])
    paths = []
    for name, spread in (("good", 2.0), ("bad", 25.0), ("people", 1.0)):
        rows = [
            {
                "id": f"{g}/{p}",
                "prompt": f"prompt {p}",
                "generator": f"g{g}",
                "perception": truth[p, g] + rng.normal(0, spread),
                **({"perception_std": 4.0, "perception_n": 8} if name == "people" else {}),
            }
            for p in range(20)
            for g in range(3)
        ]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        paths.append(path)
    return tuple(paths)  # type: ignore[return-value]


def test_several_files_make_one_table(cli, files) -> None:
    good, bad, people = files
    ended = cli("evaluate", bad, good, "--human", people, "--resamples", "200")
    assert ended.code == 0, ended.err
    lines = [line for line in ended.out.splitlines() if "0." in line]
    assert lines[0].startswith(" no pixel: generator")
    assert [line.split()[0] for line in lines[-3:]] == ["good", "bad", "noise"]
    assert "%" in lines[-3]
    assert lines[-3].rstrip().endswith("a")
    assert lines[-2].rstrip().endswith("b")
    assert "(metric - best no-pixel) / (ceiling - best no-pixel)" in ended.err


def test_json_of_several_files(cli, files) -> None:
    good, bad, people = files
    ended = cli("evaluate", good, bad, "--human", people, "--resamples", "200", "--json")
    document = json.loads(ended.out)
    found = document["dimensions"]["perception"]
    alone = json.loads(cli("evaluate", good, "--human", people, "--resamples", "200", "--json").out)
    assert list(found["metrics"]) == ["good", "bad"]
    assert found["metrics"]["good"]["srcc"] == alone["dimensions"]["perception"]["srcc"]
    assert found["ceiling"] == alone["dimensions"]["perception"]["ceiling"]
    assert set(document["files"]) == {"good", "bad"}


def test_one_file_shows_levels_ceiling_and_share(cli, files) -> None:
    good, _, people = files
    ended = cli("evaluate", good, "--human", people, "--interval", "bca", "--resamples", "200")
    assert ended.code == 0, ended.err
    for said in (
        "within a prompt: mean SRCC",
        "over 3 generators",
        "noise ceiling",
        "share of",
        "RMSE*",
        "Krasula",
    ):
        assert said in ended.out


def test_answers_by_group_are_told_by_what_is_right(cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    said = rng.integers(0, 2, 60)
    files = {"people": said, "metric": np.where(np.arange(60) % 10 == 0, 1 - said, said) * 0.8 + 0.1}
    for name, answers in files.items():
        rows = "".join(
            f"{i},prompt {i},{'odd' if i % 2 else 'even'},{answer:g}\n" for i, answer in enumerate(answers)
        )
        (tmp_path / f"{name}.csv").write_text(f"id,prompt,task,answer\n{rows}")
    of = (tmp_path / "metric.csv", "--human", tmp_path / "people.csv", "--by", "task", "--resamples", "100")
    ended = cli("evaluate", *of)
    assert ended.code == 0, ended.err
    table = ended.out.split("answer by task")[1].splitlines()
    assert table[2].split() == ["task", "n", "accuracy", "95", "%", "balanced", "F1", "AUC", "SRCC"]
    assert table[4].split()[:3] == ["even", "30", "0.800"]  # every tenth is wrong, and all tenths are even
    assert table[5].split()[:3] == ["odd", "30", "1.000"]


def test_crossed_resampling_is_said(cli, files) -> None:
    good, _, people = files
    ended = cli("evaluate", good, "--human", people, "--resample", "crossed", "--resamples", "200")
    assert ended.code == 0, ended.err
    assert "from resampling prompts and generators" in ended.err
    both = cli("evaluate", good, "--human", people, "--resample", "crossed", "--interval", "bca")
    assert both.code == 2
    assert "BCa intervals can't be had" in both.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("good.jsonl", "good.jsonl"), "good.jsonl is given twice"),
        (("good.jsonl", "bad.jsonl", "--by", "task"), "--by, --interval and --resample go with one"),
        (("good.jsonl", "nothing.jsonl"), "nothing.jsonl"),
        (("good.jsonl", "--interval", "bcs"), "bca"),
        (("good.jsonl", "--resample", ""), "one of prompts, crossed"),
        (("good.jsonl", "--by", "detailed"), "neither table has a detailed column"),
    ],
)
def test_what_does_not_fit_is_refused(cli, files, arguments, said) -> None:
    ended = cli("evaluate", *arguments, "--human", "people.jsonl")
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_folds_are_written_and_checked(cli, files) -> None:
    good = files[0]
    written = cli("datasets", "folds", good, "-o", "f.csv", "--by", "both", "--folds", "3", "--json")
    assert written.code == 0, written.err
    document = json.loads(written.out)
    assert document["rows"] == sum(document["sizes"].values()) == 60
    assert len(document["sizes"]) == 9
    same = cli("datasets", "folds", good, "-o", "f.csv", "--by", "both", "--folds", "3", "--check")
    assert same.code == 0, same.err
    other = cli(
        "datasets", "folds", good, "-o", "f.csv", "--by", "both", "--folds", "3", "--seed", "1", "--check"
    )
    assert other.code == 2
    assert "other folds" in other.err
    wrong = cli("datasets", "folds", good, "-o", "f.csv", "--by", "rater")
    assert wrong.code == 2


def test_a_page_is_written_beside_the_table(cli, files, tmp_path: Path) -> None:
    good, bad, people = files
    page = tmp_path / "study.html"
    ended = cli("evaluate", good, bad, "--human", people, "--resamples", "100", "--html", page)
    assert ended.code == 0, ended.err
    assert f"wrote {page}" in ended.err
    assert "noise ceiling" in ended.out
    assert "good agrees best with people" in page.read_text("utf-8")
    ended = cli(
        *("evaluate", good, "--human", people, "--resample", "crossed", "--interval", "percentile"),
        *("--resamples", "100", "--html", page, "--json"),
    )
    document = json.loads(ended.out)
    assert document["html"]["file"] == str(page)
    assert document["html"]["size_bytes"] == page.stat().st_size
    assert "percentiles of 100 resamples of prompts and generators, seed 0" in page.read_text("utf-8")


def test_a_page_that_can_not_be_written_is_an_error_in_words(cli, files) -> None:
    good, _, people = files
    for given, said in (
        (("--images", "."), "--images goes with --html"),
        (("--html", good), "overwrite its own input"),
        (("--html", "x.html", "--images", "none"), "no such folder of images"),
    ):
        ended = cli("evaluate", good, "--human", people, "--resamples", "100", *given)
        assert ended.code == 2
        assert said in ended.err
