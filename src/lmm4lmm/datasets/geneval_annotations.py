"""The annotation tables of GenEval: one row an annotator and image."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.tables import check_names
from lmm4lmm.core.text import open_text
from lmm4lmm.datasets.geneval_prompts import Seen
from lmm4lmm.datasets.oddities import Oddity

_PREFIX = "/images/"
_OBJECTS = (0, 1)
_COLUMNS = (
    *("Input.prompt_id", "Input.image_url", "Input.caption", "Answer.task-quality"),
    *(f"Answer.task-{what}-{k}" for what in ("color", "count", "real") for k in _OBJECTS),
    *("Answer.task-position-x", "Answer.task-position-y"),
)


@dataclass(frozen=True)
class Annotation:
    """What one person said of one image.

    Attributes:
        line: of the file.
        image: path below the release's ``images`` folder.
        prompt_number: from 0.
        caption: the prompt.
        fit: how well the image fits the caption, 1 to 4.
        realism: of each object that was seen, 1 to 3.
        seen: objects, colours and places.
    """

    line: int
    image: str
    prompt_number: int
    caption: str
    fit: float
    realism: tuple[float, ...]
    seen: Seen


def read_annotations(path: Path) -> tuple[list[Annotation], list[Oddity]]:
    """The rows, and the cells with a bare carriage return.

    Lines end at a newline only: four rows of the release have a carriage return in an unquoted cell, where the csv
    module, and most others, would end the row.

    Raises:
        InputError: the file can't be opened.
        ManifestError: damaged content; names the line.
    """
    lines, oddities = _lines(path)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise ManifestError(path, "the file is empty; its first line must name the columns")
        advice = "GenEval's annotations have it"
        check_names(path, header, known=(), required=dict.fromkeys(_COLUMNS, advice))
        found = [_annotation(path, reader.line_num, header, row) for row in reader if row]
    except csv.Error as error:
        raise ManifestError(path, f"{error}; is a quote missing?", row=reader.line_num) from None
    if not found:
        raise ManifestError(path, "the table has no rows")
    return found, oddities


def _lines(path: Path) -> tuple[list[str], list[Oddity]]:
    with open_text(path) as stream:
        lines = [line.removesuffix("\r") for line in stream.read().split("\n")]
    oddities = [
        Oddity(
            "carriage_return_in_a_cell",
            "read as a blank, the row as one",
            file=path.name,
            row=number,
            column="Answer.task-objects",
        )
        for number, line in enumerate(lines, start=1)
        if "\r" in line
    ]
    return [line.replace("\r", " ") for line in lines], oddities


def _annotation(path: Path, line: int, header: list[str], cells: list[str]) -> Annotation:
    if len(cells) != len(header):
        problem = f"{len(cells)} cells where the header names {len(header)} columns"
        raise ManifestError(path, problem, row=line, value=",".join(cells))
    row = dict(zip(header, cells, strict=True))
    _, prefix, image = row["Input.image_url"].partition(_PREFIX)
    if not prefix or not image:
        problem = f"an address with {_PREFIX} in it is expected"
        raise ManifestError(path, problem, row=line, column="Input.image_url", value=row["Input.image_url"])
    fit = _number(path, line, row, "Answer.task-quality", 1, 4)
    if fit is None:
        raise ManifestError(path, "the cell is empty", row=line, column="Answer.task-quality")
    realism = [_number(path, line, row, f"Answer.task-real-{k}", 1, 3) for k in _OBJECTS]
    number = _number(path, line, row, "Input.prompt_id", 0, 10**6)
    return Annotation(
        line=line,
        image=image,
        prompt_number=-1 if number is None else int(number),
        caption=row["Input.caption"],
        fit=fit,
        realism=tuple(value for value in realism if value is not None),
        seen=Seen(
            counts=tuple(
                int(_number(path, line, row, f"Answer.task-count-{k}", 0, 5) or 0) for k in _OBJECTS
            ),
            colours=tuple(frozenset(row[f"Answer.task-color-{k}"].split("|")) for k in _OBJECTS),
            sides=frozenset({row["Answer.task-position-x"], row["Answer.task-position-y"]}),
        ),
    )


def _number(
    path: Path, line: int, row: Mapping[str, str], column: str, low: float, high: float
) -> float | None:
    text = row[column].strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (low <= value <= high and value == int(value)):
        problem = f"a whole number from {low:g} to {high:g} is expected, or nothing"
        raise ManifestError(path, problem, row=line, column=column, value=text)
    return value
