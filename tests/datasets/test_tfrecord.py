"""TFRecord without TensorFlow: checksums of the standard, and what is written is what is read."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_releases import feature, field, framed, varint

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.datasets.tfrecord import masked_crc, read_examples


def test_the_checksum_is_crc_32c() -> None:
    """CRC-32C of "123456789" is 0xe3069283 (RFC 3720, appendix B.4, and every catalogue of CRCs)."""
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    floats=st.lists(st.floats(width=32, allow_nan=False), max_size=4),
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    texts=st.lists(st.binary(max_size=300), max_size=3),
)
def test_what_is_written_is_read(
    floats: list[float], numbers: list[int], texts: list[bytes], tmp_path: Path
) -> None:
    content = field(
        1,
        feature("f", 2, field(1, struct.pack(f"<{len(floats)}f", *floats)))
        + feature("i", 3, field(1, b"".join(varint(number % 2**64) for number in numbers)))
        + feature("b", 1, b"".join(field(1, text) for text in texts))
        + feature("left out", 1, field(1, b"x")),
    )
    path = tmp_path / "t.tfrecord"
    path.write_bytes(framed(content) * 2)
    assert list(read_examples(path, ("f", "i", "b"))) == [{"f": floats, "i": numbers, "b": texts}] * 2


def test_numbers_that_are_not_packed_are_read(tmp_path: Path) -> None:
    """Old writers give each value a tag of its own (protocol buffers before version 3)."""
    floats = b"".join(varint(1 << 3 | 5) + struct.pack("<f", value) for value in (0.5, -2.0))
    numbers = b"".join(varint(1 << 3) + varint(value) for value in (3, 400))
    content = field(1, feature("f", 2, floats) + feature("i", 3, numbers))
    (tmp_path / "t").write_bytes(framed(content))
    assert list(read_examples(tmp_path / "t", ("f", "i"))) == [{"f": [0.5, -2.0], "i": [3, 400]}]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rubbish=st.binary(max_size=80), in_a_frame=st.booleans())
def test_rubbish_is_an_error_of_ours(rubbish: bytes, in_a_frame: bool, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(framed(rubbish) if in_a_frame else rubbish)
    with suppress(ManifestError):  # any other error fails the test
        list(read_examples(tmp_path / "t", ("f",)))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent: can't be opened"):
        list(read_examples(tmp_path / "absent", ()))
