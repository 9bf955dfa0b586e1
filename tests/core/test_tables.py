from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.tables import Table, check_unique, read_table, to_number, to_text

ROWS = pl.DataFrame({"id": ["a", "b"], "n": [1.5, 2.0]})


def test_parquet_and_spreadsheets_count_rows_as_their_users_do(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.frame.equals(ROWS)
    assert table.line(0) == 1
    assert Table(Path("t.xlsx"), ROWS).line(0) == 2


def test_structs_of_parquet_are_spread(tmp_path: Path) -> None:
    pl.DataFrame({"perception": [{"score": 1.0, "std": 2.0}, None]}).write_parquet(tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet", nested=("perception",)).frame
    assert frame.to_dict(as_series=False) == {"perception.score": [1.0, None], "perception.std": [2.0, None]}


@pytest.mark.parametrize("name", ["t.parquet", "t.xlsx", "t.csv", "t.jsonl"])
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x00junk\xff" * 10)
    with pytest.raises(ManifestError, match=name):
        read_table(tmp_path / name)


def test_paths_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="this is a folder"):
        read_table(tmp_path)
    (tmp_path / "t.txt").write_text("a")
    with pytest.raises(InputError, match=r"not from '\.txt'"):
        read_table(tmp_path / "t.txt")


def test_ids_of_whole_numbers_become_text() -> None:
    for values in (pl.Series([1, 2]), pl.Series([1.0, 2.0])):
        table = Table(Path("t.xlsx"), pl.DataFrame({"id": values}))
        assert to_text(table, ["id", "prompt"]).frame.rows() == [("1", None), ("2", None)]
    with pytest.raises(ManifestError, match="text is expected, not Int64"):
        to_text(Table(Path("t.xlsx"), pl.DataFrame({"prompt": [None, 7]})), ["prompt"])


@pytest.mark.parametrize("value", ["abc", "nan", "inf", "1,5", "-"])
def test_what_is_no_finite_number_is_named(value: str) -> None:
    table = Table(Path("t.parquet"), pl.DataFrame({"n": ["1", None, value]}))
    with pytest.raises(ManifestError, match="a finite number is expected") as caught:
        to_number(table, "n")
    assert (caught.value.row, caught.value.value) == (3, value)


def test_numbers_as_text_are_read() -> None:
    table = Table(Path("t.csv"), pl.DataFrame({"n": [" 1.5", "1e2 ", "", None, "-3"]}))
    assert to_number(table, "n").to_list() == [1.5, 100.0, None, None, -3.0]


def test_a_repeated_value_names_both_rows() -> None:
    table = Table(Path("t.parquet"), pl.DataFrame({"id": ["a", "b", "c", "b"]}))
    with pytest.raises(ManifestError, match="row 2 has the same id") as caught:
        check_unique(table, "id", "ids must be unique")
    assert caught.value.row == 4
