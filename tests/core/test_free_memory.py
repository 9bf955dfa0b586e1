"""Free memory as the system reports it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmm4lmm.core import memory


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    free = memory.available_bytes()
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert (memory.available_bytes() is None) == (free is None)
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.available_bytes() == 600
