"""Ratings in a spreadsheet; here, where the writer of small spreadsheets is."""

from __future__ import annotations

from pathlib import Path

import pytest
from evalmi_release import write_xlsx

from lmm4lmm.api_study import analyse_ratings
from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.rating_rows import read_ratings

HEADER = ["rater", "item", "rating"]


def test_a_spreadsheet_of_ratings(tmp_path: Path) -> None:
    rows = [HEADER, [1, "a.png", 4], [2, "a.png", 5], [1, "b.png", None]]
    frame = read_ratings(write_xlsx(tmp_path / "r.xlsx", rows)).frame
    assert frame["rater"].to_list() == ["1", "2", "1"]
    assert frame["rating"].to_list() == [4, 5, None]


def test_a_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "r.xlsx", [HEADER, ["a", "i", 4], ["a", "j", "good"]])
    with pytest.raises(ManifestError) as caught:
        analyse_ratings(file)
    for part in ("r.xlsx", "row 3", "'rating'", "good"):
        assert part in str(caught.value)
