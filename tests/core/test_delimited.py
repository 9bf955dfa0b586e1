from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.delimited import delimited_line, read_delimited
from lmm4lmm.core.errors import ManifestError

# Without lone surrogates, which no UTF-8 file can hold, and zero bytes, which are the mark of UTF-16.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)


def _write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_csv_module_writes_is_read_back(rows: list[tuple[str, str]], end: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
        assert read_delimited(path).rows() == rows


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", 'a,b\n\n1,"x\ny"\n\n\n2,z\n3,w')
    assert read_delimited(path).rows() == [("1", "x\ny"), ("2", "z"), ("3", "w")]
    assert [delimited_line(path, row) for row in (-1, 0, 1, 2)] == [1, 3, 7, 8]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n"),
        ("t.csv", b"a,b\r1,2\r"),
        ("t.csv", b"a;b\n1;2\n"),
        ("t.tsv", b"a\tb\n1\t2\n"),
        ("t.csv", b"\n\na,b\n1,2"),
    ],
)
def test_files_as_users_have_them(name: str, content: bytes, tmp_path: Path) -> None:
    frame = read_delimited(_write(tmp_path / name, content))
    assert (frame.columns, frame.rows()) == (["a", "b"], [("1", "2")])


def test_tabs_split_a_csv_whose_header_has_nothing_else(tmp_path: Path) -> None:
    """As spreadsheets save "CSV" in some languages; a tab inside a cell of a comma file is text."""
    path = tmp_path / "t.csv"
    path.write_text("a\tb\n1,5\t2\n", encoding="utf-8")
    assert read_delimited(path).rows() == [("1,5", "2")]
    path.write_text("a,b\tc\n1\t5,2\n", encoding="utf-8")
    assert read_delimited(path).columns == ["a", "b\tc"]


def test_commas_in_a_semicolon_file_are_text(tmp_path: Path) -> None:
    assert read_delimited(_write(tmp_path / "t.csv", "a;b\n1;x, y\n")).rows() == [("1", "x, y")]


def test_an_empty_cell_is_null_and_unnamed_columns_are_numbered(tmp_path: Path) -> None:
    frame = read_delimited(_write(tmp_path / "t.csv", ",b\n0,\n"))
    assert frame.to_dicts() == [{"column_1": "0", "b": None}]


@pytest.mark.parametrize(
    ("content", "row", "message"),
    [
        ("a,b\n1,2\n3\n", 3, "1 cells where the header names 2"),
        ('a,b\n"1\n2",3\n4,a cat, a dog\n', 4, "3 cells where the header names 2"),
        ('a,b\n1,2\n3,"open\n4,5\n', 3, "never closes"),
        ('a,b\n1,"hi" there\n', 2, "a quote is written twice"),
        ("a,a\n1,2\n", 1, "more than once"),
        (b"a,b\n1,2\n3,caf\xe9\n", 3, "byte 0xe9 at position 6 is not UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    content: str | bytes, row: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        read_delimited(_write(tmp_path / "t.csv", content))
    assert caught.value.row == row


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_named(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="UTF-16"):
        read_delimited(_write(tmp_path / "t.csv", "a,b\n1,2\n".encode(encoding)))


def test_a_limit_stops_early_and_blocks_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmm4lmm.core.delimited.BLOCK", 3)
    path = _write(tmp_path / "t.csv", "a\n" + "".join(f"{n}\n" for n in range(10)))
    assert read_delimited(path)["a"].to_list() == [str(n) for n in range(10)]
    assert read_delimited(path, limit=4)["a"].to_list() == ["0", "1", "2", "3"]
    assert read_delimited(path, limit=3).height == 3
