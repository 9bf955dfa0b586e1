from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.manifest import COLUMNS, read_manifest
from lmm4lmm.core.records import Item

ROWS = [
    {"id": "1", "image": "a.png", "prompt": 'a "red", cat\non a mat', "generator": "sd", "task": "colors"},
    {"id": "2", "image": "b/猫.jpg", "prompt": "一只猫 🐈‍⬛", "generator": "flux", "task": None},
]


def _write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _save(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_the_same_items_from_every_format(suffix: str, tmp_path: Path) -> None:
    manifest = read_manifest(_save(pl.DataFrame(ROWS), tmp_path / f"m{suffix}"))
    assert len(manifest) == 2
    assert manifest.root == tmp_path
    assert manifest.frame.columns[: len(COLUMNS)] == list(COLUMNS)
    assert list(manifest) == [Item(path=tmp_path / row["image"], **row) for row in ROWS]  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12
            ),
            st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_prompt_survives_json_lines(rows: list[tuple[str, str | None]]) -> None:
    lines = [
        json.dumps({"image": f"{n}.png", "prompt": p, "generator": g}, ensure_ascii=bool(n % 2))
        for n, (p, g) in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        manifest = read_manifest(_write(Path(folder) / "m.jsonl", "\n".join(lines)))
        assert [(item.prompt, item.generator) for item in manifest] == rows


def test_paths_start_from_the_manifest_unless_absolute(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "c.png"
    content = f"image,prompt\nb/a.png,x\n../up.png,x\n{elsewhere},x\n"
    (tmp_path / "lists").mkdir()
    paths = [item.path for item in read_manifest(_write(tmp_path / "lists" / "m.csv", content))]
    assert [os.path.normpath(path) for path in paths] == [
        str(tmp_path / "lists" / "b" / "a.png"),
        str(tmp_path / "up.png"),
        str(elsewhere),
    ]


def test_ids_default_to_paths_without_suffix(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.csv", "image,prompt\na.png,1\na.jpg,2\nb/c.v2.png,3\n.d,4\n")
    assert [item.id for item in read_manifest(path)] == ["a.png", "a.jpg", "b/c.v2", ".d"]


def test_extra_columns_are_kept_and_model_means_generator(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.jsonl", '{"image":"a.png","prompt":"x","model":"sd","seed":3,"tags":["a"]}')
    manifest = read_manifest(path)
    assert next(iter(manifest)).generator == "sd"
    assert manifest.frame.select("seed", "tags").rows() == [(3, '["a"]')]


def test_items_without_a_prompt_are_counted(tmp_path: Path) -> None:
    manifest = read_manifest(_write(tmp_path / "m.csv", "image,prompt\na.png,\nb.png,x\n"))
    assert [item.prompt for item in manifest] == ["", "x"]
    assert manifest.notes == ("1 of 2 items have no prompt: only perception has a meaning there",)


def test_missing_images_are_not_looked_for(tmp_path: Path) -> None:
    assert len(read_manifest(_write(tmp_path / "m.csv", "image,prompt\nnowhere.png,x\n"))) == 1


@pytest.mark.parametrize(
    ("content", "row", "column", "message"),
    [
        ("image,Prompt\na,b\n", None, "Prompt", "rename it to 'prompt'"),
        ("IMAGE,prompt\na,b\n", None, "IMAGE", "rename it to 'image'"),
        ("image,prompt, Generator\na,b,c\n", None, " Generator", "rename it to 'generator'"),
        ("image,promt\na,b\n", None, "prompt", "is 'promt' meant"),
        ("a.png,a cat\nb.png,a dog\n", None, "image", "does the file's first line name the columns"),
        ("image,prompt\n", None, None, "no rows"),
        ("", None, None, "the file is empty"),
        ('image,prompt\na,"x\ny"\n,z\n', 4, "image", "the cell is empty"),
        ("image,prompt\na,x\nb,y\na,z\n", 4, "image", "row 2 has the same image"),
        ("id,image,prompt\n1,a,x\n1,b,y\n", 3, "id", "row 2 has the same id"),
        ("id,image,prompt\n1,a,x\n,b,y\n", 3, "id", "the cell is empty"),
        ("image,prompt\nhttps://x.y/a.png,x\n", 2, "image", "download them first"),
        ("image,prompt\na,x\nb,y,z\n", 3, None, "3 cells"),
    ],
)
def test_mistakes_are_named(
    content: str, row: int | None, column: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest(_write(tmp_path / "m.csv", content))
    assert (caught.value.row, caught.value.column) == (row, column)


def test_a_limit_reads_the_first_items_only(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.csv", "image,prompt\na,x\nb,y\na,broken later\n")
    assert [item.id for item in read_manifest(path, limit=2)] == ["a", "b"]
    with pytest.raises(InputError, match="a limit of 0"):
        read_manifest(path, limit=0)


def test_a_table_takes_no_prompts_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.csv", "image,prompt\na,x\n")
    with pytest.raises(InputError, match="holds its own prompts"):
        read_manifest(path, prompts=path)
    with pytest.raises(InputError, match="no such file or folder"):
        read_manifest(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "images"), [("drawbench_sd", 552), ("early_generators", 1509), ("anatomy_errors", 240)]
)
def test_the_development_sets_are_read(name: str, images: int, shared_data: Path) -> None:
    """Counts from DATA.md."""
    manifest = read_manifest(shared_data / name)
    assert len(manifest) == images
    assert manifest.path.name == "manifest.jsonl"
    assert all(item.generator and item.prompt for item in manifest)
    assert next(iter(manifest)).path.is_file()
