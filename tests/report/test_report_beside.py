"""A metric's means beside people's: what is put in one order, what apart, and why."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from lmm4lmm.report.beside import People, beside_view, people_beside, placed
from lmm4lmm.report.summary import Leaderboards, leaderboards

PROMPTS = {"a cat", "a dog", "a tree", "a boat"}


@pytest.fixture
def human(table: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    """Two generators over four prompts, and one prompt more on which "low" is best."""
    level = {"high": 60.0, "low": 40.0}
    rows = [
        {"generator": name, "prompt": prompt, "perception": mean + number, "correspondence": mean}
        for name, mean in level.items()
        for number, prompt in enumerate(sorted(PROMPTS))
    ]
    rows += [
        {"generator": "low", "prompt": "a bench", "perception": 99.0, "correspondence": 99.0},
        {"generator": "high", "prompt": "a bench", "perception": 1.0, "correspondence": 1.0},
    ]
    published = pl.Series("generator_published", [f"{row['generator'].title()} 3" for row in rows])
    return table(rows).with_columns(published)


@pytest.fixture
def boards(table: Callable[..., pl.DataFrame]) -> Leaderboards:
    """A metric's: one generator over the four prompts, without correspondence."""
    return leaderboards(
        table([{"generator": "mine", "prompt": prompt, "perception": 50.0} for prompt in PROMPTS])
    )


def test_only_the_prompts_here_count(human, boards):
    people = people_beside(human, PROMPTS)
    assert (people.comparable, people.prompts, people.caveats) == (True, 4, ())
    assert people.to_json()["high"]["perception"]["mean"] == pytest.approx(61.5)  # without the bench
    assert people.to_json()["low"]["perception"]["n"] == 4
    found = placed(boards, people)
    assert list(found) == ["perception"]  # the metric gives nothing else
    assert [(one.generator, one.judge) for one in found["perception"]] == [
        ("High 3", "people"),
        ("mine", "metric"),
        ("Low 3", "people"),
    ]
    assert all(one.low <= one.mean <= one.high for one in found["perception"])


def test_a_caveat_leaves_the_metric_out(human, boards):
    people = people_beside(human, PROMPTS, ["another scale"])
    assert not people.comparable
    assert {one.judge for one in placed(boards, people)["perception"]} == {"people"}
    view = beside_view(boards, people)
    assert (view.together, view.caveats) == (False, ("another scale",))


def test_prompts_that_people_never_saw_are_a_caveat(human, boards):
    people = people_beside(human, {*PROMPTS, "a prompt of nobody else's"})
    assert not people.comparable
    assert "only 4 of the 5 prompts here" in people.caveats[0]
    nowhere = people_beside(human, {"a prompt of nobody else's"})
    assert nowhere.boards is None
    assert placed(boards, nowhere) == {}


def test_without_a_score_there_is_nothing_to_compare(human, boards):
    people = people_beside(human, set())
    assert people.caveats == ("no image here has a score",)
    assert people.to_json() == {}
    assert not people.comparable
    assert beside_view(boards, People(caveats=("why",))).boards == ()
