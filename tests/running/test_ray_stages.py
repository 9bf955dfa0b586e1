"""What workers do, without a cluster: reading and scoring blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running_fakes import Brightness, make_items

from lmm4lmm.core.errors import InputError, ItemError, UnknownNameError
from lmm4lmm.core.records import Item, Score
from lmm4lmm.core.score_rows import row_from_flat
from lmm4lmm.running.scoring import ScoringJob, score_manifest

pa = pytest.importorskip("pyarrow", reason="the [scale] extra is not installed")

from lmm4lmm.running.locations import locate  # noqa: E402
from lmm4lmm.running.parquet_store import KEY, token  # noqa: E402
from lmm4lmm.running.ray_stages import Facts, Reader, Scorer, cause_of, describe  # noqa: E402

NOTHING: Callable[[], Any] = lambda: np.array([], dtype="S16")  # noqa: E731


def block(items: Sequence[Item]) -> Any:
    names = ("id", "image", "prompt", "generator", "task", "question")
    return pa.Table.from_pylist([{name: getattr(item, name) for name in names} for item in items])


def read(folder: Path, items: Sequence[Item], done: Callable[[], Any] = NOTHING) -> list[dict[str, Any]]:
    reader = Reader(locate(str(folder)), describe(Brightness, None))
    return [row for table in reader.read(block(items), done) for row in table.to_pylist()]


def scored(scorer: Scorer, folder: Path, items: Sequence[Item]) -> list[dict[str, Any]]:
    reader = Reader(locate(str(folder)), describe(Brightness, None))
    tables = pa.concat_tables(reader.read(block(items), NOTHING))
    rows: list[dict[str, Any]] = scorer(tables).to_pylist()
    return rows


def test_rows_are_those_of_a_local_run(tmp_path: Path) -> None:
    items = make_items(tmp_path, 70)
    (tmp_path / "0003.png").write_bytes(b"no image")
    (tmp_path / "0004.png").unlink()
    for size in (3, "auto"):
        rows = scored(Scorer(Brightness, describe(Brightness, None), size), tmp_path, items)  # type: ignore[arg-type]
        assert [row_from_flat(row) for row in rows] == list(score_manifest(Brightness(), items))
        assert {row["id"] for row in rows if row["state"] == "failed"} == {"3", "4"}
        assert {row["remark"] for row in rows} == {None, "a dark one"}


def test_keys_are_those_of_the_journal(tmp_path: Path) -> None:
    items = make_items(tmp_path, 3)
    job = ScoringJob(Brightness())
    assert [row[KEY] for row in read(tmp_path, items)] == [job.load(item)[0] for item in items]


def test_what_is_done_is_neither_decoded_nor_scored(tmp_path: Path) -> None:
    items = make_items(tmp_path, 4)
    key = read(tmp_path, items)[1][KEY]
    rows = read(tmp_path, items, lambda: np.array([token("1", key)], dtype="S16"))
    assert [row["state"] for row in rows] == ["ready", "done", "ready", "ready"]
    assert rows[1]["pixels"] is None
    moved = read(tmp_path, items, lambda: np.array([token("2", key)], dtype="S16"))
    assert [row["state"] for row in moved] == ["ready"] * 4, "the same key under another id is not done"


def test_pixels_travel_in_pieces(tmp_path: Path) -> None:
    items = make_items(tmp_path, 130, size=4)
    reader = Reader(locate(str(tmp_path)), describe(Brightness, None))
    assert [table.num_rows for table in reader.read(block(items), NOTHING)] == [64, 64, 2]
    large = make_items(tmp_path / "large", 5, size=1500)
    reader = Reader(locate(str(tmp_path / "large")), describe(Brightness, None))
    assert [table.num_rows for table in reader.read(block(large), NOTHING)] == [2, 2, 1]


def test_an_image_may_lie_in_a_store_of_its_own(tmp_path: Path) -> None:
    (item,) = make_items(tmp_path / "elsewhere", 1)
    url = f"file://{tmp_path}/elsewhere/{item.image}"
    (row,) = read(tmp_path, [Item(id="0", path=Path("x"), image=url, prompt="")])
    assert (row["state"], row["width"], row["image"]) == ("ready", 16, url)


class Sickly(Brightness):
    """Works so many times, then never again."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def score(self, batch: Sequence[Any]) -> list[Score]:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the device is lost")
        return super().score(batch)


class Left(Exception):
    """Stands for the end of the process."""


def leave() -> None:
    raise Left


def test_a_replica_that_worked_and_fails_on_a_whole_block_gives_itself_up(tmp_path: Path) -> None:
    items, facts = make_items(tmp_path, 6), describe(Brightness, None)
    scorer = Scorer(lambda: Sickly(1), facts, 3, leave=leave)
    assert all(row["error"] is None for row in scored(scorer, tmp_path, items[:3]))
    with pytest.raises(Left):
        scored(scorer, tmp_path, items[3:])


def test_a_new_replica_that_fails_at_once_blames_the_items(tmp_path: Path) -> None:
    items, facts = make_items(tmp_path, 3), describe(Brightness, None)
    rows = scored(Scorer(lambda: Sickly(0), facts, 3, leave=leave), tmp_path, items)
    assert {row["error"] for row in rows} == {"RuntimeError: the device is lost"}


def test_items_that_fail_for_their_own_reasons_do_not_end_a_replica(tmp_path: Path) -> None:
    class Picky(Brightness):
        def score(self, batch: Sequence[Any]) -> list[Score]:
            if self.scored:
                raise ItemError("not this one")
            return super().score(batch)

    items, facts = make_items(tmp_path, 6), describe(Brightness, None)
    scorer = Scorer(Picky, facts, 3, leave=leave)
    scored(scorer, tmp_path, items[:3])
    assert {row["error"] for row in scored(scorer, tmp_path, items[3:])} == {"not this one"}


def test_machines_that_would_score_otherwise_are_refused() -> None:
    facts = Facts("brightness-2", ("perception",), "", "0")
    with pytest.raises(InputError, match="would not give the same scores: brightness-2 and brightness-1"):
        Scorer(Brightness, facts)


def test_errors_of_ours_are_found_within_what_wraps_them() -> None:
    def opener() -> Brightness:
        raise UnknownNameError("metric", "nan", ["nano"])

    with pytest.raises(InputError, match="no metric is called 'nan'; did you mean nano") as caught:
        describe(opener, None)
    outer = RuntimeError("wrapped")
    outer.__cause__ = caught.value
    assert cause_of(outer) is caught.value
    assert cause_of(RuntimeError("alone")) is None
