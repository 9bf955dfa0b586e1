"""Tables that cost seconds to read, kept as Parquet under ``LMM4LMM_HOME``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import polars as pl

from lmm4lmm.core.files import atomic_path, content_key, home, sha256


def cached(
    name: str, version: str, sources: Mapping[str, Path], build: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    """The table that ``build`` makes of ``sources``, from the cache where the same was built before.

    Args:
        name: what the file in the cache starts with.
        version: of the code that builds; part of the key, as the sources' content is.
        sources: the files that the table is made of, by role.
        build: called where the cache has nothing, or nothing readable.
    """
    parts = [part for role, path in sorted(sources.items()) for part in (role, sha256(path))]
    path = home() / "datasets" / f"{name}-{content_key(version, *parts)[:24]}.parquet"
    # A damaged or unreadable cache costs time, never the result: the table is built again.
    with suppress(pl.exceptions.PolarsError, OSError):
        if path.is_file():
            return pl.read_parquet(path, glob=False)
    frame = build()
    with suppress(OSError), atomic_path(path) as temporary:
        frame.write_parquet(temporary, compression="zstd")
    return frame
