"""JSON lines into columns: one object a line, blank lines allowed, every mistake with its line.

Objects are taken apart with msgspec in blocks: types are checked as written (a number is no text), which
a reader that infers one type a column can't do, and memory stays near that of the finished columns.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.text import BOM, check_text, not_utf8

BLOCK = 65_536
Row = dict[str, Any]


def read_jsonl(
    path: Path,
    *,
    text: Collection[str] = (),
    required: Mapping[str, str] | None = None,
    nested: Collection[str] = (),
    limit: int | None = None,
) -> pl.DataFrame:
    """Reads a JSON-lines file into a frame with one column a key.

    Args:
        path: the file.
        text: keys whose values must be text or null (``id`` may also be an integer and becomes text).
        required: key -> what to write there; a row without the key is an error.
        nested: keys whose objects are spread out: ``{"perception": {"score": 5}}`` fills the column
            ``perception.score``. Objects and lists under other keys are kept as JSON text.
        limit: stop after so many rows.

    Raises:
        InputError: the file can't be opened.
        ManifestError: malformed JSON, a line that is no object, a wrong type, a missing key.
    """
    blocks: list[pl.DataFrame] = []
    first = 0
    for rows in _blocks(path, limit):
        _check_keys(path, rows, first, required or {})
        columns = _columns(rows, nested)
        _check_text(path, columns, text, first)
        blocks.append(pl.DataFrame([_series(name, values) for name, values in columns.items()]))
        first += len(rows)
    return _join(blocks)


def jsonl_line(path: Path, row: int) -> int:
    """The line, from 1, that holds the ``row``-th object, from 0."""
    with path.open("rb") as stream:
        filled = (number for number, line in enumerate(stream, start=1) if _content(line))
        return next(islice(filled, row, None))


def _content(line: bytes) -> bytes:
    return line.removeprefix(BOM).strip()


def _blocks(path: Path, limit: int | None) -> Iterator[list[Row]]:
    check_text(path)
    decode = msgspec.json.Decoder().decode
    with path.open("rb") as stream:
        if stream.read(len(BOM)) != BOM:
            stream.seek(0)
        lines = islice((line for line in stream if not line.isspace()), limit)
        first = 0
        while block := list(islice(lines, BLOCK)):
            try:
                rows = [decode(line) for line in block]
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise _malformed(path, block, first) from None
            if set(map(type, rows)) != {dict}:
                raise _no_object(path, rows, first)
            yield rows
            first += len(rows)


def _malformed(path: Path, block: Sequence[bytes], first: int) -> ManifestError:
    for offset, line in enumerate(block):
        try:
            msgspec.json.decode(line)
        except UnicodeDecodeError:
            return not_utf8(path)
        except msgspec.DecodeError as error:
            if not _is_utf8(line):
                return not_utf8(path)
            return ManifestError(
                path, _advice(line, str(error)), row=jsonl_line(path, first + offset), value=_excerpt(line)
            )
    return ManifestError(path, "malformed JSON")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _advice(line: bytes, problem: str) -> str:
    stripped = line.strip()
    if stripped in (b"[", b"{"):
        return "one JSON object a line is expected; this looks like JSON spread over several lines"
    if b"NaN" in line or b"Infinity" in line:
        return "NaN and Infinity are not JSON; write null where there is no number"
    return f"not a JSON object on one line: {problem}"


def _excerpt(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()


def _no_object(path: Path, rows: Sequence[object], first: int) -> ManifestError:
    offset, found = next((i, row) for i, row in enumerate(rows) if type(row) is not dict)
    problem = 'every line must be a JSON object such as {"image": "a.png", "prompt": "a cat"}'
    if isinstance(found, list):
        problem += "; for one array of objects, write each object on a line of its own"
    return ManifestError(path, problem, row=jsonl_line(path, first + offset), value=found)


def _check_keys(path: Path, rows: Sequence[Row], first: int, required: Mapping[str, str]) -> None:
    for key, advice in required.items():
        if sum(key in row for row in rows) == len(rows):
            continue
        offset = next(i for i, row in enumerate(rows) if key not in row)
        found = list(rows[offset])
        near = difflib.get_close_matches(key, [name.strip().lower() for name in found], n=1, cutoff=0.6)
        hint = f"; did you mean '{key}' by {_named(near[0], found)!r}?" if near else ""
        raise ManifestError(
            path, f"the key is missing: {advice}{hint}", row=jsonl_line(path, first + offset), column=key
        )


def _named(lowered: str, found: Sequence[str]) -> str:
    return next(name for name in found if name.strip().lower() == lowered)


def _columns(rows: Sequence[Row], nested: Collection[str]) -> dict[str, list[Any]]:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = {}
    for key in keys:
        values = [row.get(key) for row in rows]
        if key in nested and dict in set(map(type, values)):
            inner = dict.fromkeys(k for v in values if type(v) is dict for k in v)
            for name in inner:
                columns[f"{key}.{name}"] = [v.get(name) if type(v) is dict else None for v in values]
            values = [None if type(v) is dict else v for v in values]
        columns[key] = values
    return columns


def _check_text(path: Path, columns: dict[str, list[Any]], text: Collection[str], first: int) -> None:
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
                path,
                f"text in quotes is expected, not {kind}",
                row=jsonl_line(path, first + offset),
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


def _join(blocks: Sequence[pl.DataFrame]) -> pl.DataFrame:
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
