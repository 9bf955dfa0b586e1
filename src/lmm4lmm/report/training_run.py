"""What a training run left in its folder, read with patience: pieces may be missing, the log may end mid-line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.wording import CONTROLS

FACTS, LOG, PREDICTIONS = "training.json", "log.jsonl", "predictions.jsonl"
"""The files of a result folder that the page is made from; only the first must be there."""

_TEXTS = ("id", "split", "image", "prompt", "generator", "task")
_NUMBERS = (
    *("perception", "perception_std", "correspondence", "correspondence_std", "answer"),
    *("target_perception", "target_correspondence", "target_answer"),
)


@dataclass(frozen=True)
class TrainingRun:
    """A result folder as tables.

    Attributes:
        folder: where it lies.
        facts: ``training.json``.
        steps: rows of the log with a loss, one a step, in order.
        validations: rows of the log with figures on the validation rows, likewise.
        predictions: one row a held-out item; NaN is null. A column that the file lacks is empty.
        remarks: what was missing or broken, in words for the page.
    """

    folder: Path
    facts: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...]
    validations: tuple[Mapping[str, Any], ...]
    predictions: pl.DataFrame
    remarks: tuple[str, ...]

    @property
    def split(self) -> str:
        """The split that the page judges by: "test", or "validation" where nothing was kept for a test."""
        return "test" if "test" in self.predictions["split"] else "validation"

    @property
    def held_out(self) -> pl.DataFrame:
        """The predictions of that split."""
        return self.predictions.filter(pl.col("split") == self.split)

    def both(self, dimension: Dimension) -> pl.DataFrame:
        """Held-out rows that have a prediction and a target in a dimension."""
        return self.held_out.drop_nulls([dimension, f"target_{dimension}"])

    @property
    def outputs(self) -> tuple[Dimension, ...]:
        """The dimensions that were trained, as far as the folder tells."""
        recipe = self.facts.get("recipe") or {}
        told = {*(recipe.get("outputs") or ()), *self.figures("validation"), *self.figures("test")}
        return tuple(
            name for name in DIMENSIONS if name in told or self.predictions[name].is_not_null().any()
        )

    def figures(self, split: str) -> Mapping[str, Mapping[str, Any]]:
        """The figures of ``training.json`` on a split, by dimension."""
        return self.facts.get(split) or {}


def read_run(folder: Path) -> TrainingRun:
    """Reads a result folder.

    Raises:
        InputError: it is no folder, or holds no ``training.json``.
        ManifestError: a file in it is broken; a log whose last line was cut is not.
    """
    path = folder / FACTS
    if not path.is_file():
        raise InputError(f"{folder}: holds no {FACTS}; give the folder that `lmm4lmm train ... -o` wrote")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ManifestError(path, f"not a JSON document: {error}") from error
    if not isinstance(facts, dict):
        raise ManifestError(path, "an object is expected", value=facts)
    remarks: list[str] = []
    log = _rows(folder / LOG, remarks)
    return TrainingRun(
        folder,
        facts,
        _by_step(row for row in log if "loss" in row),
        _by_step(row for row in log if isinstance(row.get("validation"), dict)),
        _table(_rows(folder / PREDICTIONS, remarks)),
        tuple(remarks),
    )


def finite(value: object) -> float | None:
    """A number that can be drawn, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _rows(path: Path, remarks: list[str]) -> list[dict[str, Any]]:
    if not path.is_file():
        remarks.append(f"The folder holds no {path.name}.")
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError as error:
            if number == len(lines):  # the run was killed while it wrote
                remarks.append(f"The last line of {path.name} was cut short and is left out.")
                break
            raise ManifestError(path, f"not a JSON object: {error}", row=number, value=line) from error
        if isinstance(row, dict):
            rows.append(row)
    if not rows:
        remarks.append(f"{path.name} is empty.")
    return rows


def _by_step(rows: Any) -> tuple[Mapping[str, Any], ...]:
    """One row a step, in order: what a resumed run did again replaces what it did before."""
    last = {row["step"]: row for row in rows if isinstance(row.get("step"), int)}
    return tuple(last[step] for step in sorted(last))


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns: dict[str, pl.Series] = {}
    for name in _TEXTS:
        values = [None if row.get(name) is None else str(row[name]) for row in rows]
        columns[name] = pl.Series(name, values, pl.String)
    for name in _NUMBERS:
        columns[name] = pl.Series(name, [finite(row.get(name)) for row in rows], pl.Float64)
    tidied = pl.col("id", "prompt", "generator", "task").str.replace_many(
        list(CONTROLS), list(CONTROLS.values())
    )
    return pl.DataFrame(columns).with_columns(tidied)
