"""Damaged releases end in a message that names the file, never in a wrong table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from evalmi_release import SCORE_HEADER, score_rows, write_xlsx

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.datasets.evalmi50k import DATASET

pytestmark = pytest.mark.usefixtures("empty_home")

Rows = list[list[object]]


def _set(row: int, column: str, value: object) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[row][SCORE_HEADER.index(column)] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "row", "column", "message"),
    [
        (_set(2, "MOS1", "abc"), 4, "MOS1", "a finite number is expected"),
        (_set(2, "MOS1", None), 4, "MOS1", "a number from 0 to 100"),
        (_set(2, "MOS2", 150.5), 4, "MOS2", "a number from 0 to 100"),
        (_set(2, "Y/N", 2), 4, "Y/N", "0 or 1"),
        (_set(5, "YN_1", 0.5), 7, "YN_1", "0 or 1"),
        (_set(2, "ImageName", "DALLE3/2.jpg"), 4, "ImageName", "generator/NNN.png"),
        (_set(2, "ImageName", "GPT/002.png"), 4, "ImageName", "one of the release's 24"),
        (_set(2, "ImageName", "DALLE3/001.png"), 4, "ImageName", "row 3 has the same"),
        (_set(2, "ImageName", "DALLE3/999.png"), None, "ImageName", "prompts 1 to 3 only"),
        (lambda rows: rows[:-1], None, "ImageName", "LlamaGen_256 has 2 images for 3 prompts"),
        (lambda rows: rows[:0], None, None, "no rows"),
        (_set(2, "YN_1", None), None, "question_2", "DALLE3/002.png has 1 sub-answers"),
    ],
)
def test_a_damaged_score_table(
    change: Callable[[Rows], Rows], row: int | None, column: str | None, message: str, release: Path
) -> None:
    write_xlsx(release / "AIGI2025_MOS_yn.xlsx", [SCORE_HEADER, *change(score_rows())])
    with pytest.raises(ManifestError, match=message) as caught:
        DATASET.read(release)
    assert (caught.value.row, caught.value.column) == (row, column)


@pytest.mark.parametrize("missing", SCORE_HEADER)
def test_a_missing_column_is_named(missing: str, release: Path) -> None:
    header = [name if name != missing else "other" for name in SCORE_HEADER]
    write_xlsx(release / "AIGI2025_MOS_yn.xlsx", [header, *score_rows()])
    with pytest.raises(ManifestError, match="has the columns ImageName") as caught:
        DATASET.read(release)
    assert caught.value.column == missing


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("AIGI2025_MOS_yn.xlsx", b"PK\x03\x04 cut off", "not a readable spreadsheet"),
        ("question.xlsx", b"", "not a readable spreadsheet"),
        ("prompt_tasks.jsonl", b"", "the file is empty"),
        ("prompt_tasks.jsonl", b'{"tag": "view", "prompt": "a"}\n', "1 prompts where question.xlsx has 3"),
        ("prompt_tasks.jsonl", b'{"tag": "view"}\n', "column 'prompt': the key is missing"),
        ("prompt_tasks.jsonl", b'{"tag": "vjew", "prompt": "a"}\n' * 3, "none of the release's tags"),
        ("Englishall.txt", b"a bench\r\n", "1 prompts where question.xlsx has 3"),
        ("Chineseall.txt", "长椅".encode("gbk") + b"\r\n", "not UTF-8"),
    ],
)
def test_a_damaged_file_is_named(name: str, content: bytes, message: str, release: Path) -> None:
    (release / name).write_bytes(content)
    with pytest.raises(ManifestError, match=message) as caught:
        DATASET.read(release)
    assert caught.value.path.name == name


def test_a_missing_file_is_named(release: Path) -> None:
    (release / "question.xlsx").unlink()
    with pytest.raises(InputError, match=r"'question\.xlsx' is missing"):
        DATASET.read(release)
    with pytest.raises(InputError, match="no such folder"):
        DATASET.read(release / "absent")


def test_an_ambiguous_folder_is_refused(release: Path) -> None:
    table = release / "AIGI2025_MOS_yn.xlsx"
    for folder in ("one", "two"):
        (release / folder).mkdir()
        (release / folder / table.name).write_bytes(table.read_bytes())
    table.unlink()
    with pytest.raises(InputError, match=r"lies in .*one and in .*two"):
        DATASET.read(release)
