"""Trees of images that are there already, told apart by their look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from lmm4lmm import api_generate
from lmm4lmm.core.errors import InputError, ManifestError, UnknownNameError
from lmm4lmm.core.manifest import read_manifest


def paint(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6), (len(str(path)) % 256, 9, 9)).save(path)


@pytest.fixture
def evalmi(tmp_path: Path) -> Path:
    for generator in ("one", "two"):
        for number in (1, 2, 3):
            paint(tmp_path / "evalmi" / generator / f"{number:03}.png")
    (tmp_path / "prompts.txt").write_text("a cat\na dog 🐕\na tree\n", encoding="utf-8")
    return tmp_path / "evalmi"


@pytest.fixture
def geneval(tmp_path: Path) -> Path:
    for number, prompt in enumerate(("a bench", "two cows")):
        folder = tmp_path / "geneval" / f"{number:05}"
        for sample in range(4):
            paint(folder / "samples" / f"{sample:04}.png")
        (folder / "metadata.jsonl").write_text(json.dumps({"prompt": prompt, "tag": "counting"}) + "\n")
    return tmp_path / "geneval"


@pytest.fixture
def compbench(tmp_path: Path) -> Path:
    for prompt in ("a green bench and a blue bowl", "5 dogs", "an_odd name"):
        for number in range(2):
            paint(tmp_path / "compbench" / f"{prompt}_{number:06}.png")
    return tmp_path / "compbench"


def taken(folder: Path, out: Path, **options):
    done = api_generate.generate(f"folder:{folder}", options.pop("prompts", None), out, **options)
    return done, list(read_manifest(done.manifest))


def test_evalmi_s_tree(evalmi, tmp_path):
    done, items = taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    assert (done.images, done.failed) == (6, 0)
    assert [(item.id, item.generator, item.prompt) for item in items][3:5] == [
        ("two/001", "two", "a cat"),
        ("two/002", "two", "a dog 🐕"),
    ]
    assert all(item.path.resolve().is_relative_to(evalmi.resolve()) for item in items)
    assert all(item.path.is_file() for item in items)


def test_geneval_s_tree(geneval, tmp_path):
    done, items = taken(geneval, tmp_path / "out")
    assert done.images == 8
    assert {(item.prompt, item.task, item.generator) for item in items} == {
        ("a bench", "counting", "geneval"),
        ("two cows", "counting", "geneval"),
    }


def test_t2i_compbench_s_tree(compbench, tmp_path):
    paint(compbench / "stray.png")
    (compbench / "notes.txt").write_text("x")
    done, items = taken(compbench, tmp_path / "out")
    assert done.images == 6
    assert {item.prompt for item in items} == {"a green bench and a blue bowl", "5 dogs", "an_odd name"}
    assert len(list(read_manifest(compbench))) == 6  # and score takes such a folder as it is
    notes = " ".join(read_manifest(compbench).notes)
    assert "stray.png" in notes
    assert "notes.txt" in notes


def test_only_some_prompts_and_some_samples(evalmi, geneval, tmp_path):
    _, items = taken(evalmi, tmp_path / "a", prompts=tmp_path / "prompts.txt", limit=1)
    assert [item.id for item in items] == ["one/001", "two/001"]
    _, items = taken(geneval, tmp_path / "b", per_prompt=2)
    assert len(items) == 4


def test_a_damaged_image_is_an_error_of_its_row(evalmi, tmp_path):
    (evalmi / "one" / "002.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    done, items = taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    assert (done.images, done.failed) == (5, 1)
    assert "002.png" in done.errors[0]
    assert "one/002" not in [item.id for item in items]
    paint(evalmi / "one" / "002.png")
    again, _ = taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    assert (again.images, again.cached) == (6, 5)


def test_a_changed_image_is_looked_at_again(evalmi, tmp_path):
    taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    (evalmi / "one" / "001.png").write_bytes(b"no image")
    done, _ = taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    assert (done.failed, done.cached) == (1, 5)


def test_the_tree_itself_may_be_the_run_s_folder(evalmi, tmp_path):
    before = sorted(evalmi.rglob("*.png"))
    done, items = taken(evalmi, evalmi, prompts=tmp_path / "prompts.txt")
    assert done.images == 6
    assert items[0].image == "one/001.png"
    assert sorted(evalmi.rglob("*.png")) == before


def test_what_is_odd_is_said(evalmi, geneval, tmp_path):
    with pytest.raises(InputError, match="which prompts belong"):
        taken(evalmi, tmp_path / "out")
    with pytest.raises(InputError, match="GenEval tree"):
        taken(geneval, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    paint(evalmi / "one" / "009.png")
    with pytest.raises(ManifestError, match="no prompt in the set belongs"):
        taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt")
    with pytest.raises(InputError, match="no such folder"):
        taken(tmp_path / "nowhere", tmp_path / "out")
    (evalmi / "one" / "009.png").unlink()
    with pytest.raises(InputError, match="names one generator"):
        taken(evalmi, tmp_path / "out", prompts=tmp_path / "prompts.txt", name="x")
    with pytest.raises(UnknownNameError, match="evalmi50k"):
        taken(evalmi, tmp_path / "out", prompts="evalmi5k")
