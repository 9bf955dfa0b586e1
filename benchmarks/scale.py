"""Scoring on a cluster of this machine: what each stage costs, what two workers bring, and what a kill costs.

    python benchmarks/scale.py stages  --images DIR [--count 40]
    python benchmarks/scale.py speedup --images DIR [--count 96] [--repeats 3]
    python benchmarks/scale.py kill    --images DIR [--count 96]

DIR holds a ``manifest.jsonl``. ``stages`` gives processor time, which other work on the machine changes little.
``speedup`` compares one replica and one reader with two and two, a replica on one thread, in turns; rates are from
the first result to the last. ``kill`` kills a replica, then the driver (kill -9), runs the command again, and
compares the output with a local run. Each part ends within --seconds (default: 600).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

import lmm4lmm
from lmm4lmm.core.files import content_key
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.manifest import read_manifest


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("stages", "speedup", "kill", "child"))
    parser.add_argument("--images", type=Path, required=True, help="a folder with manifest.jsonl")
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--metric", default="nano")
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    {"stages": stages, "speedup": speedup, "kill": kill, "child": child}[options.what](options)


def stages(options: argparse.Namespace) -> None:
    """Milliseconds of processor time an image, stage by stage, one thread."""
    import torch

    torch.set_num_threads(1)
    items = list(read_manifest(options.images, limit=options.count))
    metric = lmm4lmm.load_metric(options.metric)
    spent: Counter[str] = Counter()
    size = 0

    def timed(name: str, work: Any) -> Any:
        began = time.process_time()
        result = work()
        spent[name] += 1000 * (time.process_time() - began) / len(items)
        return result

    for warm in (True, False):
        prepared = []
        for item in items[:4] if warm else items:
            data = timed("read", partial(load_bytes, item.path))
            timed("hash", partial(content_key, data))
            picture = timed("decode", partial(read_image, data, name=item.image))
            timed("hand over", partial(handed, picture))
            prepared.append(timed("prepare", partial(metric.prepare, item, picture)))
            size += len(data)
        for first in range(0, len(prepared), 16):
            timed("model", partial(metric.score, prepared[first : first + 16]))
        if warm:
            spent.clear()
            size = 0
    print(f"{len(items)} images, {size / len(items) / 1e6:.2f} MB each, {metric.fingerprint}; {load()}")
    for name, milliseconds in spent.items():
        print(f"{name:<10} {milliseconds:8.2f} ms of a core an image")


def handed(picture: Any) -> None:
    """What pixels go through between a reader and a replica: into a table, written, and out again."""
    import pyarrow as pa
    from PIL import Image

    table = pa.table({"pixels": pa.array([picture.tobytes()], pa.large_binary())})
    sink = BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    again = pa.ipc.open_stream(sink.getvalue()).read_all()
    Image.frombytes("RGB", picture.size, again["pixels"][0].as_py())


def speedup(options: argparse.Namespace) -> None:
    """Rates of one and two workers, in turns."""
    rates: dict[tuple[int, int], list[float]] = {(1, 1): [], (1, 2): [], (2, 2): []}
    for repeat in range(options.repeats):
        for (replicas, cores), found in rates.items():
            before = load()
            found.append(rate_of_child(options, replicas, cores))
            print(
                f"repeat {repeat + 1}, {replicas} on {cores} of the cores: {found[-1]:.2f} images/s  ({before})"
            )
    alone, free, both = (median(found) for found in rates.values())
    print(
        f"medians {alone:.2f}, {free:.2f} and {both:.2f} images/s: two are x {both / alone:.2f} of one that has "
        f"a core with Ray and the driver, x {both / free:.2f} of one that has both cores"
    )


def rate_of_child(options: argparse.Namespace, replicas: int, cores: int) -> float:
    """Images a second of a run in a process of its own, on so many of the cores."""
    allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    command = ["taskset", "-c", allowed, sys.executable, __file__, "child", "--images", str(options.images)]
    command += ["--count", str(options.count), "--replicas", str(replicas), "--metric", options.metric]
    done = subprocess.run(command, capture_output=True, text=True, timeout=options.seconds, check=True)
    rate: float = json.loads(done.stdout.splitlines()[-1])["rate"]
    return rate


class Watch:
    """A progress that knows when the first and the last result came."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []

    def start(self, total: int | None) -> None:
        """Nothing to do."""

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        """Notes the time."""
        self.marks.append((time.perf_counter(), done + failed + cached))

    def finish(self) -> None:
        """Nothing to do."""

    def rate(self) -> float:
        """Items a second, those of the first mark left out: they were begun before it."""
        return sum(count for _, count in self.marks[1:]) / (self.marks[-1][0] - self.marks[0][0])


def child(options: argparse.Namespace) -> None:
    """One run, for ``speedup``."""
    from lmm4lmm.running.locations import locate
    from lmm4lmm.running.parquet_store import PartStore
    from lmm4lmm.running.ray_data import Cluster, cluster_run

    manifest = read_manifest(options.images, limit=options.count)
    cluster, watch = Cluster(replicas=options.replicas, readers=options.replicas), Watch()
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        opener = partial(lmm4lmm.load_metric, options.metric)
        with PartStore(locate(folder)) as store, cluster_run(cluster, opener, None) as run:
            run.score(manifest.frame, locate(str(manifest.root)), store, batch_size=8, progress=watch)
    print(json.dumps({"rate": watch.rate(), "images": len(manifest)}))


def kill(options: argparse.Namespace) -> None:
    """Kills a replica and the driver on the way; then finishes and compares."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        folder, out = Path(name), Path(name) / "scores"
        command = [str(Path(sys.executable).with_name("lmm4lmm")), "score", str(options.images)]
        command += ["--limit", str(options.count), "--metric", options.metric, "--batch-size", "4"]
        spread = [*command, "-o", str(out), "--executor", "ray", "--replicas", "2"]
        driver = subprocess.Popen(spread, start_new_session=True, stderr=subprocess.PIPE, text=True)
        until(lambda: rows(out) > 0 or driver.poll() is not None, options.seconds, "no first part")
        replicas = [pid for pid in below(driver.pid) if "MapWorker" in command_of(pid)]
        os.kill(replicas[0], signal.SIGKILL)
        at_worker = rows(out)
        until(lambda: rows(out) > at_worker or driver.poll() is not None, options.seconds, "no part after it")
        family = below(driver.pid)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        at_driver = rows(out)
        died = time.monotonic()
        until(lambda: not any(alive(pid) for pid in family), 180, "processes outlived the driver")
        print(
            f"killed replica {replicas[0]} with {at_worker} rows written, the driver with {at_driver}; "
            f"{time.monotonic() - died:.0f} s later Ray's last agent was gone"
        )
        again = subprocess.run(
            [*spread, "--json"], stdout=subprocess.PIPE, text=True, timeout=options.seconds
        )
        print(f"second run: exit {again.returncode}, {json.dumps(json.loads(again.stdout))}")
        subprocess.run([*command, "-o", str(folder / "local.jsonl")], check=True, timeout=options.seconds)
        compare(lmm4lmm.read_scores(out), lmm4lmm.read_scores(folder / "local.jsonl"))
    print(f"took {time.monotonic() - began:.0f} s; {load()}")


def compare(spread: pl.DataFrame, local: pl.DataFrame) -> None:
    """Says what was lost, what was doubled, and how far scores lie apart."""
    both = spread.join(local, on="id", how="inner", suffix="_local")
    print(
        f"rows {spread.height} and {local.height}: lost {local.height - both.height}, "
        f"doubled {spread.height - spread['id'].n_unique()}"
    )
    for column in ("perception", "correspondence", "answer"):
        apart = (both[column] - both[f"{column}_local"]).abs().max()
        print(f"  {column}: at most {0 if apart is None else apart:.1e} apart")


def rows(folder: Path) -> int:
    """Rows of whole parts; parts that come or go meanwhile count in the next look."""
    found = 0
    for part in folder.glob("part-*.parquet") if folder.is_dir() else ():
        found += pl.scan_parquet(part).select(pl.len()).collect().item()
    return found


def until(happens: Any, seconds: float, otherwise: str) -> None:
    """Waits, with an end."""
    end = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > end:
            raise SystemExit(otherwise)
        time.sleep(0.2)


def below(pid: int) -> list[int]:
    """All processes that a process started, and those that these started."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found, next_ones = [], [pid]
    while next_ones:
        children = [one for parent in next_ones for one in parents.get(parent, [])]
        found += children
        next_ones = children
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def command_of(pid: int) -> str:
    """A process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def load() -> str:
    """How busy the machine is."""
    return f"load average {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
