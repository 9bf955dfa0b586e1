"""What is said of the scale that a table is on: what is known, and nothing that is not."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from lmm4lmm.datasets.facts import Scale
from lmm4lmm.report.boards import board_views
from lmm4lmm.report.scales import KnownScale
from lmm4lmm.report.summary import Leaderboards, leaderboards

RANKED = "ranked with higher as better"


@pytest.fixture
def ranked(table: Callable[..., pl.DataFrame]) -> Callable[..., Leaderboards]:
    """The leaderboards of a table whose one metric gives these perceptions."""

    def rank(values: list[float], metric: str | None, **stated: Scale) -> Leaderboards:
        rows = [
            {"generator": "a", "prompt": f"p{number}", "perception": value, "answer": 0.5, "metric": metric}
            for number, value in enumerate(values)
        ]
        return leaderboards(table(rows), resamples=20, scales=stated)

    return rank


@pytest.mark.parametrize(
    ("values", "metric", "words"),
    [
        ([20.0, 61.5], "nano-0.3:5f1c09ab", "0 to 100, higher is better"),
        ([20.0, 104.0], "lmm4lmm-bfloat16:5f1c09ab", f"scale not stated, 20 to 104 here; {RANKED}"),
        ([1.25, 4.5], None, f"scale not stated, 1.25 to 4.50 here; {RANKED}"),
        ([1.25, 4.5], "human", f"scale not stated, 1.25 to 4.50 here; {RANKED}"),
        ([-3.0, 40.0], "their metric", f"scale not stated, −3 to 40 here; {RANKED}"),
    ],
)
def test_a_table_is_on_0_to_100_only_where_a_metric_that_was_run_here_says_so(
    ranked, values: list[float], metric: str | None, words: str
) -> None:
    boards = ranked(values, metric)
    assert boards.scales["perception"].words == words
    assert boards.scales["answer"].words == "0 to 1, higher is better"  # nothing else is read as an answer
    assert "correspondence" not in boards.scales
    assert board_views(boards)[0].words.scale == words


def test_a_data_set_s_own_scale_goes_first(ranked) -> None:
    boards = ranked([1.25, 4.5], "human", perception=Scale(0, 5, "five stars"))
    assert boards.scales["perception"] == KnownScale(0, 5, 1.25, 4.5)
    assert boards.to_json()["scales"]["perception"] == {"low": 0, "high": 5, "least": 1.25, "greatest": 4.5}
    assert board_views(boards)[0].words.digits == 2


def test_one_row_of_unknown_make_leaves_the_scale_open(table) -> None:
    rows = [
        {"generator": "a", "perception": 50.0, "metric": "nano-0.3:5f1c09ab"},
        {"generator": "b", "perception": 60.0, "metric": None},
    ]
    assert leaderboards(table(rows), resamples=20).scales["perception"].low is None
