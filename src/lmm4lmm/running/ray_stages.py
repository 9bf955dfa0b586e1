"""What a cluster's workers do: readers turn items into pixels, actors with the model turn pixels into scores.

Plain functions over tables of pyarrow, which run without a cluster, too. Errors keep the rules of
``running.engine``: an item that fails is a row with its reason; what may pass is tried again; what is about the
whole run ends it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmm4lmm.core.errors import InputError, ItemError, Lmm4lmmError, OutOfMemoryError
from lmm4lmm.core.images import read_image
from lmm4lmm.core.protocols import Metric
from lmm4lmm.core.records import Dimension, Item, Score, ScoreRow
from lmm4lmm.core.score_rows import SCORE_COLUMNS, row_to_flat
from lmm4lmm.running.batching import BatchSize, Failure, Window, attempt, run_batch
from lmm4lmm.running.executors import ThreadExecutor
from lmm4lmm.running.locations import Location, image_bytes, is_url, locate
from lmm4lmm.running.parquet_store import KEY, holds, token
from lmm4lmm.running.scoring import ScoringJob, score_key

Opener: TypeAlias = Callable[[], Metric[Any]]
"""Makes the metric, where the model shall be."""

READY, DONE, FAILED = "ready", "done", "failed"
"""An item's state on its way: to be scored, known already, or with an error."""

_TEXTS = ("id", "image", "prompt", "generator", "task", "question")
_THREADS = 4  # a reader waits for its disk or its cloud most of the time
_BLOCK_BYTES = 8 * 2**20  # of pixels that leave a reader at once
_BLOCK_ROWS = 64
_RETRIES = 2
_BROKEN = 13  # the exit code of a replica that gave itself up


@dataclass(frozen=True)
class Facts:
    """What the metric says of itself on a worker.

    Attributes:
        place: the device and dtype, for people to read.
        version: of lmm4lmm there.
    """

    fingerprint: str
    dimensions: tuple[Dimension, ...]
    place: str
    version: str


def describe(opener: Opener, dimensions: Sequence[Dimension] | None) -> Facts:
    """Opens the metric and asks it.

    Raises:
        Lmm4lmmError: it can't be opened, or does not give the dimensions.
    """
    with portable_errors():
        metric = opener()
        job = ScoringJob(metric, dimensions)
    place = ", ".join(str(getattr(metric, name)) for name in ("device", "dtype") if hasattr(metric, name))
    return Facts(metric.fingerprint, job.dimensions, place, release())


def release() -> str:
    """The lmm4lmm that is installed on this machine."""
    return version("lmm4lmm")


@dataclass(frozen=True)
class Reader:
    """Reads images: everything before the model; see ``read``.

    Attributes:
        root: where relative images start.
        facts: of the metric, for the keys.
        retries: how often an error that may pass is tried again.
    """

    root: Location
    facts: Facts
    retries: int = _RETRIES

    def read(self, table: Any, done: Callable[[], NDArray[np.bytes_]]) -> Iterator[Any]:
        """Items (columns ``id``, ``image``, ``prompt``, ``generator``, ``task``, ``question``) with their pixels.

        Args:
            done: gives the tokens of what needs no scoring; all readers of a machine share one copy.

        Yields:
            Tables of at most some megabytes, with ``state``, ``error``, the key, and the pixels of what is ready.
        """
        waiting: list[dict[str, Any]] = []
        size = 0
        work = partial(self._read, done=done())
        for row in ThreadExecutor(_THREADS, in_flight=2 * _THREADS).map(work, table.to_pylist()):
            waiting.append(row)
            size += len(row["pixels"] or b"")
            if size >= _BLOCK_BYTES or len(waiting) >= _BLOCK_ROWS:
                yield _read_table(waiting)
                waiting, size = [], 0
        if waiting:
            yield _read_table(waiting)

    def _read(self, row: dict[str, Any], done: NDArray[np.bytes_]) -> dict[str, Any]:
        found = {name: row[name] for name in _TEXTS} | {"state": FAILED, "error": None, KEY: None}
        found |= {"pixels": None, "width": None, "height": None}
        data = attempt(partial(image_bytes, self._place(row["image"])), retries=self.retries)
        if isinstance(data, Failure):
            return found | {"error": data.reason}
        facts = self.facts
        key = score_key(_item(row), data, fingerprint=facts.fingerprint, dimensions=facts.dimensions)
        if holds(done, token(row["id"], key)):
            return found | {"state": DONE, KEY: key}
        picture = attempt(partial(read_image, data, name=row["image"]), retries=0)
        if isinstance(picture, Failure):
            return found | {KEY: key, "error": picture.reason}
        pixels = {"pixels": picture.tobytes(), "width": picture.width, "height": picture.height}
        return found | {"state": READY, KEY: key} | pixels

    def _place(self, image: str) -> Location:
        if not is_url(image):
            return self.root.child(image)
        folder, _, name = image.rpartition("/")
        return _folder(folder).child(name)


@lru_cache(maxsize=64)
def _folder(text: str) -> Location:
    # a client of a cloud takes long to make, and images of one folder come one after another
    return locate(text)


class Scorer:
    """Holds the model and scores what readers send; one a replica.

    Args:
        opener: makes the metric; called once, here.
        facts: what it must say of itself: every replica gives the same scores.
        batch_size: items a batch; "auto" doubles it while that gives more speed and memory is left.
        threads: that prepare items while others are scored.
        leave: called when the process seems to be broken; ends it unless given.

    Raises:
        InputError: this machine's metric is another one.
    """

    def __init__(
        self,
        opener: Opener,
        facts: Facts,
        batch_size: int | Literal["auto"] = "auto",
        threads: int = 2,
        leave: Callable[[], None] | None = None,
    ) -> None:
        with portable_errors():
            self._job = ScoringJob(opened(opener, facts), facts.dimensions)
        self._size = BatchSize(1, grow=True) if batch_size == "auto" else BatchSize(batch_size, grow=False)
        self._threads = ThreadExecutor(threads)
        self._one_at_a_time = threading.Lock()  # while one block is scored, the next one is prepared
        self._leave = leave or partial(os._exit, _BROKEN)
        self._returned, self._has_worked = 0, False

    def __call__(self, table: Any) -> Any:
        """Scores' rows, in the form of the store, with ``state`` beside them."""
        rows = table.to_pylist()
        scores: list[Score | Failure | None] = [None] * len(rows)
        window: Window[tuple[int, Any]] = Window()
        ready = [index for index, row in enumerate(rows) if row["state"] == READY]
        prepared = self._threads.map(self._prepare, [rows[index] for index in ready])
        for index, one in zip(ready, prepared, strict=True):
            rows[index]["pixels"] = None
            if isinstance(one, Failure):
                scores[index] = one
            else:
                window.add((index, one[0]), one[1])
        with self._one_at_a_time, portable_errors():
            self._run(window, scores)
        return _scored_table([self._row(row, score) for row, score in zip(rows, scores, strict=True)])

    def _prepare(self, row: dict[str, Any]) -> tuple[Any, int] | Failure:
        picture = Image.frombytes("RGB", (row["width"], row["height"]), row["pixels"])
        return attempt(partial(self._prepared, _item(row), picture), retries=1)

    def _prepared(self, item: Item, picture: Image.Image) -> tuple[Any, int]:
        prepared = self._job.prepare(item, picture)
        return prepared, self._job.size(prepared)

    def _run(self, window: Window[tuple[int, Any]], scores: list[Score | Failure | None]) -> None:
        self._returned, count = 0, len(window)
        while window:
            batch = window.take(self._size.size)
            began = perf_counter()
            results = run_batch(
                self._scored, [one for (_, one), _ in batch], retries=1, shrink=self._size.shrink
            )
            seconds = perf_counter() - began
            if not any(isinstance(result, Failure) for result in results):
                self._size.learn(len(batch), sum(cost for _, cost in batch), seconds)
            for ((index, _), _), result in zip(batch, results, strict=True):
                scores[index] = result
        self._judge_itself(count)

    def _scored(self, batch: Sequence[Any]) -> Sequence[Score | ItemError]:
        """The metric's scores; counts the calls that returned, or failed for a reason of the items."""
        try:
            results = self._job.run(batch)
        except (ItemError, OutOfMemoryError, MemoryError):
            self._returned += 1
            raise
        self._returned += 1
        return results

    def _judge_itself(self, count: int) -> None:
        """A process that worked, and then fails on every item of a block, is broken (a lost GPU, say).

        It ends, the cluster starts another one and gives it the block again. A new one that fails on it at once is
        not to blame: then the items are.
        """
        if self._returned:
            self._has_worked = True
        elif count > 1 and self._has_worked:
            self._leave()

    def _row(self, row: dict[str, Any], score: Score | Failure | None) -> dict[str, Any]:
        error = score.reason if isinstance(score, Failure) else row["error"]
        state = FAILED if error is not None else row["state"]
        given = score if isinstance(score, Score) else Score()
        flat = row_to_flat(
            ScoreRow(
                id=row["id"],
                image=row["image"],
                prompt=row["prompt"],
                generator=row["generator"],
                task=row["task"],
                perception=given.perception,
                correspondence=given.correspondence,
                answer=given.answer,
                metric=self._job.metric.fingerprint,
                error=error,
                remark=given.remark,
            )
        )
        return {**flat, KEY: row[KEY], "state": state}


def opened(opener: Opener, facts: Facts) -> Metric[Any]:
    """The metric, opened on this worker.

    Raises:
        InputError: it is not the one that ``facts`` tell of.
    """
    metric = opener()
    if metric.fingerprint != facts.fingerprint:
        raise InputError(
            f"the machines would not give the same scores: {facts.fingerprint} and {metric.fingerprint}; "
            "the same weights, dtype and release of lmm4lmm are needed on each"
        )
    return metric


@contextmanager
def portable_errors() -> Iterator[None]:
    """Errors of ours in a form that survives the way to another process: some can't be built from their text."""
    try:
        yield
    except Lmm4lmmError as error:
        raise InputError(str(error)) from None


def cause_of(error: BaseException) -> Lmm4lmmError | None:
    """Our own error within what a cluster wrapped it in; None where there is none.

    The innermost: Ray's own wrapper is an instance of our class, too, and its text is a traceback.
    """
    found: Lmm4lmmError | None = None
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Lmm4lmmError):
            found = seen
        inner = getattr(seen, "cause", None)
        seen = inner if isinstance(inner, BaseException) and inner is not seen else seen.__cause__
    return found


def _item(row: dict[str, Any]) -> Item:
    """The item, without a path of its own: its image was read elsewhere."""
    return Item(path=Path(row["image"]), **{name: row[name] for name in _TEXTS})


def _read_table(rows: Sequence[dict[str, Any]]) -> Any:
    import pyarrow as pa

    kinds = {"pixels": pa.large_binary(), "width": pa.int32(), "height": pa.int32()}
    names = (*_TEXTS, "state", "error", KEY, *kinds)
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    return pa.Table.from_pylist(list(rows), schema=schema)


def _scored_table(rows: Sequence[dict[str, Any]]) -> Any:
    import pyarrow as pa

    kinds = {str: pa.string(), float: pa.float64()}
    columns = [(name, kinds[kind]) for name, kind in SCORE_COLUMNS.items()]
    return pa.Table.from_pylist(
        list(rows), schema=pa.schema([*columns, (KEY, pa.string()), ("state", pa.string())])
    )
