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
