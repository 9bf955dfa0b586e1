from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.manifest import read_manifest


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not looked at")
    return root


def _geneval(root: Path, *names: str) -> Path:
    for name in names:
        _touch(root, f"{name}/samples/0000.png", f"{name}/samples/0001.png", f"{name}/grid.png")
        (root / name / "metadata.jsonl").write_text('{"tag": "counting", "include": [], "prompt": "two 猫"}')
    return root


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_bytes("a cat\r\n一只猫\r\n".encode())
    return path


def test_a_folder_a_generator(tmp_path: Path, prompts: Path) -> None:
    folder = _touch(tmp_path / "set", "sd/001.png", "sd/002.JPG", "flux/1.webp", "flux/.x/001.png")
    manifest = read_manifest(folder, prompts=prompts)
    assert [(i.id, i.image, i.prompt, i.generator) for i in manifest] == [
        ("flux/1", "flux/1.webp", "a cat", "flux"),
        ("sd/001", "sd/001.png", "a cat", "sd"),
        ("sd/002", "sd/002.JPG", "一只猫", "sd"),
    ]
    assert all(item.path.is_file() for item in manifest)
    assert manifest.notes == ("flux: images for 1 of 2 prompts",)


def test_a_flat_folder_is_one_generator(tmp_path: Path, prompts: Path) -> None:
    folder = _touch(tmp_path / "kolors", "0001.png", "0002.png", "notes.txt", "deep/er/001.png")
    manifest = read_manifest(folder, prompts=prompts)
    assert [(i.id, i.generator) for i in manifest] == [("0001", "kolors"), ("0002", "kolors")]
    assert manifest.notes == (
        "1 non-image file passed over, such as notes.txt",
        "1 folder passed over, such as deep/er",
    )
    assert len(read_manifest(folder, prompts=prompts, limit=1)) == 1


def test_prompts_with_ids_tasks_and_questions(tmp_path: Path) -> None:
    table = tmp_path / "p.jsonl"
    table.write_text(
        '{"id":"cat","prompt":"a cat","task":"colors","question":"is it?"}\n{"id":"7","prompt":"x"}'
    )
    items = list(read_manifest(_touch(tmp_path / "g", "sd/cat.png", "sd/007.png"), prompts=table))
    assert [(i.id, i.prompt, i.task, i.question) for i in items] == [
        ("sd/007", "x", None, None),
        ("sd/cat", "a cat", "colors", "is it?"),
    ]


def test_a_folder_with_a_manifest_in_it(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,prompt\na.png,x\n")
    assert [item.path for item in read_manifest(tmp_path)] == [tmp_path / "a.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("sd/003.png",), "no prompt in .* belongs to this image"),
        (("sd/cat.png",), "no prompt in .* belongs to this image"),
        (("sd/1.png", "sd/001.png"), "both belong to prompt 001"),
    ],
)
def test_images_that_match_no_prompt(
    names: tuple[str, ...], message: str, tmp_path: Path, prompts: Path
) -> None:
    with pytest.raises(ManifestError, match=message):
        read_manifest(_touch(tmp_path / "set", *names), prompts=prompts)


def test_a_folder_without_prompts_or_images(tmp_path: Path, prompts: Path) -> None:
    with pytest.raises(InputError, match="which prompts belong to these 1 images"):
        read_manifest(_touch(tmp_path / "set", "sd/001.png"))
    with pytest.raises(InputError, match="no image in it"):
        read_manifest(_touch(tmp_path / "empty", "sd/a.txt"), prompts=prompts)


def test_a_file_name_that_is_not_utf_8_is_named(tmp_path: Path, prompts: Path) -> None:
    folder = _touch(tmp_path / "set", "001.png")
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    with pytest.raises(InputError, match="is not UTF-8; rename it"):
        read_manifest(folder, prompts=prompts)


def test_a_geneval_tree(tmp_path: Path) -> None:
    items = list(read_manifest(_geneval(tmp_path / "sd15", "00000", "00001")))
    assert [(i.id, i.image) for i in items[:2]] == [
        ("sd15/00000/0000", "00000/samples/0000.png"),
        ("sd15/00000/0001", "00000/samples/0001.png"),
    ]
    assert {(i.prompt, i.generator, i.task) for i in items} == {("two 猫", "sd15", "counting")}
    assert len(items) == 4
    assert all(item.path.is_file() for item in items)


def test_geneval_trees_of_several_generators(tmp_path: Path) -> None:
    _geneval(tmp_path, "sd15/00000", "sd21/00000")
    _touch(tmp_path, "other/a.png", "sd15/00001/samples/0000.png")
    manifest = read_manifest(tmp_path)
    assert [item.id for item in manifest][::2] == ["sd15/00000/0000", "sd21/00000/0000"]
    assert manifest.notes == ("2 folders passed over, such as sd15/00001",)


@pytest.mark.parametrize("content", ["{}", "", '{"prompt": 5}', "not json"])
def test_damaged_metadata_is_named(content: str, tmp_path: Path) -> None:
    _geneval(tmp_path, "00000")
    (tmp_path / "00000" / "metadata.jsonl").write_text(content)
    with pytest.raises(ManifestError, match=r"metadata\.jsonl"):
        read_manifest(tmp_path)


def test_a_geneval_tree_takes_no_prompts(tmp_path: Path, prompts: Path) -> None:
    with pytest.raises(InputError, match="GenEval tree"):
        read_manifest(_geneval(tmp_path / "t", "00000"), prompts=prompts)
