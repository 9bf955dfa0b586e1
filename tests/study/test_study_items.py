"""Manifests as the items of a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmm4lmm.core.errors import InputError, ManifestError, StudyError
from lmm4lmm.study.design import Gold, StudyDesign
from lmm4lmm.study.study_items import read_items

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
DESIGN = StudyDesign(name="s")
BY_COLUMN = StudyDesign(
    name="s", ratings_per_item="N", gold=[Gold(item="b", dimension="perception", low=1, high=2)]
)


def manifest(folder: Path, text: str, images: tuple[str, ...] = ("a.png", "b.png")) -> Path:
    for name in images:
        (folder / name).write_bytes(PNG)
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_languages_numbers_and_a_mark(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "\ufeffid,image,prompt,prompt_zh,question,question_zh,model,N\n"
        "a,a.png,a cat,一只猫,Is it a cat?,是猫吗？,m1,7\nb,b.png,a dog,,,,m2,\n",
    )
    given = read_items(path, BY_COLUMN)
    first, second = given.items
    assert given.folder == tmp_path
    assert (first.id, first.prompt, first.generator, first.wanted) == ("a", "a cat", "m1", 7)
    assert (first.prompts, first.questions) == ({"zh": "一只猫"}, {"zh": "是猫吗？"})
    assert (second.prompts, second.wanted) == ({}, 0)  # gold: its empty N is none
    assert any("prompt_zh" in note for note in given.notes)


@pytest.mark.parametrize(
    ("rows", "design", "said"),
    [
        ("a,a.png,x,1\na,b.png,y,1", DESIGN, ["row 3", "'id'", "row 2 has the same"]),
        ("a,a.png,x,1\nb,gone.png,y,1", DESIGN, ["row 3", "'image'", "no such image", "gone.png"]),
        ("a,a.png,x,1\nb,empty.png,y,1", DESIGN, ["row 3", "'image'", "empty"]),
        ("a,a.png,x,1\nb,text.png,y,1", DESIGN, ["row 3", "PNG, JPEG"]),
        ("a,a.png,x,2.5\nb,b.png,y,1", BY_COLUMN, ["row 2", "'N'", "whole number", "2.5"]),
        ("a,a.png,x,\nb,b.png,y,1", BY_COLUMN, ["row 2", "'N'", "whole number"]),
        ("a,a.png,x,-1\nb,b.png,y,1", BY_COLUMN, ["row 2", "'N'", "-1"]),
        ("a,a.png,x,many\nb,b.png,y,1", BY_COLUMN, ["row 2", "'N'", "many"]),
    ],
)
def test_errors_name_row_column_and_value(
    tmp_path: Path, rows: str, design: StudyDesign, said: list[str]
) -> None:
    path = manifest(tmp_path, f"id,image,prompt,N\n{rows}\n")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ManifestError) as error:
        read_items(path, design)
    for words in [str(path), *said]:
        assert words in str(error.value)


def test_a_column_and_a_gold_item_that_are_not_there(tmp_path: Path) -> None:
    path = manifest(tmp_path, "id,image,prompt\nimage-1,a.png,x\nimage-2,b.png,y\n")
    with pytest.raises(StudyError, match=r"column 'N'.*columns: id, image, prompt"):
        read_items(path, BY_COLUMN)
    gold = [Gold(item="image-3", dimension="perception", low=1, high=2)]
    with pytest.raises(StudyError, match=r"gold item 'image-3' is not among the 2 items; did you mean"):
        read_items(path, StudyDesign(name="s", gold=gold))


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_items(tmp_path / "gone.csv", DESIGN)
