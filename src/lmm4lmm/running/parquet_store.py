"""Scores in a folder of Parquet parts, here or in a cloud: what it holds is what is done.

One process writes: the one that drives the run. Its workers hand rows back and never touch the folder, so a worker
that dies leaves nothing behind, and one that outlives a killed driver can't add a row. A part appears whole or not
at all. A row is done when it has no error and its key (``running.scoring.score_key``) still fits: image, prompt,
question, metric and dimensions are the same.

Opening drops rows with an error (they are tried again) and, where an earlier run was killed between writing a new
row and dropping the old one, the older of two rows of one id. ``finish`` drops rows that the run did not confirm.
So between runs, and after every finished one, an id stands in the folder once.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.score_rows import SCORE_COLUMNS
from lmm4lmm.running.locations import Location, write_whole
from lmm4lmm.running.lock import HolderLock

KEY = "key"
_PART = re.compile(r"^part-\d{8}T\d{12}-[0-9a-f]{8}-\d{6}\.parquet$")
_TOKEN_BYTES = 16
_NO_ROWS = pl.DataFrame(schema={name: pl.String() for name in ("part", "id", KEY, "error")})


class PartStore:
    """The folder, open for one run; a context manager.

    Args:
        folder: where the parts lie; made where there is none.
        rows: a part is written as soon as so many rows wait ...
        seconds: ... or the first of them has waited so long (at first less): what a killed driver loses.

    Raises:
        InputError: the folder holds other things than scores.
        JournalError: another process here has it open.
    """

    def __init__(self, folder: Location, *, rows: int = 20_000, seconds: float = 10.0) -> None:
        import pyarrow as pa

        self.folder, self._most_rows, self._most_seconds = folder, rows, seconds
        kinds = {str: pa.string(), float: pa.float64()}
        columns = [(name, kinds[kind]) for name, kind in SCORE_COLUMNS.items()]
        self.schema = pa.schema([*columns, (KEY, pa.string())])
        self._waiting: list[Any] = []
        self._since, self._written = 0.0, 0
        self._run = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}"
        self._confirmed: list[Any] = []
        self._lock = self._held()
        try:
            self._old = self._opened()
        except BaseException:
            self.close()
            raise

    @property
    def done(self) -> NDArray[np.bytes_]:
        """A token for each row that was done when the folder was opened, sorted; see ``token``."""
        return self._done

    def confirm(self, ids: Any) -> None:
        """Rows of these ids (an array of pyarrow) are as they should be."""
        self._confirmed.append(ids)

    def add(self, table: Any) -> None:
        """Takes rows, in any number; writes a part when it is time."""
        if not table.num_rows:
            return
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(table.select(self.schema.names).cast(self.schema))
        waiting = sum(one.num_rows for one in self._waiting)
        if waiting >= self._most_rows or time.monotonic() - self._since >= self._patience():
            self.flush()

    def _patience(self) -> float:
        """Short at first, so that a small run keeps something early; a long one does not write many small parts."""
        return min(self._most_seconds, 2.0 ** min(self._written, 10))

    def flush(self) -> None:
        """Writes what waits."""
        import pyarrow as pa

        if self._waiting:
            name = f"part-{self._run}-{self._written:06}.parquet"
            self._write(name, pa.concat_tables(self._waiting))
            self._waiting.clear()
            self._written += 1

    def finish(self) -> int:
        """Writes what waits, then drops old rows that nobody confirmed; returns how many those were."""
        self.flush()
        confirmed = pl.Series("id", [], dtype=pl.String())
        if self._confirmed:
            confirmed = pl.concat([_series(ids) for ids in self._confirmed])
        before = self._old.height
        self._old = self._keep(self._old, self._old["id"].is_in(confirmed.implode()))
        return before - self._old.height

    def tables(self) -> Iterator[Any]:
        """Every part's rows, oldest first."""
        for name in self._names():
            yield self._table(name, self.schema.names)

    def close(self) -> None:
        """Writes what waits and lets others have the folder; harmless when called twice."""
        try:
            self.flush()
        finally:
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _held(self) -> HolderLock | None:
        """Keeps other processes of this machine's file system out; a cloud has no such lock."""
        self.folder.filesystem.create_dir(self.folder.path, recursive=True)
        if (path := self.folder.local) is None:
            return None
        return HolderLock(path / ".lock", path)

    def _opened(self) -> pl.DataFrame:
        """Clears what killed runs left; returns part and id of every row that is done."""
        self._sweep()
        rows = pl.concat([_NO_ROWS, *(self._read(name) for name in self._names())])
        sound = rows["error"].is_null()
        # the newest row of an id counts
        newest = rows.with_row_index().filter(sound).filter(pl.col("id").is_last_distinct())["index"]
        index = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
        rows = self._keep(rows, index.is_in(newest.implode()))
        tokens = [token(identity, key) for identity, key in rows.select("id", KEY).iter_rows()]
        self._done = np.sort(np.array(tokens, dtype=f"S{_TOKEN_BYTES}"))
        return rows.select("part", "id")

    def _keep(self, rows: pl.DataFrame, keep: pl.Series) -> pl.DataFrame:
        """Writes the parts that lose rows again, or removes them; returns the rows that stay."""
        rows = rows.with_columns(keep.alias("keep"))
        for (name,), part in rows.group_by("part", maintain_order=True):
            if not part["keep"].all():
                self._filter(str(name), part["keep"].to_numpy())
        return rows.filter("keep").drop("keep")

    def _filter(self, name: str, keep: NDArray[np.bool_]) -> None:
        import pyarrow as pa

        place = self.folder.child(name)
        if not keep.any():
            place.filesystem.delete_file(place.path)
            return
        table = self._table(name, self.schema.names)
        self._write(name, table.filter(pa.array(keep)))

    def _write(self, name: str, table: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_whole(self.folder.child(name), sink.getvalue())

    def _read(self, name: str) -> pl.DataFrame:
        table = self._table(name, ["id", KEY, "error"])
        columns: dict[str, Any] = {one: _series(table[one]) for one in table.column_names}
        return pl.DataFrame(
            {"part": pl.repeat(name, table.num_rows, dtype=pl.String(), eager=True), **columns}
        )

    def _table(self, name: str, columns: list[str]) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        place = self.folder.child(name)
        try:
            table = pq.read_table(place.path, filesystem=place.filesystem, columns=columns)
            return table.select(columns).cast(pa.schema([self.schema.field(one) for one in columns]))
        except (pa.ArrowException, KeyError, OSError) as error:
            raise InputError(
                f"{place}: not a part of scores that can be read ({error}); move it away to go on without it"
            ) from error

    def _names(self) -> list[str]:
        return sorted(name for name in self._entries() if _PART.match(name))

    def _entries(self) -> list[str]:
        from pyarrow import fs as arrow

        found = self.folder.filesystem.get_file_info(arrow.FileSelector(self.folder.path))
        return [one.base_name for one in found]

    def _sweep(self) -> None:
        """Refuses a folder of something else, and removes unfinished files.

        Raises:
            InputError: names what lies there.
        """
        entries = self._entries()
        if strange := sorted(one for one in entries if not (_PART.match(one) or one.startswith((".", "_")))):
            raise InputError(
                f"{self.folder}: this folder holds other things than parts of scores, such as '{strange[0]}'; "
                "nothing was changed: choose another"
            )
        for name in entries:
            if name.startswith(".part-") and name.endswith(".tmp"):
                self.folder.filesystem.delete_file(self.folder.child(name).path)


def token(identity: str, key: str) -> bytes:
    """Stands for one done row: 16 bytes of a hash, so that ten million fit into 160 MB for every worker."""
    text = f"{len(identity)}:{identity}{key}".encode()
    return hashlib.blake2b(text, digest_size=_TOKEN_BYTES).digest()


def holds(done: NDArray[np.bytes_], one: bytes) -> bool:
    """Whether a token is among sorted ones."""
    wanted = np.array(one, dtype=done.dtype)
    position = int(np.searchsorted(done, wanted))
    return position < len(done) and bool(done[position] == wanted)


def _series(column: Any) -> pl.Series:
    """A text column of pyarrow in polars."""
    return pl.Series(values=column, dtype=pl.String())
