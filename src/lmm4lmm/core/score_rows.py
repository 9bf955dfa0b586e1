"""Rows of scores on their way out: the columns, the two shapes of a row, and files written whole.

Without polars, so that who only writes JSON lines need not wait for it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import atomic_path
from lmm4lmm.core.records import Answer, Estimate, ScoreRow

SCORE_COLUMNS: dict[str, type[str] | type[float]] = {
    "id": str,
    "image": str,
    "prompt": str,
    "generator": str,
    "task": str,
    "perception": float,
    "perception_std": float,
    "correspondence": float,
    "correspondence_std": float,
    "answer": float,
    "question": str,
    "metric": str,
    "error": str,
    "remark": str,
}
"""The columns of a scores table. ``answer`` is p_yes, 0 to 1 (0 or 1 where a person answered); perception and
correspondence are 0 to 100 in our own metrics and data sets, on any finite scale in foreign ones."""

_BLOCK = 65_536


def row_to_dict(row: ScoreRow) -> dict[str, Any]:
    """A row as the contract of output files has it: nested scores, ``error`` and ``remark`` only where there is one.

    Raises:
        InputError: a score is NaN or infinite, which no file format here can carry honestly.
    """
    _check_finite(row)
    fields: dict[str, Any] = msgspec.to_builtins(row)
    for name in ("error", "remark"):
        if fields[name] is None:
            del fields[name]
    return fields


def row_to_flat(row: ScoreRow) -> dict[str, Any]:
    """A row with one plain value a column, named as in ``SCORE_COLUMNS``.

    Raises:
        InputError: a score is NaN or infinite.
    """
    _check_finite(row)
    return {
        "id": row.id,
        "image": row.image,
        "prompt": row.prompt,
        "generator": row.generator,
        "task": row.task,
        **_estimate("perception", row.perception),
        **_estimate("correspondence", row.correspondence),
        "answer": row.answer.p_yes if row.answer else None,
        "question": row.answer.question if row.answer else None,
        "metric": row.metric,
        "error": row.error,
        "remark": row.remark,
    }


def row_from_flat(fields: Mapping[str, Any]) -> ScoreRow:
    """The row again, from the columns of ``SCORE_COLUMNS``."""
    answer = None if fields["answer"] is None else Answer(fields["answer"], fields["question"])
    plain = {
        name: fields[name]
        for name in ("id", "image", "prompt", "generator", "task", "metric", "error", "remark")
    }
    return ScoreRow(
        **plain,
        perception=_estimate_from(fields, "perception"),
        correspondence=_estimate_from(fields, "correspondence"),
        answer=answer,
    )


def write_scores(rows: Iterable[ScoreRow], path: Path) -> None:
    """Writes rows as they come: JSON lines, or CSV or Parquet where the suffix says so.

    Until the last row is written, ``path`` keeps what it had before. JSON lines and CSV hold one row in
    memory; Parquet holds the flat columns.

    Raises:
        InputError: another suffix, or a score that is NaN or infinite.
    """
    path = Path(path)
    writers = {
        ".jsonl": _write_jsonl,
        ".ndjson": _write_jsonl,
        ".csv": _write_csv,
        ".parquet": _write_parquet,
    }
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise InputError(f"{path}: scores are written as {', '.join(writers)}; not as '{suffix}'")
    with atomic_path(path) as temporary:
        writers[suffix](rows, temporary)


def _write_jsonl(rows: Iterable[ScoreRow], path: Path) -> None:
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as stream:
        for row in rows:
            stream.write(encode(row_to_dict(row)) + b"\n")


def _write_csv(rows: Iterable[ScoreRow], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(SCORE_COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row_to_flat(row) for row in rows)


def _write_parquet(rows: Iterable[ScoreRow], path: Path) -> None:
    import polars as pl

    blocks = [pl.DataFrame(schema=SCORE_COLUMNS)]
    blocks += [pl.DataFrame(block, schema=SCORE_COLUMNS) for block in _blocks(rows)]
    pl.concat(blocks).write_parquet(path)


def _blocks(rows: Iterable[ScoreRow]) -> Iterator[list[dict[str, Any]]]:
    flat = map(row_to_flat, rows)
    while block := list(islice(flat, _BLOCK)):
        yield block


def _estimate(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_std": None}
    return {name: estimate.score, f"{name}_std": estimate.std}


def _estimate_from(fields: Mapping[str, Any], name: str) -> Estimate | None:
    return None if fields[name] is None else Estimate(fields[name], fields[f"{name}_std"])


def _check_finite(row: ScoreRow) -> None:
    values = [row.answer.p_yes if row.answer else None]
    for estimate in (row.perception, row.correspondence):
        values += [estimate.score, estimate.std] if estimate else []
    if not all(value is None or math.isfinite(value) for value in values):
        raise InputError(f"the score of item '{row.id}' by {row.metric} is not finite: {values}")
