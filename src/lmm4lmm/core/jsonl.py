"""JSON files of objects: one a line (blank lines allowed), or one document that holds them all.

Objects are decoded by msgspec in blocks: types are checked as written (a number is no text), which a reader
that infers one type a column can't do, and memory stays near that of the finished columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.json_rows import Place, Row, Shape, frame_of, join_frames
from lmm4lmm.core.text import BOM, check_text, not_utf8

BLOCK = 8_192


def read_jsonl(path: Path, shape: Shape | None = None, *, limit: int | None = None) -> pl.DataFrame:
    """Reads JSON lines into a frame with one column a key.

    Args:
        path: the file.
        shape: what its objects must look like.
        limit: stop after so many rows.

    Raises:
        InputError: the file can't be opened.
        ManifestError: malformed JSON, a line that is no object, a wrong type, a missing key.
    """
    place = Place(path, lambda row: jsonl_line(path, row))
    blocks: list[pl.DataFrame] = []
    first = 0
    for rows in _blocks(path, limit):
        blocks.append(frame_of(place, rows, shape or Shape(), first=first))
        first += len(rows)
    return join_frames(blocks)


def read_rows(path: Path, *, limit: int | None = None) -> Iterator[Row]:
    """The objects of JSON lines one by one and as they are written, for who passes them on.

    Raises:
        InputError: the file can't be opened.
        ManifestError: malformed JSON, or a line that is no object.
    """
    for rows in _blocks(path, limit):
        yield from rows


def read_json(path: Path, shape: Shape | None = None, *, limit: int | None = None) -> pl.DataFrame:
    """Reads a JSON document: a list of objects, or an object of objects whose keys become ``id``.

    A file called ``.json`` that holds JSON lines is read as that.

    Raises:
        InputError: the file can't be opened.
        ManifestError: malformed JSON, another shape, a wrong type, a missing key; rows count from 1.
    """
    check_text(path)
    try:
        document = msgspec.json.decode(path.read_bytes().removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_jsonl(path, shape, limit=limit)
    rows = _objects(document)
    if rows is None:
        raise ManifestError(path, "a list of objects is expected, or an object of objects, or JSON lines")
    return frame_of(Place(path, lambda row: row + 1), rows[:limit], shape or Shape())


def _objects(document: object) -> list[Row] | None:
    if isinstance(document, list) and all(type(row) is dict for row in document):
        return document
    if isinstance(document, dict):
        if document and all(type(row) is dict for row in document.values()):
            return [{"id": key, **row} for key, row in document.items()]
        return [document]
    return None


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
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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
        except (msgspec.DecodeError, RecursionError) as error:
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
        problem += "; a file that is one array of objects must be called .json"
    return ManifestError(path, problem, row=jsonl_line(path, first + offset), value=found)
