"""Scoring on a small cluster of this machine: the same rows as a local run, and nothing lost with a worker.

One cluster of two processors serves all tests here; starting it takes most of their time.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from PIL import Image
from running_fakes import Brightness, Counting, Marking, refuse

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.manifest import Manifest, read_manifest
from lmm4lmm.core.score_rows import row_from_flat
from lmm4lmm.running.scoring import score_manifest

pytest.importorskip("pyarrow", reason="the [scale] extra is not installed")
ray = pytest.importorskip("ray", reason="the [scale] extra is not installed")

from lmm4lmm.running.locations import locate  # noqa: E402
from lmm4lmm.running.parquet_store import PartStore  # noqa: E402
from lmm4lmm.running.ray_data import Cluster, Run, Tally, check_release, chunks_of, cluster_run, placed, start  # noqa: E402
from lmm4lmm.running.ray_stages import describe  # noqa: E402

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    """A cluster of two processors, whose workers find the fakes of the tests; not of use to its makers."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        start(None, num_cpus=2, object_store_memory=200 * 2**20)
        yield
        ray.shutdown()


def write_set(folder: Path, count: int, size: int = 16) -> Manifest:
    """A manifest of distinct images; the last one is broken."""
    folder.mkdir()
    rows = []
    for number in range(count):
        name = f"{number:03}.png"
        Image.new("RGB", (size, size), (number % 256, number // 256, 7)).save(folder / name)
        rows.append({"id": f"i{number}", "image": name, "prompt": "p" * (number % 5), "generator": "g"})
    (folder / name).write_bytes(b"no image")
    pl.DataFrame(rows).write_parquet(folder / "manifest.parquet")
    return read_manifest(folder / "manifest.parquet")


def score(manifest: Manifest, out: Path, opener: Any = Brightness, replicas: int = 1) -> Tally:
    with PartStore(locate(str(out))) as store, cluster_run(Cluster(replicas=replicas), opener, None) as run:
        return run.score(manifest.frame, locate(str(manifest.root)), store, batch_size=4)


def rows_in(out: Path) -> dict[str, Any]:
    with PartStore(locate(str(out))) as store:
        found = [row for table in store.tables() for row in table.to_pylist()]
    assert max(Counter(row["id"] for row in found).values()) == 1, "an id stands twice"
    return {row["id"]: row_from_flat(row) for row in found}


def test_rows_are_those_of_a_local_run_and_the_next_run_does_only_what_changed(
    running: None, tmp_path: Path
) -> None:
    manifest = write_set(tmp_path / "set", 40)
    expected = {row.id: row for row in score_manifest(Brightness(), manifest)}
    progress = Counting()
    with (
        PartStore(locate(str(tmp_path / "out"))) as store,
        cluster_run(Cluster(replicas=2), Brightness, None) as run,
    ):
        tally = run.score(
            manifest.frame.sample(fraction=1, shuffle=True, seed=1),
            locate(str(manifest.root)),
            store,
            progress=progress,
        )
        found = {row["id"]: row_from_flat(row) for table in store.tables() for row in table.to_pylist()}
    assert found == expected
    assert (tally.done, tally.failed, tally.cached) == (39, 1, 0)
    assert tally.errors == [f"i39: {expected['i39'].error}"]
    assert progress.counts == Counter(done=39, failed=1)
    assert progress.finished == 1

    Image.new("RGB", (16, 16), (250, 0, 0)).save(
        tmp_path / "set" / "003.png"
    )  # another image of the same name
    Image.new("RGB", (16, 16), (9, 9, 9)).save(tmp_path / "set" / "039.png")  # mended
    fewer = read_manifest(tmp_path / "set" / "manifest.parquet")
    fewer = Manifest(fewer.path, fewer.root, fewer.frame.filter(pl.col("id") != "i5"))
    tally = score(fewer, tmp_path / "out")
    assert (tally.done, tally.failed, tally.cached) == (2, 0, 37)
    again = {row.id: row for row in score_manifest(Brightness(), fewer)}
    assert rows_in(tmp_path / "out") == again


def test_a_worker_that_is_killed_loses_and_doubles_nothing(running: None, tmp_path: Path) -> None:
    manifest = write_set(tmp_path / "set", 60)
    pids = tmp_path / "pids"
    pids.mkdir()
    killed: list[int] = []

    class Killer(Counting):
        """Kills the first replica that has delivered something."""

        def advance(self, **counts: int) -> None:
            super().advance(**counts)
            if not killed:
                killed.append(int(next(pids.iterdir()).name))
                os.kill(killed[0], signal.SIGKILL)

    with (
        PartStore(locate(str(tmp_path / "out"))) as store,
        cluster_run(Cluster(replicas=1), partial(Marking, pids), None) as run,
    ):
        tally = run.score(manifest.frame, locate(str(manifest.root)), store, batch_size=4, progress=Killer())
    assert (tally.done, tally.failed) == (59, 1)
    assert len(list(pids.iterdir())) > 1, "the replica was not started again"
    expected = {row.id: row for row in score_manifest(Brightness(), manifest) if row.error is None}
    assert rows_in(tmp_path / "out") == expected


def test_errors_of_the_metric_on_a_worker_reach_the_user(running: None, tmp_path: Path) -> None:
    manifest = write_set(tmp_path / "set", 3)
    with pytest.raises(InputError, match=r"^no such weights: nowhere$"):
        score(manifest, tmp_path / "out", refuse)


def test_reading_is_a_stage_of_its_own(running: None, tmp_path: Path) -> None:
    manifest = write_set(tmp_path / "set", 3)
    with PartStore(locate(str(tmp_path / "out"))) as store, cluster_run(Cluster(), Brightness, None) as run:
        plan = run.plan(manifest.frame, locate(str(manifest.root)), store, 1)
        assert (
            sum(table.num_rows for table in plan.iter_batches(batch_size=None, batch_format="pyarrow")) == 3
        )
    assert "MapBatches(Scorer): " in plan.stats()
    assert "->" not in plan.stats(), "Ray Data made one stage of two"


@pytest.mark.slow
def test_nano_gives_the_scores_of_a_local_run(running: None, tmp_path: Path, nano_base_folder: Path) -> None:
    from lmm4lmm import api

    manifest = write_set(tmp_path / "set", 4, size=256)
    tally = score(manifest, tmp_path / "out", api.load_metric)
    assert (tally.done, tally.failed) == (3, 1)
    found = rows_in(tmp_path / "out")
    for row in score_manifest(api.load_metric(), manifest):
        if row.error is None:
            assert row.perception is not None
            assert row.correspondence is None or row.correspondence.score == pytest.approx(
                found[row.id].correspondence.score, abs=1e-3
            )
            assert row.perception.score == pytest.approx(found[row.id].perception.score, abs=1e-3)


def test_nothing_is_reported_to_the_makers_of_ray(running: None) -> None:
    usage_lib = pytest.importorskip("ray._common.usage.usage_lib")

    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not usage_lib.usage_stats_enabled()


def test_items_that_a_cluster_loses_are_noticed_and_nothing_old_is_dropped(tmp_path: Path) -> None:
    class Losing(Run):
        def plan(self, *_: Any) -> Any:
            return SimpleNamespace(iter_batches=lambda **_: iter([]))

    frame = pl.DataFrame({"id": ["a"]})
    run = Losing(Brightness, describe(Brightness, None), 1, False, None)
    with PartStore(locate(str(tmp_path))) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "finish", lambda: pytest.fail("old rows would go"))
        with pytest.raises(RuntimeError, match="1 items went in and 0 came out"):
            run.score(frame, locate(str(tmp_path)), store)


def test_another_release_on_the_cluster_is_refused() -> None:
    with pytest.raises(InputError, match=r"the cluster has lmm4lmm 0\.0, and this is"):
        check_release(replace(describe(Brightness, None), version="0.0"))


def test_where_replicas_go() -> None:
    assert placed(Cluster(), cpus=8, gpus=0) == (4, False)
    assert placed(Cluster(), cpus=1, gpus=0) == (1, False)
    assert placed(Cluster(), cpus=64, gpus=8) == (8, True)
    assert placed(Cluster(device="cpu"), cpus=64, gpus=8) == (32, False)
    assert placed(Cluster(replicas=2, device="cuda"), cpus=8, gpus=4) == (2, True)
    with pytest.raises(InputError, match="3 replicas need a GPU each; the cluster has 2"):
        placed(Cluster(replicas=3), cpus=8, gpus=2)
    with pytest.raises(
        InputError, match=r"4 replicas and a reader need 2\.4 processors .* the cluster has 2"
    ):
        placed(Cluster(replicas=4), cpus=2, gpus=0)
    for device in ("cuda:1", "cuda:0,cuda:1"):
        with pytest.raises(InputError, match="--replicas N"):
            placed(Cluster(device=device), cpus=8, gpus=2)


def test_chunks_hold_every_item_once_and_are_many() -> None:
    frame = pl.DataFrame(
        {
            name: [str(number) for number in range(1000)]
            for name in ("id", "image", "prompt", "generator", "task", "question")
        }
    )
    chunks = list(chunks_of(frame, readers=2))
    assert [one for chunk in chunks for one in chunk["id"].to_pylist()] == frame["id"].to_list()
    assert max(chunk.num_rows for chunk in chunks) == 31
    assert max(chunk.num_rows for chunk in chunks_of(frame, readers=1000)) == 16


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "127.0.0.1:99999", "ray://127.0.0.1:1"])
def test_where_no_cluster_is_nothing_is_waited_for(address: str) -> None:
    with pytest.raises(InputError, match="no Ray cluster at"):
        start(address)
