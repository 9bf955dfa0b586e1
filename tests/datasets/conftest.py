"""Fixtures of the data sets' tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from evalmi_release import write_release


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The folder of a small EvalMi-50K of our own making."""
    return write_release(tmp_path / "release")
