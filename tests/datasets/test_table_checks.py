"""Checks of any table, oddities against what a card knows, and images that are absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.datasets.facts import Scale
from lmm4lmm.datasets.oddities import Oddity, counts, refuse_fatal, unknown
from lmm4lmm.datasets.table_checks import absent_images, check_table

SCALES = {"perception": Scale(0, 100, "")}


def _frame(**columns: list[Any]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    full: dict[str, list[Any]] = {name: [None] * height for name in SCORE_SCHEMA}
    full |= {"id": [f"{row}" for row in range(height)], "perception": [40.0 + row for row in range(height)]}
    extra = {name: pl.Int64() for name in columns if name not in SCORE_SCHEMA}
    return pl.DataFrame(full | columns, schema=SCORE_SCHEMA | extra)


def _found(frame: pl.DataFrame) -> dict[str, int]:
    return counts(check_table(frame, SCALES))


def test_a_clean_table_has_none() -> None:
    assert _found(_frame(image=["a.png", "g/b.png"], prompt=["a", "b"])) == {}


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"id": ["a", "a"]}, "duplicate_id"),
        ({"id": ["a", ""]}, "missing_id"),
        ({"image": ["a.png", None]}, "missing_image"),
        ({"image": ["a.png", "../b.png"]}, "implausible_image_path"),
        ({"image": ["a.png", "/b.png"]}, "implausible_image_path"),
        ({"image": ["a.png", "c:\\b.png"]}, "implausible_image_path"),
        ({"image": ["a.png", "a.png"]}, "image_in_several_rows"),
        ({"prompt": ["a", " "]}, "missing_prompt"),
        ({"prompt": ["a cat", "a cat "]}, "prompt_spelt_in_several_ways"),
        ({"prompt": ["a", "a"], "prompt_number": [1, 2]}, "identical_prompts"),
        ({"perception": [1.0, None]}, "missing_score"),
        ({"perception": [None, None]}, "no_score"),
        ({"perception": [50.0, 50.0]}, "constant_score"),
        ({"perception_std": [1.0, -1.0]}, "negative_deviation"),
        ({"perception": [50.0, 60.0, 101.0]}, "out_of_range"),
        ({"perception": [-5.0, -60.0, 1.0]}, "another_scale"),
        ({"perception": [1.0, 4.5]}, "another_scale"),
    ],
)
def test_each_kind_is_found(columns: dict[str, list[Any]], kind: str) -> None:
    assert kind in _found(_frame(**columns))
    assert len(_found(_frame(**columns))) == 1


def test_one_image_with_several_questions_is_not_odd() -> None:
    assert _found(_frame(image=["a.png", "a.png"], question=["Red?", "Round?"])) == {}


def test_a_row_that_failed_misses_no_score() -> None:
    assert _found(_frame(perception=[1.0, None, 30.0], error=[None, "unreadable", None])) == {}


def test_absent_images_are_named(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "a.png").write_bytes(b"")
    found = absent_images(_frame(image=["g/a.png", "g/b.png", None]), tmp_path)
    assert [(o.kind, o.item, o.value) for o in found] == [("image_absent", "1", "g/b.png")]


def test_more_than_the_card_knows_is_unknown() -> None:
    found = [Oddity("a", ""), Oddity("a", "", count=2), Oddity("b", "")]
    assert counts(found) == {"a": 3, "b": 1}
    assert unknown(found, {"a": 3, "b": 1}) == {}
    assert unknown(found, {"a": 2, "c": 9}) == {"a": 3, "b": 1}


def test_a_fatal_oddity_is_an_error_with_its_place(tmp_path: Path) -> None:
    refuse_fatal(tmp_path / "t.csv", [Oddity("odd", "kept")])
    fatal = Oddity("out_of_range", "kept", file="u.csv", row=3, column="mos", value="9", fatal=True)
    with pytest.raises(ManifestError, match=r"u\.csv, row 3, column 'mos': out of range; 1 more like this"):
        refuse_fatal(tmp_path / "t.csv", [fatal, fatal])
