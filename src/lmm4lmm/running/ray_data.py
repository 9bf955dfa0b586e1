"""Scoring on a cluster with Ray Data: readers and replicas of the model on its machines, results back to one writer.

Ray Data moves the blocks, holds them back where the next stage is slower (so memory is bounded by what is in
flight, not by the number of images), and runs again what dies with a worker. Nothing of the run depends on Ray's
memory of it: what is done stands in the ``PartStore``, and the next run goes on from there.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import polars as pl

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.core.quiet import native_lines_muted
from lmm4lmm.core.records import Dimension
from lmm4lmm.running.locations import Location
from lmm4lmm.running.parquet_store import PartStore
from lmm4lmm.running.progress import Progress, Silence
from lmm4lmm.running.ray_stages import (
    DONE,
    FAILED,
    Facts,
    Opener,
    Reader,
    Scorer,
    cause_of,
    describe,
    release,
)

ITEM_COLUMNS = ("id", "image", "prompt", "generator", "task", "question")
REPLICA_SHARE, READER_SHARE = 0.5, 0.4
"""Of a processor, in Ray's books: one of each share a core.

Not equal, since Ray Data makes one stage of two that need the same: replicas would read for themselves, and wait.
"""

_BLOCK_BYTES = 16 * 2**20  # a block of pixels between readers and replicas
_LEAST_CHUNK, _MOST_CHUNK = 16, 1024  # items that one reader's task takes
_STARTS = 3
_ANSWERS_S = 20.0
_CALLS_IN_FLIGHT = 3  # a block that is scored, one that is prepared, one that waits


@dataclass(frozen=True)
class Cluster:
    """Where to run.

    Attributes:
        address: of a running cluster (``auto`` finds this machine's); None starts one here, for this run.
        replicas: copies of the model; None for one a GPU, or one for every two processors where there are none.
        readers: tasks that read images at once; None lets Ray decide by what is free.
        device: as for a metric; ``auto`` takes GPUs where the cluster has some.
    """

    address: str | None = None
    replicas: int | None = None
    readers: int | None = None
    device: str = "auto"


@dataclass
class Tally:
    """What became of the items; ``errors`` holds the first few reasons, with their item."""

    done: int = 0
    failed: int = 0
    cached: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def items(self) -> int:
        """All of them."""
        return self.done + self.failed + self.cached


@dataclass(frozen=True)
class Run:
    """A run that is ready to start.

    Attributes:
        replicas: how many.
        gpus: whether each has one.
    """

    opener: Opener
    facts: Facts
    replicas: int
    gpus: bool
    readers: int | None

    def score(
        self,
        items: pl.DataFrame,
        root: Location,
        store: PartStore,
        *,
        batch_size: int | Literal["auto"] = "auto",
        progress: Progress | None = None,
    ) -> Tally:
        """Scores what the store does not hold yet, into it.

        Args:
            items: ``ITEM_COLUMNS``, as text; ids are unique.
            root: where relative images start.

        Raises:
            Lmm4lmmError: the metric can't be used on a worker. What was scored before is kept.
            RuntimeError: Ray lost items or gave some twice; nothing old was dropped.
        """
        shown, tally = progress or Silence(), Tally()
        shown.start(items.height)
        try:
            with _our_errors():
                stream = self.plan(items, root, store, batch_size)
                for table in stream.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                    _take(table, store, tally, shown)
        finally:
            shown.finish()
        if tally.items != items.height:
            raise RuntimeError(f"{items.height:,} items went in and {tally.items:,} came out")
        store.finish()
        return tally

    def plan(
        self, items: pl.DataFrame, root: Location, store: PartStore, batch_size: int | Literal["auto"]
    ) -> Any:
        """The stages as a data set of Ray Data, which does nothing before rows are asked for."""
        import ray
        from ray.data import ActorPoolStrategy, TaskPoolStrategy, from_arrow_refs

        chunks = chunks_of(items, self.readers or 2 * self.replicas)
        found = from_arrow_refs([ray.put(chunk) for chunk in chunks])
        found = found.map_batches(
            Reader(root, self.facts).read,
            fn_kwargs={"done": partial(ray.get, ray.put(store.done))},
            batch_format="pyarrow",
            batch_size=None,
            num_cpus=READER_SHARE,
            compute=TaskPoolStrategy(self.readers),
        )
        return found.map_batches(
            Scorer,
            fn_constructor_args=(self.opener, self.facts, batch_size),
            batch_format="pyarrow",
            batch_size=None,
            num_cpus=REPLICA_SHARE,
            num_gpus=1 if self.gpus else 0,
            compute=ActorPoolStrategy(
                size=self.replicas,
                max_tasks_in_flight_per_actor=_CALLS_IN_FLIGHT,
                max_concurrent_calls_per_actor=2,
            ),
        )


@contextmanager
def cluster_run(cluster: Cluster, opener: Opener, dimensions: Sequence[Dimension] | None) -> Iterator[Run]:
    """Connects, or starts a cluster on this machine, and asks a worker what the metric is.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: no such cluster, it is too small, or its lmm4lmm is another release.
        Lmm4lmmError: the metric can't be opened on a worker.
    """
    with _connected(cluster.address):
        replicas, gpus = placed(cluster, *_resources())
        facts = _described(opener, dimensions, gpus)
        yield Run(opener, facts, replicas, gpus, cluster.readers)


def placed(cluster: Cluster, cpus: float, gpus: float) -> tuple[int, bool]:
    """How many replicas, and whether each takes a GPU.

    Raises:
        InputError: the cluster has no room for them and a reader, or no GPU where one was asked for.
    """
    if "," in cluster.device or ":" in cluster.device:
        raise InputError(
            f"device '{cluster.device}': on a cluster the devices are given out by Ray; use --replicas N, with "
            "device auto, cpu or cuda"
        )
    on_gpu = cluster.device == "cuda" or (cluster.device == "auto" and gpus >= 1)
    replicas = cluster.replicas or (int(gpus) if on_gpu else max(1, int(cpus) // 2))
    if on_gpu and replicas > gpus:
        raise InputError(f"{replicas} replicas need a GPU each; the cluster has {gpus:g}")
    if (needed := replicas * REPLICA_SHARE + READER_SHARE) > cpus:
        raise InputError(
            f"{replicas} replicas and a reader need {needed:g} processors ({REPLICA_SHARE:g} and {READER_SHARE:g} "
            f"each); the cluster has {cpus:g}"
        )
    return replicas, on_gpu


def chunks_of(items: pl.DataFrame, readers: int) -> Iterator[Any]:
    """The items in tables of pyarrow, one for each reader's task: many of them, so that all readers end together."""
    rows = min(_MOST_CHUNK, max(_LEAST_CHUNK, items.height // (16 * readers)))
    for chunk in items.select(ITEM_COLUMNS).iter_slices(rows):
        yield chunk.to_arrow(compat_level=pl.CompatLevel.oldest())


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """A connection to a cluster, closed in the end, unless this process has one already."""
    # Before Ray is imported: it reports its use to its makers unless told otherwise.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its warnings would stand between our lines
    os.environ.setdefault("RAY_worker_register_timeout_seconds", "300")  # a busy disk is no dead worker
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("--executor ray", "scale") from error
    if ray.is_initialized():
        _quiet()
        yield
        return
    start(address)
    _quiet()
    try:
        yield
    finally:
        ray.shutdown()


def start(address: str | None, **options: Any) -> None:
    """Connects to a cluster or starts one; a busy machine may need more than one attempt for that.

    Args:
        options: more for ``ray.init``.

    Raises:
        InputError: there is no such cluster, or none can be started here.
    """
    import ray

    if address is not None:
        _answers(address)
    for attempt in range(_STARTS):
        try:
            # A cluster that is started says of what log level it was given; what goes wrong is raised.
            with nullcontext() if address else native_lines_muted():
                ray.init(
                    address=address or "local",
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                    include_dashboard=None if address else False,
                    **options,
                )
            return
        except Exception as error:  # Ray's own is a plain Exception, too
            ray.shutdown()
            if address is not None:
                raise InputError(f"no Ray cluster at '{address}': {_line(error)}") from error
            if attempt == _STARTS - 1:
                raise InputError(f"Ray can't be started on this machine: {_line(error)}") from error


def _answers(address: str) -> None:
    """Raises ``InputError`` where nothing answers at HOST:PORT: Ray would try for minutes, then end the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(f"no Ray cluster at '{address}': {_line(error)}") from error


def _quiet() -> None:
    """Ray Data's own bars and notes would mix with ours; sizes of blocks are ours, too."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = _BLOCK_BYTES
    context.actor_init_retry_on_errors = False
    context.max_consecutive_actor_init_deaths = 3
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _resources() -> tuple[float, float]:
    import ray

    found = ray.cluster_resources()
    return float(found.get("CPU", 0)), float(found.get("GPU", 0))


def _described(opener: Opener, dimensions: Sequence[Dimension] | None, gpus: bool) -> Facts:
    """What the metric says of itself where it will run; the process that was asked ends, with its memory."""
    import ray

    ask = ray.remote(num_cpus=REPLICA_SHARE, num_gpus=1 if gpus else 0, max_calls=1, max_retries=3)(describe)
    with _our_errors():
        facts: Facts = ray.get(ask.remote(opener, dimensions))
    check_release(facts)
    return facts


def check_release(facts: Facts) -> None:
    """Refuses a cluster with another lmm4lmm: its scores may be others.

    Raises:
        InputError: names both releases.
    """
    if facts.version != (here := release()):
        raise InputError(
            f"the cluster has lmm4lmm {facts.version}, and this is {here}: install the same on both"
        )


def _take(table: Any, store: PartStore, tally: Tally, shown: Progress) -> None:
    """One block of results: into the store, or confirmed there."""
    import pyarrow.compute as pc

    known = pc.equal(table["state"], DONE)
    store.confirm(table.filter(known)["id"])
    fresh = table.filter(pc.invert(known))
    failed = fresh.filter(pc.equal(fresh["state"], FAILED))
    store.add(fresh)
    cached = table.num_rows - fresh.num_rows
    done = fresh.num_rows - failed.num_rows
    tally.done, tally.failed, tally.cached = (
        tally.done + done,
        tally.failed + failed.num_rows,
        tally.cached + cached,
    )
    shown.advance(done=done, failed=failed.num_rows, cached=cached)
    for row in failed.slice(0, max(0, 3 - len(tally.errors))).select(["id", "error"]).to_pylist():
        tally.errors.append(f"{row['id']}: {row['error']}")


@contextmanager
def _our_errors() -> Iterator[None]:
    """Lets our own errors out of what Ray wrapped them in."""
    try:
        yield
    except Exception as error:
        if (ours := cause_of(error)) is not None:
            raise ours from None
        raise


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
