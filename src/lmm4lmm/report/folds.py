"""Folds of a table in a file that others can use and verify: ``id,fold`` as CSV, and its SHA-256 beside it.

The folds hang on ids, prompts, generators and the seed alone: the same table in another order gives the same file,
byte for byte. The checksum file is what ``sha256sum -c`` reads.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from lmm4lmm.core.errors import InputError, StatisticsError
from lmm4lmm.core.files import atomic_path
from lmm4lmm.report.labels import completed, prompt_clusters
from lmm4lmm.stats.splits import crossed_folds, folds, grouped_folds

SplitBy: TypeAlias = Literal["image", "prompt", "generator", "both"]
SPLITS: tuple[SplitBy, ...] = ("image", "prompt", "generator", "both")


@dataclass(frozen=True)
class Folds:
    """The fold of every row.

    Attributes:
        frame: ``id`` and ``fold`` (0 .. k - 1), by ``id``; for "both" ``prompt_fold`` and ``generator_fold``: test
            on the rows of one pair of folds, train on those that share neither of the two.
        by: what folds don't share.
        k: how many.
        seed: of the draw.
    """

    frame: pl.DataFrame
    by: SplitBy
    k: int
    seed: int


@dataclass(frozen=True)
class FoldFile:
    """A file that was written.

    Attributes:
        path: the CSV.
        checksum: the file with its SHA-256.
        sha256: of the CSV's bytes.
        rows: how many.
        sizes: rows of each fold, or of each pair of folds ("0/3": prompt fold 0, generator fold 3).
    """

    path: Path
    checksum: Path
    sha256: str
    rows: int
    sizes: dict[str, int]


def make_folds(table: pl.DataFrame, *, by: SplitBy, k: int, seed: int) -> Folds:
    """Draws the folds of a table.

    Equal prompts (by ``prompt_group`` where there is one, else by text) share a fold, but for "image".

    Args:
        table: as ``core.scores.read_scores`` returns it; rows with an error are left out.
        by: what folds must not share.
        k: how many.
        seed: of the draw.

    Raises:
        InputError: an id is absent or twice, rows name no prompt or no generator where they must, or there are
            fewer of them than folds.
    """
    if "id" not in table.columns:
        raise InputError("the table has no column 'id': a fold needs an id to belong to")
    whole = completed(table)
    good = whole.filter(pl.col("error").is_null()).with_columns(pl.col("id").cast(pl.String)).sort("id")
    if not (twice := good.filter(pl.col("id").is_duplicated())).is_empty():
        raise InputError(f"the table has the id {twice['id'][0]!r} more than once; ids must be unique")
    for needed, what in (("prompt", ("prompt", "both")), ("generator", ("generator", "both"))):
        if by in what:
            _need(good, needed, by)
    rng = np.random.default_rng(seed)
    prompts, makers = prompt_clusters(good).to_list(), good["generator"].to_list()
    try:
        if by == "both":
            both = crossed_folds(prompts, makers, k, rng)
            drawn = {"prompt_fold": both.prompt, "generator_fold": both.generator}
        elif by == "image":
            drawn = {"fold": folds(good.height, k, rng)}
        else:
            drawn = {"fold": grouped_folds(prompts if by == "prompt" else makers, k, rng)}
    except StatisticsError as error:
        raise InputError(f"can't make {k} folds by {by}: {error}") from error
    return Folds(good.select("id").with_columns(pl.Series(n, v) for n, v in drawn.items()), by, k, seed)


def write_folds(found: Folds, out: Path, *, source: str = "") -> FoldFile:
    """Writes the CSV and its checksum.

    Args:
        found: the folds.
        out: where the CSV goes.
        source: what the folds are of, for the comment in the checksum file.

    Raises:
        InputError: ``out`` is no ``.csv``.
    """
    if out.suffix.lower() != ".csv":
        raise InputError(f"{out}: folds are written as .csv")
    content = csv_bytes(found)
    sha256 = hashlib.sha256(content).hexdigest()
    checksum = out.with_name(f"{out.name}.sha256")
    drawn = f"by {found.by}, {found.k} folds, seed {found.seed}, {found.frame.height} rows"
    made = f"# folds of {source or 'a table'}: {drawn}"
    for path, data in ((out, content), (checksum, f"{made}\n{sha256}  {out.name}\n".encode())):
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    columns = [name for name in found.frame.columns if name != "id"]
    counts = found.frame.group_by(columns).len().sort(columns)
    sizes = {"/".join(map(str, row[:-1])): row[-1] for row in counts.iter_rows()}
    return FoldFile(out, checksum, sha256, found.frame.height, sizes)


def csv_bytes(found: Folds) -> bytes:
    """The CSV, byte for byte the same wherever it is made: LF, UTF-8, quotes only where they must be."""
    return found.frame.write_csv(line_terminator="\n").encode()


def check_folds(found: Folds, path: Path) -> None:
    """Whether a file holds just these folds, and its checksum says so.

    Raises:
        InputError: the file or its checksum is not there, the checksum is of other bytes, or the folds differ.
    """
    checksum = path.with_name(f"{path.name}.sha256")
    for needed in (path, checksum):
        if not needed.is_file():
            raise InputError(f"{needed}: no such file")
    content = path.read_bytes()
    lines = [line for line in checksum.read_text("utf-8", "replace").splitlines() if not line.startswith("#")]
    said = lines[0].split()[0].lower() if lines and lines[0].split() else "nothing"
    sha256 = hashlib.sha256(content).hexdigest()
    if said != sha256:
        raise InputError(f"{path} has the SHA-256 {sha256}, but {checksum.name} says {said}: it was changed")
    if content != csv_bytes(found):
        raise InputError(
            f"{path} is intact, but these options give other folds: by {found.by}, {found.k} folds, seed "
            f"{found.seed}, {found.frame.height} rows (another table, seed or version?)"
        )


def _need(good: pl.DataFrame, column: str, by: str) -> None:
    text = good[column].cast(pl.String).str.strip_chars()
    absent = good.filter(text.is_null() | (text == ""))
    if column == "prompt" and "prompt_group" in good.columns:
        absent = absent.filter(pl.col("prompt_group").is_null())
    if not absent.is_empty():
        raise InputError(
            f"folds by {by} need the {column} of every row; {absent.height} of {good.height} rows have none, "
            f"the first is {absent['id'][0]!r}"
        )
