"""Rows of scores, flat and back."""

from __future__ import annotations

import pytest

from lmm4lmm.core.records import Answer, Estimate, ScoreRow
from lmm4lmm.core.score_rows import row_from_flat, row_to_flat

ITEM = {"id": "1", "image": "a.png", "prompt": "p", "generator": None, "task": "colors", "metric": "m"}


@pytest.mark.parametrize(
    "row",
    [
        ScoreRow(
            **ITEM, perception=Estimate(1.5, 0.25), correspondence=Estimate(2.0), answer=Answer(0.5, "Is it?")
        ),
        ScoreRow(**ITEM, perception=Estimate(0.0)),
        ScoreRow(**ITEM, error="broken"),
        ScoreRow(**ITEM, perception=Estimate(0.0), remark="read from the text"),
    ],
)
def test_a_flat_row_becomes_the_same_row_again(row: ScoreRow) -> None:
    assert row_from_flat(row_to_flat(row)) == row
