from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.datasets.cache import cached


class _Builder:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> pl.DataFrame:
        self.calls += 1
        return pl.DataFrame({"n": [self.calls], "l": [["a"]]})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("1")
    return path


def test_the_same_is_built_once(source: Path, empty_home: Path) -> None:
    build = _Builder()
    assert cached("x", "1", {"a": source}, build).equals(cached("x", "1", {"a": source}, build))
    assert build.calls == 1


def test_other_content_version_or_role_is_built_anew(source: Path, empty_home: Path) -> None:
    build = _Builder()
    cached("x", "1", {"a": source}, build)
    cached("x", "2", {"a": source}, build)
    cached("x", "1", {"b": source}, build)
    source.write_text("2")
    cached("x", "1", {"a": source}, build)
    assert build.calls == 4


def test_a_damaged_cache_is_built_anew(source: Path, empty_home: Path) -> None:
    build = _Builder()
    cached("x", "1", {"a": source}, build)
    for path in (empty_home / "datasets").iterdir():
        path.write_bytes(b"PAR1 cut off")
    assert cached("x", "1", {"a": source}, build)["n"].item() == 2
    assert cached("x", "1", {"a": source}, build)["n"].item() == 2


def test_a_home_that_cannot_be_written_costs_only_time(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LMM4LMM_HOME", str(tmp_path / "file"))
    assert cached("x", "1", {"a": source}, _Builder()).height == 1
