"""Ratings from files of every kind, and from memory: the same rows, or an error that names the place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.rating_rows import RatingRows, ratings_from, read_ratings
from lmm4lmm.core.records import Rating

ROWS = pl.DataFrame(
    {
        "rater": ["anna", "anna", "名前", "名前"],
        "item": ["a/1.png", "b/1.png", "a/1.png", "b/1.png"],
        "rating": [4, 2, 5, 1],
    }
)


def same(found: RatingRows) -> None:
    frame = found.frame
    assert frame["rater"].to_list() == ROWS["rater"].to_list()
    assert frame["item"].to_list() == ROWS["item"].to_list()
    assert [float(value) for value in frame["rating"]] == [4.0, 2.0, 5.0, 1.0]
    assert frame["row"].to_list() == [0, 1, 2, 3]
    assert set(frame["dimension"]) == {""}


WRITERS: dict[str, Callable[[Path], object]] = {
    "r.csv": ROWS.write_csv,
    "r.tsv": lambda path: ROWS.write_csv(path, separator="\t"),
    "r.jsonl": ROWS.write_ndjson,
    "r.json": ROWS.write_json,
    "r.parquet": ROWS.write_parquet,
    "bom.csv": lambda path: ROWS.write_csv(path, include_bom=True),
    "crlf.csv": lambda path: ROWS.write_csv(path, line_terminator="\r\n"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_files(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    same(read_ratings(tmp_path / name))


@dataclass
class Plain:
    """Somebody's own record."""

    rater: str
    item: str
    rating: float


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: ROWS,
        lambda rows: rows,
        lambda rows: [Plain(**row) for row in rows],
        lambda rows: iter(rows),
    ],
    ids=["frame", "mappings", "objects", "iterator"],
)
def test_memory(make: Callable[[list[dict[str, object]]], object]) -> None:
    same(ratings_from(make(ROWS.to_dicts())))


def test_our_own_record() -> None:
    found = ratings_from([Rating(rater="a", item="i", dimension="perception", rating=3.0)])
    assert found.frame["dimension"].to_list() == ["perception"]


@pytest.mark.parametrize("rows", [[object()], [3], [("a", "i", 3)]])
def test_memory_that_is_no_ratings(rows: list[object]) -> None:
    with pytest.raises(InputError, match="rater, item and rating"):
        ratings_from(rows)


def test_no_rows_in_memory() -> None:
    with pytest.raises(ManifestError, match="no ratings"):
        ratings_from([])


def read(tmp_path: Path, text: str, **columns: str) -> RatingRows:
    file = tmp_path / "ratings.csv"
    file.write_text(text, encoding="utf-8")
    return read_ratings(file, columns=columns or None)


@pytest.mark.parametrize(
    "header", ["worker,stimulus,score", "annotator,image,vote", "participant,id,opinion"]
)
def test_usual_other_names(tmp_path: Path, header: str) -> None:
    frame = read(tmp_path, f"{header}\na,i.png,4\n").frame
    assert frame.select("rater", "item").row(0) == ("a", "i.png")
    assert "image" not in frame.columns or frame["image"][0] == "i.png"


def test_columns_that_are_named(tmp_path: Path) -> None:
    text = "q1,who,rating,file\n4,a,9,i\n"
    frame = read(tmp_path, text, rater="who", item="file", rating="q1").frame
    assert frame.select("rater", "item", "rating").row(0) == (
        "a",
        "i",
        "4",
    )  # a CSV cell is text until its kind is known


def test_a_named_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="'who', 'item', 'rating'") as caught:
        read(tmp_path, "who,item,rating\na,i,4\n", rater="whom")
    assert "whom" in str(caught.value)


def test_a_name_that_is_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'judge' is no column of ratings"):
        read(tmp_path, "who,item,rating\na,i,4\n", judge="who")


def test_rows_that_are_no_measurement(tmp_path: Path) -> None:
    text = (
        "rater,item,rating,kind,excluded\na,i,4,rating,\na,j,1,Training,\nb,i,1,gold,\n"
        "b,j,1,trap,0\nb,k,2,repeat,false\nc,i,1,rating,true\nc,j,1,gold,true\n"
    )
    found = read(tmp_path, text)
    assert found.frame.select("rater", "item").rows() == [("a", "i"), ("b", "k")]
    assert found.frame["row"].to_list() == [0, 4]
    assert found.notes == (
        "1 training rows are left out",
        "2 gold rows are left out",
        "1 trap rows are left out",
        "1 excluded rows are left out",
    )


def test_no_row_counts(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="1 gold rows are left out"):
        read(tmp_path, "rater,item,rating,kind\na,i,4,gold\n")


def test_numbers_as_names_lose_the_point_of_spreadsheets() -> None:
    found = ratings_from(pl.DataFrame({"rater": [1.0, 2.0], "item": [7.0, None], "rating": [3, 4]}).head(1))
    assert found.frame.select("rater", "item").row(0) == ("1", "7")


@pytest.mark.parametrize(
    ("text", "column", "row"),
    [("rater,item,rating\na,i,3\n,i,4\n", "rater", "3"), ("rater,item,rating\na,i,3\nb,,4\n", "item", "3")],
)
def test_an_empty_cell_names_its_place(tmp_path: Path, text: str, column: str, row: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, text)
    for part in ("ratings.csv", f"row {row}", f"'{column}'"):
        assert part in str(caught.value)


def test_who_compared_need_not_be_known(tmp_path: Path) -> None:
    frame = read(tmp_path, "item_a,item_b,rating\nx,y,first\n").frame
    assert frame.select("rater", "item", "other").row(0) == ("", "x", "y")


@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.jsonl"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ManifestError, match="empty"):
        read_ratings(tmp_path / name)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv"):
        read_ratings(tmp_path / "absent.csv")
