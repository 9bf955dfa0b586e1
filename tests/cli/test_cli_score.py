"""``lmm4lmm score``: what it writes, says and refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.scores import read_scores


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_writes_one_row_an_item_in_the_contract_s_form(cli, manifest: Path) -> None:
    ended = cli("score", manifest, "-o", "out.jsonl", "--metric", "sharpness")
    assert ended.code == 0, ended.err
    rows = rows_of(Path("out.jsonl"))
    given = rows_of(manifest)
    assert [row["image"] for row in rows] == [row["image"] for row in given]
    assert [row["prompt"] for row in rows] == [row["prompt"] for row in given]
    first = rows[0]
    assert list(first) == [
        *("id", "image", "prompt", "generator", "task", "perception", "correspondence", "answer", "metric")
    ]
    assert set(first["perception"]) == {"score", "std"}
    assert first["metric"] == "sharpness-1"
    assert ended.out == ""
    assert "12 of 12 items scored" in ended.err
    assert "lmm4lmm leaderboard out.jsonl" in ended.err


def test_json_is_all_there_is_on_stdout(cli, manifest: Path) -> None:
    ended = cli("score", manifest, "-o", "out.jsonl", "--metric", "sharpness", "--json")
    facts = json.loads(ended.out)
    assert {key: facts[key] for key in ("items", "scored", "failed", "cached")} == {
        **{"items": 12, "scored": 12},
        **{"failed": 0, "cached": 0},
    }


def test_quiet_says_nothing(cli, manifest: Path) -> None:
    ended = cli("score", manifest, "-o", "out.jsonl", "--metric", "sharpness", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_second_run_takes_all_from_the_journal_and_writes_the_same_bytes(cli, manifest: Path) -> None:
    words = ("score", manifest, "-o", "out.jsonl", "--metric", "sharpness", "--json")
    cli(*words)
    before = Path("out.jsonl").read_bytes()
    assert Path("out.jsonl.journal").exists()
    assert json.loads(cli(*words).out)["cached"] == 12
    assert Path("out.jsonl").read_bytes() == before


def test_limit_then_all_does_only_the_rest(cli, manifest: Path) -> None:
    words = ("score", manifest, "-o", "out.jsonl", "--metric", "sharpness", "--json")
    assert json.loads(cli(*words, "--limit", "5").out)["items"] == 5
    facts = json.loads(cli(*words).out)
    assert (facts["items"], facts["cached"]) == (12, 5)


def test_failed_items_are_rows_and_the_exit_code_says_so(cli, manifest: Path) -> None:
    (manifest.parent / "calm-0.png").write_bytes(b"")
    (manifest.parent / "calm-1.png").unlink()
    ended = cli("score", manifest, "-o", "out.jsonl", "--metric", "sharpness")
    assert ended.code == 1
    rows = rows_of(Path("out.jsonl"))
    assert len(rows) == 12
    assert [bool(row.get("error")) for row in rows] == [True, True] + [False] * 10
    assert "2 failed" in ended.err
    assert "calm-0:" in ended.err
    (manifest.parent / "calm-0.png").write_bytes((manifest.parent / "calm-2.png").read_bytes())
    (manifest.parent / "calm-1.png").write_bytes((manifest.parent / "calm-3.png").read_bytes())
    assert cli("score", manifest, "-o", "out.jsonl", "--metric", "sharpness").code == 0


def test_every_output_format_reads_back_alike(cli, manifest: Path) -> None:
    frames = []
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        ended = cli("score", manifest, "-o", name, "--metric", "sharpness", "--journal", "one.journal")
        assert ended.code == 0, ended.err
        frames.append(read_scores(Path(name)).select(pl.exclude("question")))
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])


def test_a_missing_folder_for_the_output_is_made(cli, manifest: Path) -> None:
    assert cli("score", manifest, "-o", "new/deep/out.jsonl", "--metric", "sharpness").code == 0
    assert Path("new/deep/out.jsonl").exists()


def test_folder_with_prompts(cli, manifest: Path) -> None:
    folder = Path("images/painter")
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        (folder / f"{number:03}.png").write_bytes((manifest.parent / f"calm-{number}.png").read_bytes())
    Path("prompts.txt").write_text("one\ntwo\nthree\n")
    ended = cli("score", "images", "--prompts", "prompts.txt", "-o", "out.jsonl", "--metric", "sharpness")
    assert ended.code == 0, ended.err
    assert {row["generator"] for row in rows_of(Path("out.jsonl"))} == {"painter"}
    assert "--images images" in ended.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set/manifest.jsonl", "-o", "o.jsonl", "--metric", "sharpnes"), "did you mean sharpness"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--dimensions", "perseption"), "did you mean perception"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--dimensions", " , "), "--dimensions is empty"),
        (
            ("set/manifest.jsonl", "-o", "o.jsonl", "--dimensions", "answer"),
            "gives perception, and not answer",
        ),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--batch-size", "many"), "--batch-size is 'many'"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--batch-size", "0"), "--batch-size is '0'"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--limit", "0"), "--limit"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--limit", "-3"), "--limit"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--workers", "0"), "--workers"),
        (("set/manifest.jsonl",), "--out"),
        (("nothing.jsonl", "-o", "o.jsonl"), "nothing.jsonl: no such file"),
        (("set", "-o", "o.jsonl", "--prompts", "nothing.txt"), "nothing.txt"),
        (("pictures", "-o", "o.jsonl"), "prompts"),
        (("empty.jsonl", "-o", "o.jsonl"), "no rows"),
        (("set/manifest.jsonl", "-o", "set/manifest.jsonl"), "overwrite their own input"),
        (("set/manifest.jsonl", "-o", "set/../set/manifest.jsonl"), "overwrite their own input"),
        (("set/manifest.jsonl", "-o", "set"), "is a folder"),
        (("set/manifest.jsonl", "-o", "o.txt"), "written as .jsonl"),
        (("set/manifest.jsonl", "-o", "precious.jsonl"), "not a scores file"),
        (("set/manifest.jsonl", "-o", "precious.csv"), "not a scores file"),
        (("set/manifest.jsonl", "-o", "precious.csv/o.jsonl"), "can't be made"),
        (("set/manifest.jsonl", "-o", "o.jsonl", "--journal", "precious.csv"), "not a journal"),
    ],
)
def test_what_is_refused_with_one_clear_line(
    cli, manifest: Path, words: tuple[str, ...], message: str
) -> None:
    Path("empty.jsonl").touch()
    Path("precious.csv").write_text("my,data\n1,2\n")
    Path("precious.jsonl").write_text('{"my": "data"}\n')
    Path("pictures").mkdir()
    Path("pictures/001.png").write_bytes((manifest.parent / "calm-1.png").read_bytes())
    before = {path: path.read_bytes() for path in (manifest, Path("precious.csv"), Path("precious.jsonl"))}
    if "--metric" not in words:
        words = (*words, "--metric", "sharpness")
    ended = cli("score", *words)
    assert ended.code == 2, (ended.out, ended.err)
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not Path("o.jsonl").exists()
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_before_the_work(cli, manifest: Path) -> None:
    Path("locked").mkdir(mode=0o500)
    ended = cli("score", manifest, "-o", "locked/out.jsonl", "--metric", "sharpness")
    assert ended.code == 2
    assert "no permission" in ended.err


def test_a_fault_of_ours_is_one_line_unless_asked_for_more(
    cli, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("lmm4lmm.api.load_metric", broken)
    words = ("score", manifest, "-o", "out.jsonl", "--metric", "sharpness")
    ended = cli(*words)
    assert ended.code == 70
    assert "Traceback" not in ended.err
    assert "LMM4LMM_DEBUG=1" in ended.err
    monkeypatch.setenv("LMM4LMM_DEBUG", "1")
    assert "Traceback" in cli(*words).err


def test_options_and_places_of_a_cluster_are_refused_without_one(cli, manifest: Path) -> None:
    for words, said in (
        (("--replicas", "2"), "--replicas is for a cluster: add --executor ray"),
        (("--address", "auto"), "--address is for a cluster: add --executor ray"),
        (("--executor", "slurm"), "--executor is 'slurm'; it must be local or ray"),
    ):
        ended = cli("score", manifest, "-o", "out.jsonl", *words)
        assert ended.code == 2
        assert said in ended.err
    ended = cli("score", "s3://bucket/manifest.csv", "-o", "out.jsonl")
    assert ended.code == 2
    assert "s3://bucket/manifest.csv: only --executor ray opens addresses of a store" in ended.err
    ended = cli("score", manifest, "-o", "out.jsonl", "--executor", "ray", "--journal", "j")
    assert ended.code == 2
    assert "--journal: on a cluster, the output itself says what is done" in ended.err
