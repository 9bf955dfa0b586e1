"""The folder of parts: what it holds is what is done, whatever was killed when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lmm4lmm.core.errors import InputError, JournalError
from lmm4lmm.core.scores import read_scores

pa = pytest.importorskip("pyarrow", reason="the [scale] extra is not installed")
fs = pytest.importorskip("pyarrow.fs")

from lmm4lmm.running.locations import Location, locate  # noqa: E402
from lmm4lmm.running.parquet_store import KEY, PartStore, holds, token  # noqa: E402


def table(store: PartStore, *rows: tuple[str, str, str | None]) -> Any:
    """Rows (id, key, error)."""
    found = [
        {"id": identity, KEY: key, "error": error, "metric": "m", "image": identity, "prompt": "p"}
        | {"perception": None if error else 50.0}
        for identity, key, error in rows
    ]
    full = [{name: row.get(name) for name in store.schema.names} for row in found]
    return pa.Table.from_pylist(full, schema=store.schema)


def rows_of(place: Location) -> list[tuple[str, str, str | None]]:
    with PartStore(place) as store:
        return [
            (row["id"], row[KEY], row["error"])
            for one in store.tables()
            for row in one.select(["id", KEY, "error"]).to_pylist()
        ]


@pytest.fixture(params=["local", "cut", "mock"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "local":
        return locate(str(tmp_path / "out"))
    if request.param == "cut":
        return Location(fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), "out", "cut://out")
    return Location(fs._MockFileSystem(), "out", "mock://out")


def test_what_was_added_is_done_in_the_next_run(place: Location) -> None:
    with PartStore(place, rows=2) as store:
        assert len(store.done) == 0
        for number in range(5):
            store.add(table(store, (str(number), f"k{number}", None)))
    with PartStore(place) as store:
        assert len(list(store.tables())) == 3
        assert all(holds(store.done, token(str(number), f"k{number}")) for number in range(5))
        assert not holds(store.done, token("0", "k1"))
        assert not holds(store.done, token("9", "k9"))
        store.confirm(pa.array([str(number) for number in range(5)]))
        assert store.finish() == 0
    assert sorted(rows_of(place)) == [(str(number), f"k{number}", None) for number in range(5)]


def test_a_row_with_an_error_is_not_done_and_gives_way_to_the_new_one(place: Location) -> None:
    with PartStore(place) as store:
        store.add(table(store, ("a", "k", None), ("b", "k", "broken")))
    with PartStore(place) as store:
        assert len(store.done) == 1
        store.confirm(pa.array(["a"]))
        store.add(table(store, ("b", "k", None)))
        store.finish()
    assert sorted(rows_of(place)) == [("a", "k", None), ("b", "k", None)]


def test_rows_that_a_finished_run_did_not_confirm_are_dropped(place: Location) -> None:
    with PartStore(place) as store:
        store.add(table(store, ("gone", "k", None), ("changed", "old", None), ("same", "k", None)))
        store.flush()
        store.add(table(store, ("all of a part", "k", None)))
    with PartStore(place) as store:
        store.confirm(pa.array(["same"]))
        store.add(table(store, ("changed", "new", None)))
        assert store.finish() == 3
    assert sorted(rows_of(place)) == [("changed", "new", None), ("same", "k", None)]


def test_a_run_that_is_killed_between_new_and_old_rows_doubles_nothing(place: Location) -> None:
    with PartStore(place) as store:
        store.add(table(store, ("a", "old", None), ("b", "k", None)))
    with PartStore(place) as store:  # writes the new row, and never finishes
        store.add(table(store, ("a", "new", None)))
    assert sorted(rows_of(place)) == [("a", "new", None), ("b", "k", None)]


def test_what_a_killed_writer_left_unfinished_is_removed(tmp_path: Path) -> None:
    place = locate(str(tmp_path))
    with PartStore(place) as store:
        store.add(table(store, ("a", "k", None)))
    (tmp_path / ".part-x.parquet.0123.tmp").write_bytes(b"half")
    assert rows_of(place) == [("a", "k", None)]
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".tmp"] == []


def test_rows_wait_no_longer_than_they_may(place: Location) -> None:
    with PartStore(place, seconds=0) as store:
        store.add(table(store, ("a", "k", None)))
        assert len(list(store.tables())) == 1


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holds other things than parts of scores, such as 'holiday\.jpg'"):
        PartStore(locate(str(tmp_path)))
    assert [one.name for one in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    place = locate(str(tmp_path))
    with PartStore(place) as store:
        store.add(table(store, ("a", "k", None)))
    (part,) = tmp_path.glob("part-*")
    part.write_bytes(b"PAR1 rubbish")
    with pytest.raises(InputError, match=rf"{part.name}: not a part of scores that can be read"):
        PartStore(place)


def test_two_runs_here_cannot_write_into_one_folder(tmp_path: Path) -> None:
    with PartStore(locate(str(tmp_path))), pytest.raises(JournalError, match="in use by process"):
        PartStore(locate(str(tmp_path)))
    PartStore(locate(str(tmp_path))).close()


def test_the_folder_is_a_scores_table(tmp_path: Path) -> None:
    with PartStore(locate(str(tmp_path)), rows=1) as store:
        store.add(table(store, ("a", "k", None)))
        store.add(table(store, ("b", "k", "broken")))
    frame = read_scores(tmp_path)
    assert frame["id"].to_list() == ["a", "b"]
    assert frame["perception"].to_list() == [50.0, None]
