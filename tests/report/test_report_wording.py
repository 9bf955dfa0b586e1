"""Verdicts claim what the tests support, and numbers have the right decimals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.report.summary import leaderboards
from lmm4lmm.report.wording import digits_for, listed, number, sentence, verdict


def said(table: Callable[..., pl.DataFrame], levels: dict[str, float]) -> str:
    rows: list[dict[str, Any]] = [
        {"generator": name, "prompt": str(p), "perception": level + float(np.sin((k + 2) * p))}
        for p in range(30)
        for k, (name, level) in enumerate(levels.items())
    ]
    return str(verdict(leaderboards(table(rows), resamples=50).dimensions["perception"]))


def test_verdicts(table: Callable[..., pl.DataFrame]) -> None:
    assert said(table, {"A": 60, "B": 50}) == "A is ahead; B scores lower."
    assert said(table, {"A": 50, "B": 50}).endswith("can't be told apart.")
    rows = [{"generator": name, "prompt": str(p), "perception": 50.0} for p in range(9) for name in "ABCDEF"]
    same = leaderboards(table(rows), resamples=50).dimensions["perception"]
    assert verdict(same) == "No two of the 6 generators can be told apart."
    assert said(table, {"A": 60, "B": 60, "C": 50}).endswith("; C scores lower.")
    assert "but can't be told apart from" in said(table, {"A": 60, "B": 60, "C": 50})
    assert said(table, {"A": 50}).startswith("There is only one generator, A: its mean is 5")


def test_a_handful_of_images_does_not_hide_what_the_others_show(table: Callable[..., pl.DataFrame]) -> None:
    rows: list[dict[str, Any]] = [
        {"generator": name, "prompt": str(p), "perception": level + float(np.sin((k + 2) * p))}
        for p in range(30)
        for k, (name, level) in enumerate({"A": 60.0, "B": 50.0}.items())
    ]
    rows += [{"generator": "few", "prompt": "0", "perception": 70.0 + n} for n in range(4)]
    board = leaderboards(table(rows), resamples=50).dimensions["perception"]
    assert board.standings[0].generator == "few"
    assert str(verdict(board)) == (
        "A is ahead; B scores lower. Left aside: 1 generator with fewer than 10 images."
    )


def test_names_in_verdicts_are_escaped(table: Callable[..., pl.DataFrame]) -> None:
    assert "<b>" not in said(table, {"<b>": 60, "<i>": 50})


@pytest.mark.parametrize(
    ("values", "digits"),
    [([40, 62], 1), ([61.2, 63.4], 1), ([0.1, 0.8], 2), ([0.61, 0.63], 3), ([5, 9000], 0), ([7], 1)],
)
def test_decimals_follow_the_spread(values: list[float], digits: int) -> None:
    assert digits_for(values) == digits


def test_small_words() -> None:
    assert number(-1.25, 1) == "−1.2"
    assert number(None, 1) == number(float("nan"), 1) == "–"
    assert counted(1, "image") == "1 image"
    assert counted(2061, "image") == "2,061 images"
    assert listed(["A"]) == "A"
    assert listed(["A", "B", "C"]) == "A, B and C"
    assert listed(["A", "B", "C", "D", "E"], 3) == "A, B and 3 others"
    assert listed([Markup("<b>A</b>"), "<B>"]) == "<b>A</b> and &lt;B&gt;"
    assert sentence("no prompts given") == "No prompts given."
