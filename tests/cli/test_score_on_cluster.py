"""``lmm4lmm score --executor ray`` as a user runs it, killed on the way; and manifests that lie in a store."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.scores import read_scores

pytest.importorskip("ray", reason="the [scale] extra is not installed")


def request(source: str, limit: int | None = None):
    from lmm4lmm.cli.scoring import Request

    nothing = dict.fromkeys(("prompts", "metric", "weights", "dimensions", "workers", "journal"))
    return Request(
        source=Path(source),
        out=Path("o"),
        options={},
        device="auto",
        dtype="auto",
        batch_size="auto",
        limit=limit,
        **nothing,
    )  # type: ignore[arg-type]


def many(manifest: Path, count: int) -> Path:
    """So many copies of the manifest's images, each with an id of its own."""
    frame = pl.read_ndjson(manifest)
    rows = pl.concat([frame.with_columns(pl.lit(str(number)).alias("copy")) for number in range(count)])
    rows = rows.with_columns((pl.col("image") + "-" + pl.col("copy")).alias("id")).drop("copy")
    path = manifest.with_name("many.parquet")
    rows.write_parquet(path)
    return path


@pytest.mark.slow
def test_a_driver_that_is_killed_loses_and_doubles_nothing(command, manifest: Path, tmp_path: Path) -> None:
    source, out = many(manifest, 4), tmp_path / "scores"
    words = (
        "score",
        f"file://{source}",
        "-o",
        out,
        "--metric",
        "slow",
        "--executor",
        "ray",
        "--replicas",
        "1",
    )
    quick = {"RAY_worker_niceness": "0"}
    first = command(*words, cwd=tmp_path, **quick)
    end = time.monotonic() + 240
    while not list(out.glob("part-*")) and first.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    assert first.poll() is None, first.communicate()
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    kept = read_scores(out).height
    assert 0 < kept < 48
    again = command(*words, "--json", cwd=tmp_path, **quick)
    printed, said = again.communicate(timeout=240)
    assert again.returncode == 0, said
    facts = json.loads(printed)
    assert (facts["items"], facts["scored"], facts["failed"]) == (48, 48, 0)
    assert facts["cached"] >= kept
    scores = read_scores(out)
    assert Counter(scores["id"]) == Counter(pl.read_parquet(source)["id"])
    assert "lmm4lmm leaderboard" in said


def test_a_manifest_in_a_store_is_read_and_its_images_start_there(manifest: Path) -> None:
    from lmm4lmm.cli.scaling import read_items

    folder = manifest.parent
    url = f"file://{folder}/manifest.jsonl"
    found, root = read_items(url, request(url, limit=5))
    assert len(found) == 5
    assert root.child(found.frame["image"][0]).local == folder / "calm-0.png"
    found, root = read_items(f"file://{folder}", request(str(folder)))
    assert len(found) == 12
    assert root.local == folder


def test_a_manifest_in_parts_is_one_manifest(manifest: Path, tmp_path: Path) -> None:
    from lmm4lmm.cli.scaling import read_items

    frame = pl.read_ndjson(manifest)
    parts = tmp_path / "parts"
    parts.mkdir()
    frame.head(5).write_parquet(parts / "a.parquet")
    frame.tail(7).write_parquet(parts / "b.parquet")
    for source in (str(parts), f"file://{parts}"):
        found, root = read_items(source, request(source))
        assert found.frame["image"].to_list() == frame["image"].to_list()
        assert root.local == parts


def test_errors_of_a_manifest_in_a_store_name_its_address(tmp_path: Path) -> None:
    from lmm4lmm.cli.scaling import read_items

    (tmp_path / "bad.csv").write_text("image,prompt\na.png,x\na.png,y\n")
    url = f"file://{tmp_path}/bad.csv"
    with pytest.raises(InputError, match=rf"^{url}, row 3, column 'image'"):
        read_items(url, request(url))
    for gone in (f"file://{tmp_path}/none.csv", f"file://{tmp_path}"):
        with pytest.raises(InputError, match=r"no such file|needs manifest\.jsonl"):
            read_items(gone, request(gone))


def test_an_image_may_be_an_address_in_a_store_but_not_on_the_web(tmp_path: Path) -> None:
    from lmm4lmm.cli.scaling import read_items

    table = tmp_path / "m.csv"
    table.write_text("image,prompt\ns3://bucket/a.png,x\n")
    assert len(read_items(str(table), request(str(table)))[0]) == 1
    table.write_text("image,prompt\nhttps://example.org/a.png,x\n")
    with pytest.raises(InputError, match="download them first"):
        read_items(str(table), request(str(table)))


def test_scores_from_parts_become_one_file_in_the_manifest_s_order(manifest: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from lmm4lmm.cli.scaling import gather
    from lmm4lmm.core.manifest import read_manifest
    from lmm4lmm.running.locations import locate
    from lmm4lmm.running.parquet_store import PartStore

    items = read_manifest(manifest)
    with PartStore(locate(str(tmp_path / "p"))) as store:
        for identity in reversed(items.frame["id"].to_list()):
            row = {"id": identity, "image": "i", "prompt": "p", "metric": "m", "perception": 1.0}
            store.add(
                pa.Table.from_pylist([{n: row.get(n) for n in store.schema.names}], schema=store.schema)
            )
        store.flush()
        gather(store, items, tmp_path / "out.jsonl")
    assert read_scores(tmp_path / "out.jsonl")["id"].to_list() == items.frame["id"].to_list()
