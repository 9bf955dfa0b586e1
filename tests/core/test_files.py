from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import (
    atomic_path,
    content_key,
    home,
    offline,
    sha256,
    spare_inputs,
    sweep,
    write_atomically,
)

PARTS = st.lists(st.one_of(st.none(), st.text(max_size=5), st.binary(max_size=5)), max_size=4)


def _as_bytes(part: str | bytes | None) -> bytes | None:
    return part.encode() if isinstance(part, str) else part


@given(PARTS, PARTS)
def test_content_keys_differ_exactly_where_the_parts_do(
    left: list[str | bytes | None], right: list[str | bytes | None]
) -> None:
    same = [_as_bytes(part) for part in left] == [_as_bytes(part) for part in right]
    assert (content_key(*left) == content_key(*right)) == same


def test_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMM4LMM_HOME", "/somewhere")
    assert home() == Path("/somewhere")
    monkeypatch.delenv("LMM4LMM_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert home() == Path("/cache/lmm4lmm")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert home() == Path.home() / ".cache" / "lmm4lmm"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_offline_reads_the_hub_variable(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert offline() is expected


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    write_atomically(target, "old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_a_write_makes_the_folders_it_needs(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "猫.txt"
    write_atomically(target, "猫")
    assert target.read_text(encoding="utf-8") == "猫"
    assert sha256(target) == hashlib.sha256("猫".encode()).hexdigest()


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "scores[1].jsonl"
    with atomic_path(out) as temporary:
        temporary.write_text("whole")
    temporary.write_text("half: what a killed run leaves under the same kind of name")
    for kept in (out.name, f"{out.name}.journal", ".scores.jsonl.0123456789ab.tmp.jsonl", "other.tmp"):
        (tmp_path / kept).write_text("x")
    assert sweep(out) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    table, link = tmp_path / "scores.csv", tmp_path / "link.csv"
    table.write_text("x")
    link.symlink_to(table)
    for out in (table, link, str(table)):
        with pytest.raises(InputError, match="the page would overwrite its own input"):
            spare_inputs(out, "the page", None, "evalmi50k", table)
    spare_inputs(tmp_path / "page.html", "the page", table)
    spare_inputs(tmp_path, "the page", tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="rights are another matter there")
@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_a_file_has_the_rights_of_its_neighbours_whoever_wrote_it(
    umask: int, expected: int, tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "weights") as temporary:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))  # as safetensors does
    finally:
        os.umask(before)
    assert (tmp_path / "weights").stat().st_mode & 0o777 == expected
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_what_can_not_be_written_is_named_as_the_user_knows_it(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(OSError, match="out") as caught:
        write_atomically(tmp_path / "out.jsonl", "x")
    assert str(caught.value.filename) == str(tmp_path / "out.jsonl")
    with pytest.raises(FileNotFoundError) as other, atomic_path(tmp_path / "fine"):
        (tmp_path / "elsewhere").read_bytes()
    assert str(other.value.filename) == str(tmp_path / "elsewhere")
