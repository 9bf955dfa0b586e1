"""Decoded JSON objects into columns: types checked as written, every mistake with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from operator import contains, itemgetter
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from lmm4lmm.core.errors import ManifestError

Row = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """What the objects must look like.

    Attributes:
        text: keys whose values must be text or null (``id`` may also be an integer and becomes text).
        required: key -> what to write there; an object without the key is an error.
        nested: keys whose objects are spread out: ``{"perception": {"score": 5}}`` fills the column
            ``perception.score``. Objects and lists under other keys are kept as JSON text.
    """

    text: Collection[str] = ()
    required: Mapping[str, str] = field(default_factory=dict)
    nested: Collection[str] = ()


@dataclass(frozen=True)
class Place:
    """Where objects come from: the file, and the line or number of its n-th object (from 0)."""

    path: Path
    line: Callable[[int], int]


def frame_of(place: Place, rows: Sequence[Row], shape: Shape, *, first: int = 0) -> pl.DataFrame:
    """One column a key.

    Args:
        place: for errors.
        rows: some of the file's objects.
        shape: what they must look like.
        first: the number of the first of them in the file.

    Raises:
        ManifestError: a missing key, or a wrong type.
    """
    _check_keys(place, rows, first, shape.required)
    columns = _columns(rows, shape.nested)
    _check_text(place, columns, shape.text, first)
    return pl.DataFrame([_series(name, values) for name, values in columns.items()])


def _check_keys(place: Place, rows: Sequence[Row], first: int, required: Mapping[str, str]) -> None:
    for key, advice in required.items():
        if _has_all(rows, key):
            continue
        offset = next(i for i, row in enumerate(rows) if key not in row)
        found = list(rows[offset])
        near = difflib.get_close_matches(key, [name.strip().lower() for name in found], n=1, cutoff=0.6)
        hint = f"; is {_named(near[0], found)!r} meant? Rename it to '{key}'" if near else ""
        raise ManifestError(
            place.path, f"the key is missing: {advice}{hint}", row=place.line(first + offset), column=key
        )


def _has_all(rows: Sequence[Row], key: str) -> bool:
    return all(map(contains, rows, repeat(key)))


def _named(lowered: str, found: Sequence[str]) -> str:
    return next(name for name in found if name.strip().lower() == lowered)


def _columns(rows: Sequence[Row], nested: Collection[str]) -> dict[str, list[Any]]:
    columns = {}
    for key, values in _turned(rows).items():
        kinds = set(map(type, values)) if key in nested else set()
        if dict in kinds:
            objects = values if kinds == {dict} else [v if type(v) is dict else {} for v in values]
            columns.update({f"{key}.{inner}": found for inner, found in _turned(objects).items()})
            values = [None if type(value) is dict else value for value in values]
        columns[key] = values
    return columns


def _turned(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Key -> its values, None where a row lacks it."""
    keys = dict.fromkeys(chain.from_iterable(rows))
    if set(map(len, rows)) == {len(keys)}:  # every row has every key: the usual case, in half the time
        return {key: list(map(itemgetter(key), rows)) for key in keys}
    return {key: [row.get(key) for row in rows] for key in keys}


def _check_text(place: Place, columns: dict[str, list[Any]], text: Collection[str], first: int) -> None:
    for name in text:
        if name not in columns:
            continue
        values = columns[name]
        kinds = set(map(type, values)) - {str, type(None)}
        if name == "id" and kinds == {int}:
            columns[name] = [str(value) if type(value) is int else value for value in values]
        elif kinds:
            offset = next(i for i, value in enumerate(values) if type(value) in kinds)
            kind = _KINDS.get(type(values[offset]), "something else")
            raise ManifestError(
                place.path,
                f"text in quotes is expected, not {kind}",
                row=place.line(first + offset),
                column=name,
                value=values[offset],
            )


_KINDS: dict[type, str] = {
    int: "a number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}
_PLAIN: dict[frozenset[type], pl.DataType] = {
    frozenset({str}): pl.String(),
    frozenset({bool}): pl.Boolean(),
    frozenset({int}): pl.Int64(),
    frozenset({float}): pl.Float64(),
    frozenset({int, float}): pl.Float64(),
}


def _series(name: str, values: list[Any]) -> pl.Series:
    kinds = frozenset(map(type, values)) - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    dtype = _PLAIN.get(kinds)
    if dtype is not None and not (int in kinds and _huge(values)):
        return pl.Series(name, values, dtype=dtype)
    encode = msgspec.json.encode
    return pl.Series(
        name,
        [v if v is None or type(v) is str else encode(v).decode() for v in values],
        dtype=pl.String,
    )


def _huge(values: Sequence[Any]) -> bool:
    return any(type(value) is int and not -(2**63) <= value < 2**63 for value in values)


def join_frames(blocks: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Stacks blocks; a column whose type changes between them becomes Float64 or, failing that, text."""
    if len(blocks) <= 1:
        return blocks[0] if blocks else pl.DataFrame()
    kinds: dict[str, set[pl.DataType]] = {}
    for block in blocks:
        for name, dtype in block.schema.items():
            kinds.setdefault(name, set()).add(dtype)
    mixed = {name: _common(found - {pl.Null()}) for name, found in kinds.items() if len(found) > 1}
    cast = [
        block.with_columns(pl.col(n).cast(t) for n, t in mixed.items() if n in block.columns)
        for block in blocks
    ]
    return pl.concat(cast, how="diagonal")


def _common(kinds: set[pl.DataType]) -> pl.DataType:
    if len(kinds) == 1:
        return next(iter(kinds))
    return pl.Float64() if kinds == {pl.Int64(), pl.Float64()} else pl.String()
