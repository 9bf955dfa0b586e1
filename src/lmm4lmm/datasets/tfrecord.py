"""TFRecord files of ``tf.train.Example``, read without TensorFlow.

A record is its length (uint64, little endian), the masked CRC-32C of that length, the data, and the data's CRC. An
example is a protocol buffer ``features { feature { key: NAME value { LIST } } }`` with a list of bytes, floats or
integers (tensorflow/core/example/feature.proto). The CRC of a length is checked, so that a cut or foreign file is
told; that of the data is not: a Python loop over every heat map would take longer than all else.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypeAlias

from lmm4lmm.core.errors import InputError, ManifestError

Value: TypeAlias = bytes | float | int
Example: TypeAlias = dict[str, list[Value]]
"""Feature -> its values."""

_HEADER = 12
_FOOTER = 4
_POINTER = b"version https://git-lfs"
_MASK = 0xA282EAD8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_examples(path: Path, wanted: Collection[str]) -> Iterator[Example]:
    """The examples of a file, one after the other.

    Args:
        path: the file.
        wanted: features to decode; others are skipped over.

    Raises:
        InputError: the file can't be opened.
        ManifestError: no TFRecord file (a pointer of Git LFS, say), cut off, or no examples; names the record.
    """
    for number, record in enumerate(_records(path), start=1):
        try:
            yield _example(memoryview(record), wanted)
        except (IndexError, struct.error, UnicodeDecodeError, ValueError) as error:
            raise ManifestError(path, f"not a tf.train.Example: {error}", row=number) from None


def _records(path: Path) -> Iterator[bytes]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: can't be opened ({error.strerror})") from error
    with stream:
        if stream.read(len(_POINTER)) == _POINTER:
            raise ManifestError(
                path, "this is a pointer of Git LFS, not the file: fetch it with `git lfs pull`"
            )
        stream.seek(0)
        number = 0
        while header := stream.read(_HEADER):
            number += 1
            length, crc = struct.unpack("<QI", header) if len(header) == _HEADER else (0, None)
            if crc != masked_crc(header[:8]):
                raise ManifestError(path, "not a TFRecord file, or cut off here", row=number)
            data = stream.read(length)
            if len(data) < length or len(stream.read(_FOOTER)) < _FOOTER:
                raise ManifestError(path, f"the file is cut off: {length:,} bytes are promised", row=number)
            yield data
        if not number:
            raise ManifestError(path, "the file is empty")


def masked_crc(data: bytes) -> int:
    """CRC-32C (Castagnoli), rotated and offset as TFRecord does."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _table()


def _example(data: memoryview, wanted: Collection[str]) -> Example:
    found: Example = {}
    for _, features in _messages(data):
        for _, entry in _messages(features):
            parts = dict(_messages(entry))
            name = bytes(parts.get(1, b"")).decode()
            if name in wanted:
                found[name] = _values(parts.get(2, memoryview(b"")))
    return found


def _values(feature: memoryview) -> list[Value]:
    """The values of a Feature: one list of bytes (1), floats (2) or integers (3)."""
    values: list[Value] = []
    for kind, items in _messages(feature):
        for wire, value in _fields(items):
            if kind == 1 and isinstance(value, memoryview):
                values.append(bytes(value))
            elif kind == 2 and isinstance(value, memoryview):
                values.extend(struct.unpack(f"<{len(value) // 4}f", value))
            elif kind == 3:
                values.extend([value] if isinstance(value, int) else _varints(value))
            else:
                raise ValueError(f"an unexpected wire type {wire}")
    return values


def _messages(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 != _BYTES:
            raise ValueError(f"an unexpected wire type {tag & 7}")
        size, at = _varint(data, at)
        if at + size > len(data):
            raise ValueError("a field is longer than its message")
        yield tag >> 3, data[at : at + size]
        at += size


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield wire, _signed(value)
            continue
        size = {_FIXED32: 4, _FIXED64: 8}.get(wire)
        if size is None and wire == _BYTES:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("a field is longer than its message")
        yield wire, data[at : at + size]
        at += size


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield _signed(value)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without an end")
