"""Prompts files: one prompt a line of text, or a table with ids, tasks and questions."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.records import Prompt
from lmm4lmm.core.tables import Table, check_filled, check_names, check_unique, read_table, to_text
from lmm4lmm.core.text import open_text

COLUMNS = ("id", "prompt", "task", "question")
SUB_QUESTIONS = "sub_questions"
_REQUIRED = {"prompt": "a prompts table holds the prompts in a column 'prompt'"}


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """Reads a set of prompts.

    A ``.txt`` file holds one prompt a line; its ids are the line numbers from 1, padded with zeros to at
    least three digits. Blank lines count as lines and give no prompt. Any table (JSON lines, CSV, Parquet,
    ...) has a column ``prompt`` and optionally ``id``, ``task``, ``question`` and ``sub_questions`` (a list of
    texts); without ``id`` rows are numbered from 1.

    Raises:
        InputError: the file is missing or of no known kind.
        ManifestError: damaged content, an empty prompt, an id twice, no prompt at all.
    """
    path = Path(path)
    prompts = _from_text(path) if path.suffix.lower() == ".txt" else _from_table(path)
    if not prompts:
        raise ManifestError(path, "the file holds no prompt")
    return prompts


def _from_text(path: Path) -> tuple[Prompt, ...]:
    with open_text(path) as stream:
        lines = stream.read().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    width = _width(len(lines))
    numbered = enumerate((line.strip() for line in lines), start=1)
    return tuple(Prompt(id=f"{number:0{width}}", text=line) for number, line in numbered if line)


def _from_table(path: Path) -> tuple[Prompt, ...]:
    table = read_table(path, text=COLUMNS, required=_REQUIRED)
    check_names(path, table.frame.columns, known=(*COLUMNS, SUB_QUESTIONS), required=_REQUIRED)
    numbered = "id" not in table.frame.columns
    table = to_text(table, COLUMNS)
    if numbered:
        width = _width(table.frame.height)
        ids = [f"{number:0{width}}" for number in range(1, table.frame.height + 1)]
        table = table.with_frame(table.frame.with_columns(pl.Series("id", ids, dtype=pl.String)))
    check_filled(table, "id", "give every prompt an id, or leave the column out")
    check_filled(table, "prompt", "every row holds a prompt")
    check_unique(table, "id", "ids must be unique")
    parts = _sub_questions(table)
    rows = table.frame.select(COLUMNS).iter_rows()
    return tuple(
        Prompt(id=i, text=text, task=task, question=question, sub_questions=part)
        for (i, text, task, question), part in zip(rows, parts, strict=True)
    )


def _sub_questions(table: Table) -> list[tuple[str, ...]]:
    """The column's lists; JSON lines and CSV hold them as JSON text."""
    if SUB_QUESTIONS not in table.frame.columns:
        return [()] * table.frame.height
    found = []
    for row, cell in enumerate(table.frame[SUB_QUESTIONS]):
        try:
            value = cell if not isinstance(cell, str) else json.loads(cell) if cell.strip() else ()
        except ValueError:
            value = cell
        parts = (
            list(value) if isinstance(value, list | tuple | pl.Series) else [] if value is None else [None]
        )
        if not all(isinstance(part, str) and part.strip() for part in parts):
            advice = 'a list of questions is expected, such as ["Is there a cat?", "Is it red?"]'
            raise table.wrong(advice, row=row, column=SUB_QUESTIONS, value=cell)
        found.append(tuple(parts))
    return found


def _width(count: int) -> int:
    return max(3, len(str(count)))
