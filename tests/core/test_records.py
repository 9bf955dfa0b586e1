from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from lmm4lmm.core.records import DIMENSIONS, Estimate, Item, Score, ScoreRow


def test_records_are_frozen() -> None:
    item = Item(id="a", path=Path("a.png"), image="a.png", prompt="a cat")
    with pytest.raises(AttributeError):
        item.prompt = "a dog"  # type: ignore[misc]


def test_a_score_has_one_field_a_dimension() -> None:
    assert {*DIMENSIONS, "remark"} == {field.name for field in msgspec.structs.fields(Score)}


def test_a_score_row_survives_json() -> None:
    row = ScoreRow(
        id="a",
        image="a.png",
        prompt="猫 🐈",
        generator=None,
        task=None,
        perception=Estimate(61.2, 3.0),
        metric="m",
    )
    assert msgspec.json.decode(msgspec.json.encode(row), type=ScoreRow) == row


@pytest.mark.parametrize("module", ["errors", "records", "protocols", "catalog", "files", "score_rows"])
def test_the_vocabulary_opens_without_heavy_libraries(module: str) -> None:
    code = (
        f"import sys, lmm4lmm.core.{module}; "
        "print([m for m in ('polars', 'torch', 'PIL', 'scipy', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
