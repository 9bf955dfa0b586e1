"""Every image is looked at once, what is broken is named, and a second run trusts what has not changed."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from lmm4lmm.core.records import Item
from lmm4lmm.training import survey as module
from lmm4lmm.training.examples import Example
from lmm4lmm.training.survey import FILE, survey


def example(identity: str, path: Path, **targets: float) -> Example:
    return Example(Item(id=identity, path=path, image=path.name, prompt="p"), **targets)


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (8, 8), colour).save(folder / f"{name}.png")
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:-30])
    (folder / "text.png").write_bytes(b"hello")
    return {path.stem: path for path in folder.iterdir()} | {"gone": folder / "gone.png"}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were opened, as it goes."""
    names: list[str] = []
    look = module._look

    def watched(path: str) -> module.Finding:
        names.append(Path(path).stem)
        return look(path)

    monkeypatch.setattr(module, "_look", watched)
    return names


def test_each_file_is_opened_once_and_never_again(pictures, looked, tmp_path) -> None:
    rows = [example(str(n), pictures["ab"[n % 2]]) for n in range(40)]
    first = survey(rows, tmp_path / "run", 3)
    assert sorted(looked) == ["a", "b"]
    second = survey(rows, tmp_path / "run", 3)
    assert sorted(looked) == ["a", "b"]
    assert (first.looked_at, second.looked_at) == (2, 0)
    assert first.hashes(rows) == second.hashes(rows)


def test_what_can_not_be_read_is_named_by_its_items(pictures, tmp_path) -> None:
    rows = [example(name, path) for name, path in pictures.items()] + [example("twin", pictures["text"])]
    found = survey(rows, tmp_path)
    assert set(found.unreadable) == {"cut", "text", "gone", "twin"}
    assert "truncated or damaged PNG" in found.unreadable["cut"]
    assert "not an image" in found.unreadable["text"]
    assert "no such file" in found.unreadable["gone"]
    assert sorted(one.item.id for one in found.usable(rows)) == ["a", "b", "copy"]


def test_hashes_are_of_the_bytes(pictures, tmp_path) -> None:
    rows = [example(name, pictures[name]) for name in ("a", "copy", "b", "gone")]
    a, copy, b, gone = survey(rows, tmp_path).hashes(rows)
    assert a == copy == hashlib.sha256(pictures["a"].read_bytes()).hexdigest()
    assert b not in (a, "")
    assert gone == ""


def test_a_changed_file_is_looked_at_again(pictures, looked, tmp_path) -> None:
    rows = [example(name, pictures[name]) for name in ("a", "b")]
    before = survey(rows, tmp_path)
    Image.new("RGB", (8, 8), "green").save(pictures["a"])
    os.utime(pictures["a"], ns=(1, 1))
    after = survey(rows, tmp_path)
    assert sorted(looked) == ["a", "a", "b"]
    assert [x == y for x, y in zip(before.hashes(rows), after.hashes(rows), strict=True)] == [False, True]
    assert survey(rows, tmp_path).hashes(rows) == after.hashes(rows)


def test_a_mended_file_is_looked_at_again_though_it_looks_the_same(pictures, tmp_path) -> None:
    good, rows = pictures["a"].read_bytes(), [example("a", pictures["a"])]
    pictures["a"].write_bytes(good[:-30] + bytes(30))
    os.utime(pictures["a"], ns=(7, 7))
    assert survey(rows, tmp_path).unreadable
    pictures["a"].write_bytes(good)
    os.utime(pictures["a"], ns=(7, 7))
    assert not survey(rows, tmp_path).unreadable


def test_a_stopped_run_goes_on_where_it_was(pictures, looked, tmp_path) -> None:
    rows = [example(name, pictures[name]) for name in ("a", "b", "copy")]
    survey(rows, tmp_path)
    kept = tmp_path / FILE
    lines = kept.read_bytes().split(b"\n")
    kept.write_bytes(b"\n".join(lines[:-1]) + b"\n" + lines[-1][:-10])  # killed within its last line
    looked.clear()
    again = survey(rows, tmp_path)
    assert len(looked) == again.looked_at == 1
    looked.clear()
    assert survey(rows, tmp_path).looked_at == 0
    assert not again.unreadable


def test_many_images_are_all_found_whatever_the_threads(tmp_path, looked) -> None:
    for n in range(60):
        (tmp_path / f"{n}.ppm").write_bytes(b"P6 1 1 255\n" + bytes([n, n, n]))
    rows = [example(str(n), tmp_path / f"{n}.ppm") for n in range(60)]
    found = survey(rows, tmp_path / "run", 7)
    assert len(set(found.hashes(rows))) == len(looked) == 60


def test_progress_is_told(pictures, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_SAY_EVERY", 0.0)
    rows, told = [example(name, path) for name, path in pictures.items()], []
    survey(rows, tmp_path, 1, told.append)
    assert re.fullmatch(r"looked at [12] of 6 images, \d+ a second", told[0])
    assert told[-2].startswith("looked at 6 of 6 images, ")
    assert told[-1] == "6 images, 6 of them looked at now; 3 can't be read"
    told.clear()
    good = [one for one in rows if one.item.id in ("a", "b")]
    survey(good, tmp_path, 1, told.append)
    assert told == []


def test_the_data_hash_is_of_what_is_trained_on(pictures, tmp_path) -> None:
    rows = [example("a", pictures["a"], perception=50.0), example("b", pictures["b"], answer=1.0)]
    found = survey(rows, tmp_path)
    value = found.data_hash(rows)
    assert found.data_hash(rows[::-1]) == value
    a, b = rows
    item = a.item
    changed = [
        [a],
        [a, a],
        [replace(a, perception=51.0), b],
        [replace(a, correspondence=50.0), b],
        [replace(a, perception_std=1.0), b],
        [replace(a, weights=(1.0, 1.0, 0.5)), b],
        [replace(a, variant="blur"), b],
        [replace(a, item=msgspec.structs.replace(item, prompt="q")), b],
        [replace(a, item=msgspec.structs.replace(item, question="q")), b],
        [replace(a, item=msgspec.structs.replace(item, path=pictures["b"])), b],
        [replace(a, item=msgspec.structs.replace(item, id="c")), b],
    ]
    hashes = [found.data_hash(one) for one in changed]
    assert len({value, *hashes}) == len(changed) + 1
    # What the image is called says nothing of what is in it.
    elsewhere = [example("a", pictures["copy"], perception=50.0), b]
    assert survey(elsewhere, tmp_path).data_hash(elsewhere) == value
