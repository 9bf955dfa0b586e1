"""Label Studio's JSON export into one row a rating.

The export ("JSON", not "JSON-MIN") is a list of tasks: ``{"id", "data": {...}, "annotations": [{"completed_by",
"was_cancelled", "ground_truth", "result": [{"from_name", "type", "value"}]}]}``. One annotation is one rater, one
result one rating: the tag's ``from_name`` is the dimension. ``rating`` and ``number`` tags give numbers, ``choices``
with one choice gives its text (a number, yes or no), and ``pairwise`` gives first or second. Other tags are no
ratings; they are counted. Skipped tasks (``was_cancelled``) and ground truth are no rater's rating.

Source: Label Studio documentation, "Label Studio JSON format of annotated tasks" (labelstud.io/guide/task_format).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.text import BOM, check_text

NAMES = ("item", "id", "image", "img", "url")
"""Keys of a task's ``data`` that may name the item; the first there is counts, else the task's own id."""
PAIRED = {"left": "first", "right": "second"}


@dataclass
class Tasks:
    """Ratings of an export.

    Attributes:
        rows: ``rater, item, dimension, rating`` and, for pairs, ``other``; then the plain values of ``data``.
        places: the number of each row's task, from 1.
        skipped: reason -> how many annotations or results carry no rating.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)


def is_label_studio(path: Path) -> bool:
    """Whether a ``.json`` file is such an export."""
    if path.suffix.lower() != ".json":
        return False
    document = _document(path)
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(task, dict) for task in document)
        and any("annotations" in task or "completions" in task for task in document)
    )


def read_label_studio(path: Path, *, item: str | None = None) -> Tasks:
    """Reads an export.

    Args:
        path: the ``.json`` file.
        item: the key of ``data`` that names items; None takes the first of ``NAMES``.

    Raises:
        ManifestError: a task of another form, or one without ``item``; names its number.
    """
    found = Tasks()
    for number, task in enumerate(_document(path), start=1):
        data = task.get("data")
        if not isinstance(data, dict):
            raise ManifestError(path, "a task needs 'data', an object", row=number, column="data", value=data)
        name = _name(path, number, task, data, item)
        for annotation in _annotations(path, number, task):
            if annotation.get("was_cancelled") or annotation.get("ground_truth"):
                why = "skipped by the rater" if annotation.get("was_cancelled") else "ground truth"
                found.skipped[why] = found.skipped.get(why, 0) + 1
                continue
            for row in _ratings(annotation, name, data, found.skipped):
                found.rows.append(row)
                found.places.append(number)
    return found


def _document(path: Path) -> Any:
    check_text(path)
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # whoever reads it as a table says what is wrong


def _name(path: Path, number: int, task: Mapping[str, Any], data: Mapping[str, Any], item: str | None) -> str:
    if item is not None:
        if not isinstance(data.get(item), str | int):
            problem = f"the task's data has no '{item}' that names the item"
            raise ManifestError(path, problem, row=number, column=item, value=data.get(item))
        return str(data[item])
    return next(
        (str(data[key]) for key in NAMES if isinstance(data.get(key), str | int)), str(task.get("id", number))
    )


def _annotations(path: Path, number: int, task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = task.get("annotations", task.get("completions", []))
    if not isinstance(found, list) or not all(isinstance(annotation, dict) for annotation in found):
        problem = "a list of annotations is expected"
        raise ManifestError(path, problem, row=number, column="annotations", value=found)
    return found


def _ratings(
    annotation: Mapping[str, Any], name: str, data: Mapping[str, Any], skipped: dict[str, int]
) -> Iterator[dict[str, Any]]:
    plain = {key: value for key, value in data.items() if isinstance(value, str | int | float)}
    for result in annotation.get("result") or []:
        rating = _rating(result) if isinstance(result, dict) else None
        if rating is None:
            kind = str(result.get("type")) if isinstance(result, dict) else "?"
            reason = f"tag of type '{kind}'"
            skipped[reason] = skipped.get(reason, 0) + 1
            continue
        row = {
            **plain,
            "rater": _who(annotation),
            "item": name,
            "dimension": str(result.get("from_name", "rating")),
        }
        if result.get("type") == "pairwise":
            row.update(_pair(data, name))
        yield {**row, "rating": rating}


def _rating(result: Mapping[str, Any]) -> str | float | None:
    kind, value = result.get("type"), result.get("value")
    if not isinstance(value, dict):
        return None
    if kind == "pairwise":
        return PAIRED.get(str(value.get("selected")))
    if kind == "choices":
        choices = value.get("choices")
        return str(choices[0]) if isinstance(choices, list) and len(choices) == 1 else None
    found = value.get(str(kind)) if kind in ("rating", "number") else None
    return found if isinstance(found, int | float) else None


def _pair(data: Mapping[str, Any], name: str) -> dict[str, str]:
    """Both images of a pair: ``item`` and ``other`` of the data, else its first two texts."""
    texts = [str(value) for value in data.values() if isinstance(value, str)]
    if isinstance(data.get("other"), str):
        return {"item": name, "other": str(data["other"])}
    return {"item": texts[0], "other": texts[1]} if len(texts) >= 2 else {"item": name}


def _who(annotation: Mapping[str, Any]) -> str:
    """A number, or an object with ``email`` and ``id`` in newer exports."""
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return "" if who is None else str(who)
