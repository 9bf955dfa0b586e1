"""``lmm4lmm datasets synthetic``: a world on disk, the same one twice, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lmm4lmm.core.manifest import read_manifest
from lmm4lmm.core.scores import read_scores
from lmm4lmm.training.synthetic.world import world

SMALL = ("--prompts", "3", "--generators", "2", "--raters", "4", "--size", "160x128")
Run = Callable[..., Any]


def test_a_world_is_written_and_told_of(cli: Run) -> None:
    ended = cli("datasets", "synthetic", "-o", "w", *SMALL, "--seed", "3")
    assert ended.code == 0
    assert "Drawing: 6 in" in ended.err
    assert "6 images of 3 prompts, 6 written now" in ended.err
    items = list(read_manifest(Path("w/manifest.jsonl")))
    expected = world(3, prompts=3, generators=2, raters=4, size=(160, 128))
    assert [item.prompt for item in items] == [record.prompt.text for record in expected]
    assert {Image.open(item.path).size for item in items} == {(160, 128)}
    human = read_scores(Path("w/human.jsonl"))
    assert human["id"].to_list() == [item.id for item in items]
    assert human["perception"].to_list() == pytest.approx([record.opinion.perception for record in expected])


def test_the_second_time_nothing_is_left_to_do(cli: Run) -> None:
    cli("datasets", "synthetic", "-o", "w", *SMALL)
    next(Path("w/images").rglob("*.*")).unlink()
    ended = cli("datasets", "synthetic", "-o", "w", *SMALL, "--json")
    found = json.loads(ended.out)
    assert (found["images"], found["written"]) == (6, 1)
    assert Path(found["manifest"]).is_file()
    assert Path(found["truth"]).is_file()


def test_a_picture_can_be_asked_about_again(cli: Run) -> None:
    small = ("--prompts", "60", "--generators", "2", "--raters", "4", "--size", "128x128")
    assert cli("datasets", "synthetic", "-o", "w", *small, "--again", "2").code == 0
    rows = {name: lines(Path(f"w/{name}.jsonl")) for name in ("manifest", "human", "truth")}
    ids = [row["id"] for row in rows["manifest"]]
    assert len(ids) == len(set(ids))
    assert ids == [row["id"] for row in rows["human"]] == [row["id"] for row in rows["truth"]]
    own = [record.id for record in world(0, prompts=60, generators=2, raters=4, size=(128, 128))]
    assert [one for one in ids if one in own] == own
    extra = [one for one in ids if one not in own]
    assert 120 < len(extra) <= 240
    assert len(list(Path("w/images").rglob("*.*"))) == 120
    item = {row["id"]: row for row in rows["manifest"]}
    human = {row["id"]: row for row in rows["human"]}
    for one in extra:
        first = one.rpartition("-")[0]
        assert item[one]["image"] == item[first]["image"]
        assert item[one]["prompt_group"] != item[first]["prompt_group"]
        assert human[one]["perception"] is None  # a picture's quality is judged once
        assert 0 <= human[one]["correspondence"] <= 100
    assert {human[one]["answer"] for one in extra} == {0.0, 1.0}
    assert len(list(read_manifest(Path("w/manifest.jsonl")))) == len(ids)


def test_nothing_is_asked_again_unless_wanted(cli: Run) -> None:
    assert cli("datasets", "synthetic", "-o", "w", *SMALL, "--again", "0").code == 0
    assert len(lines(Path("w/manifest.jsonl"))) == 6
    assert cli("datasets", "synthetic", "-o", "v", *SMALL).code == 0
    for name in ("manifest", "human", "truth"):
        assert Path(f"v/{name}.jsonl").read_bytes() == Path(f"w/{name}.jsonl").read_bytes()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_check_mends_what_was_altered(cli: Run) -> None:
    cli("datasets", "synthetic", "-o", "w", *SMALL)
    image = next(Path("w/images").rglob("*.*"))
    whole = image.read_bytes()
    image.write_bytes(b"no image")
    assert json.loads(cli("datasets", "synthetic", "-o", "w", *SMALL, "--json").out)["written"] == 0
    assert (
        json.loads(cli("datasets", "synthetic", "-o", "w", *SMALL, "--check", "--json").out)["written"] == 1
    )
    assert image.read_bytes() == whole


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--size", "256"), "width x height"),
        (("--size", "axb"), "width x height"),
        (("--size", "64x64"), "128 at least"),
        (("--prompts", "0"), "--prompts"),
        (("--generators", "1"), "--generators"),
        (("--again", "-1"), "--again"),
    ],
)
def test_what_makes_no_world_is_refused(cli: Run, words: tuple[str, str], told: str) -> None:
    ended = cli("datasets", "synthetic", "-o", "w", *words)
    assert ended.code == 2
    assert told in ended.err
    assert not Path("w").exists()


def test_another_world_is_not_overwritten(cli: Run) -> None:
    cli("datasets", "synthetic", "-o", "w", *SMALL)
    ended = cli("datasets", "synthetic", "-o", "w", *SMALL, "--seed", "9")
    assert ended.code == 2
    assert "another world" in ended.err


def test_a_stop_says_how_to_go_on(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmm4lmm.training.synthetic import writing

    def stopped(*_args: object, **_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "write", stopped)
    ended = cli("datasets", "synthetic", "-o", "w", *SMALL)
    assert ended.code == 130
    assert "Run the same command again to go on." in ended.err
