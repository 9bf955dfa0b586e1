"""A small study, whole: a rater in Chromium and nine by HTTP, two cheats, scores, and a metric against these people.

``benchmarks/study_end_to_end.py`` does the same with 60 images and 30 raters.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from study_end_to_end import BOTH, Outcome, run

from report_browser import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]
IMAGES, HONEST = 24, 8
LEAST_SRCC = 0.8
"""Means of 8 raters with biases of SD .35 and noise of .5 to .9, on qualities of SD .9 or so, have a reliability
of about .93, so an SRCC with the truth of about .96; with 24 images its 99 % interval goes down to about .87."""


@pytest.fixture(scope="module")
def outcome(
    browser: Browser,
    shared_data: Path,
    nano_base_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Outcome:
    return run(
        shared_data / "early_generators",
        tmp_path_factory.mktemp("end-to-end") / "study",
        browser,
        images=IMAGES,
        windows=1,
        manners=("random", "straight", *["honest"] * (HONEST - 1)),
        break_seconds=1.0,
    )


def test_cheats_are_rejected_with_reasons_and_honest_raters_are_kept(outcome: Outcome) -> None:
    assert outcome.cheats == {"R002": "random", "R003": "straight"}
    assert set(outcome.screened) == set(outcome.cheats)
    for reason in outcome.screened.values():
        assert "gold and trap items as expected" in reason
    assert "the same answer in" in outcome.screened["R003"]


def test_the_rater_in_the_browser_finished_and_everything_was_kept(outcome: Outcome) -> None:
    (code,) = outcome.codes
    assert len(code) == 10
    rated, gold_and_traps, repeats = IMAGES, 5, 4
    assert outcome.ratings == HONEST * len(BOTH) * (rated + gold_and_traps + repeats)


def test_scores_find_the_true_order(outcome: Outcome) -> None:
    for name in BOTH:
        assert outcome.truth_srcc[name] > LEAST_SRCC, name


def test_evaluate_takes_the_table_and_the_pages_show_metric_against_people(outcome: Outcome) -> None:
    table = pl.read_csv(outcome.study_page.with_name("mos.csv"))
    assert {"id", "prompt", "generator", *BOTH} <= set(table.columns)
    for name in BOTH:
        assert outcome.evaluation["dimensions"][name]["n"] == IMAGES
    for page in (outcome.study_page, outcome.report_page):
        text = page.read_text(encoding="utf-8")
        for name in BOTH:
            label = rf'aria-label="{name} of {IMAGES} images:[^"]*across, people upwards"'
            (points,) = re.findall(rf'{label}.*?<path class="points" d="([^"]*)"', text, re.I | re.S)
            assert points.count("M") == IMAGES


def test_the_methods_section_has_this_studys_numbers(outcome: Outcome) -> None:
    for words in (
        f"{IMAGES} images were rated, of 4 prompts",
        "10 people were invited",
        "2 raters were excluded",
        f"with {HONEST} ratings each (planned: 10)",
        "3 gold items and 2 traps",
    ):
        assert words in outcome.methods, words
