from __future__ import annotations

from pathlib import Path

import pytest

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.prompt_files import read_prompts
from lmm4lmm.core.records import Prompt


def _write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def test_a_line_of_text_is_a_prompt_numbered_by_its_line(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.txt", "\ufeffa cat\r\n\r\n一只猫 🐈 \u2028 here\r\n\r\n")
    assert read_prompts(path) == (
        Prompt(id="001", text="a cat"),
        Prompt(id="003", text="一只猫 🐈 \u2028 here"),
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", "id,prompt,task\n7,a cat,colors\n"),
        ("p.jsonl", '{"id":"7","prompt":"a cat","task":"colors"}'),
        ("p.json", '[{"id":7,"prompt":"a cat","task":"colors"}]'),
    ],
)
def test_tables_of_prompts(name: str, content: str, tmp_path: Path) -> None:
    assert read_prompts(_write(tmp_path / name, content)) == (Prompt(id="7", text="a cat", task="colors"),)


def test_a_table_without_ids_is_numbered(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.csv", "prompt,question\na,q?\nb,\n")
    assert [(p.id, p.question) for p in read_prompts(path)] == [("001", "q?"), ("002", None)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", "\n\n", "holds no prompt"),
        ("p.csv", "prompt\n", "holds no prompt"),
        ("p.csv", "text\na\n", "no such column"),
        ("p.csv", "id,prompt\n1,a\n1,b\n", "row 2 has the same id"),
        ("p.csv", "id,prompt\n1,\n", "the cell is empty"),
        ("p.csv", "Prompt\na\n", "rename it to 'prompt'"),
    ],
)
def test_mistakes_are_named(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=message):
        read_prompts(_write(tmp_path / name, content))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_prompts(tmp_path / "p.txt")
