"""Manifests: the items to score, whatever shape they come in.

Images are not opened here, nor looked for: a missing one becomes an error of its item when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.folders import read_folder
from lmm4lmm.core.records import Item
from lmm4lmm.core.tables import (
    Table,
    check_filled,
    check_names,
    check_unique,
    first_true,
    is_parts,
    read_table,
    rename_aliases,
    to_text,
)

COLUMNS = ("id", "image", "prompt", "generator", "task", "question")
ALIASES = {"model": "generator"}
NAMES = tuple(f"manifest{suffix}" for suffix in (".jsonl", ".csv", ".parquet"))
_REQUIRED = {
    "image": "the path of each image, absolute or relative to the manifest's folder",
    "prompt": 'the text each image was made from, "" where there is none',
}


@dataclass(frozen=True)
class Manifest:
    """Items to score, in order; made one at a time from the frame.

    Attributes:
        path: the file or folder it was read from.
        root: what relative image paths start from.
        frame: ``COLUMNS`` as text (null where unknown), then the manifest's other columns.
        notes: what the reader left out or had to assume, counted, one sentence each.
    """

    path: Path
    root: Path
    frame: pl.DataFrame
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[Item]:
        root, join = os.fspath(self.root), os.path.join
        rows = self.frame.select(COLUMNS).iter_rows(buffer_size=4096)
        for identity, image, prompt, generator, task, question in rows:
            yield Item(
                id=identity,
                path=Path(join(root, image)),
                image=image,
                prompt=prompt,
                generator=generator,
                task=task,
                question=question,
            )


def read_manifest(
    source: Path, *, prompts: Path | None = None, limit: int | None = None, urls: bool = False
) -> Manifest:
    """Reads the items to score.

    Args:
        source: one of
            a table (JSON lines, CSV, TSV, Parquet, spreadsheet) with columns ``image`` and ``prompt``,
            optional ``id``, ``generator`` (or ``model``), ``task``, ``question``; other columns are kept;
            a folder that holds such a table called ``manifest.jsonl``, ``.csv`` or ``.parquet``, or one in
            Parquet parts and nothing else;
            a folder ``GENERATOR/NNN.png``, or ``NNN.png`` alone, with ``prompts``;
            a GenEval tree ``00000/metadata.jsonl`` with ``00000/samples/0000.png``, optionally one folder a
            generator above.
        prompts: for a folder: text with one prompt a line (``NNN`` is the line, from 1), or a table with
            ``prompt`` and optional ``id`` (equal to ``NNN``), ``task``, ``question``.
        limit: read so many items only.
        urls: whether ``image`` may be an address in a store (``s3://``, ``gs://``), for those who can open it.

    Returns:
        The manifest. ``id`` defaults to the image's path without its suffix (with it where two images differ
        in nothing else).

    Raises:
        InputError: ``source`` is missing, of no known kind, or a folder without images.
        ManifestError: damaged content; names file, line, column, value and what would be right.
    """
    source = Path(source)
    if limit is not None and limit < 1:
        raise InputError(f"a limit of {limit} leaves nothing to read; give 1 or more")
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if source.is_dir():
        return _from_folder(source, prompts, limit, urls)
    if prompts is not None:
        raise InputError(
            f"{source} is a table: it holds its own prompts; prompts files are for folders of images"
        )
    return _from_table(source, limit, urls)


def _from_folder(source: Path, prompts: Path | None, limit: int | None, urls: bool) -> Manifest:
    inside = [source / name for name in NAMES if (source / name).is_file()]
    if inside and prompts is None:
        return _from_table(inside[0], limit, urls)
    if prompts is None and is_parts(source):
        return _from_table(source, limit, urls)
    listing = read_folder(source, prompts)
    frame = listing.frame if limit is None else listing.frame.head(limit)
    return Manifest(path=source, root=source, frame=frame, notes=listing.notes)


def _from_table(path: Path, limit: int | None, urls: bool) -> Manifest:
    table = read_table(path, text=(*COLUMNS, *ALIASES), required=_REQUIRED, limit=limit)
    table = table.with_frame(rename_aliases(table.frame, ALIASES))
    if table.frame.is_empty() and not table.frame.columns:
        raise ManifestError(path, "the manifest has no rows")
    check_names(path, table.frame.columns, known=(*COLUMNS, *ALIASES), required=_REQUIRED)
    if table.frame.is_empty():
        raise ManifestError(path, "the manifest has no rows")
    has_ids = "id" in table.frame.columns
    table = to_text(table, COLUMNS)
    _check_images(table, urls)
    if not has_ids:
        table = table.with_frame(table.frame.with_columns(_ids_of(table.frame["image"])))
    _check_ids(table, has_ids)
    return _finished(table)


def _finished(table: Table) -> Manifest:
    empty = table.frame["prompt"].is_null() | (table.frame["prompt"] == "")
    notes = []
    if count := int(empty.sum()):
        notes.append(
            f"{count:,} of {table.frame.height:,} items have no prompt: only perception has a meaning there"
        )
    frame = table.frame.with_columns(pl.col("prompt").fill_null(""))
    frame = frame.select(*COLUMNS, pl.exclude(*COLUMNS))
    root = table.path if table.path.is_dir() else table.path.parent
    return Manifest(path=table.path, root=root, frame=frame, notes=tuple(notes))


def _check_images(table: Table, urls: bool) -> None:
    check_filled(table, "image", _REQUIRED["image"])
    web = table.frame["image"].str.contains(r"^(?i)https?://" if urls else r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
    if web.any():
        row = first_true(web)
        value = table.frame["image"][row]
        raise table.wrong("images are files here; download them first", row=row, column="image", value=value)


def _ids_of(images: pl.Series) -> pl.Series:
    """Paths without their suffixes; with them where only these tell two images apart."""
    stems = images.str.replace(r"(.)\.[^./\\]*$", "${1}")
    clash = stems.is_duplicated()
    return pl.select(pl.when(clash).then(images).otherwise(stems)).to_series().alias("id")


def _check_ids(table: Table, given: bool) -> None:
    if given:
        check_filled(table, "id", "give every row an id, or leave the column out")
        check_unique(table, "id", "ids must be unique")
    else:
        check_unique(table, "image", "an image that stands twice needs a column 'id' to tell its rows apart")
        check_unique(table, "id", "ids made from the images' paths clash; add a column 'id'")
