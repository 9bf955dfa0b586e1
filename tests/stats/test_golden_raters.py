"""``agreement`` of every ``golden_stats/synth_*.golden.json``: raters among themselves, from the ratings beside it.

The values are from the packages krippendorff, pingouin and statsmodels (cross-checked in R; DATA.md). Tolerance
1e-9; pingouin prints intervals of ICC to two digits. Kappas, ICC and W are over the images that all raters rated.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmm4lmm.stats.agreement import fleiss_kappa, krippendorff_alpha, randolph_kappa
from lmm4lmm.stats.icc import FORMS, intraclass_correlations
from lmm4lmm.stats.panel import against_rest, kendall_w, split_half

SHARED = Path(os.environ.get("LMM4LMM_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
FILES = sorted(
    path.name.removesuffix(".golden.json") for path in SHARED.glob("golden_stats/synth_*.golden.json")
)
LEVELS: tuple[Any, ...] = ("nominal", "ordinal", "interval", "ratio")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module", params=FILES or ["synth_101"])
def study(request: pytest.FixtureRequest, shared: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Ratings with gaps, and what is expected of them."""
    stem = shared / "golden_stats" / request.param
    values = json.loads(stem.with_suffix(".golden.json").read_text())["agreement"]
    return np.genfromtxt(stem.with_name(f"{stem.name}_ratings.csv"), delimiter=","), values


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha(study: tuple[np.ndarray, dict[str, Any]], level: Any) -> None:
    ratings, expected = study
    found = krippendorff_alpha(ratings, level, rng=RNG, resamples=10)
    assert found.interval.value == close(expected[f"krippendorff_{level}"])


def test_kappas(study: tuple[np.ndarray, dict[str, Any]]) -> None:
    ratings, expected = study
    complete = ratings[~np.isnan(ratings).any(axis=1)]
    assert len(complete) == expected["n_complete_rows"]
    found = fleiss_kappa(complete, rng=RNG, resamples=10)
    assert found.interval.value == close(expected["fleiss_kappa_complete_rows"])
    found = randolph_kappa(complete, rng=RNG, resamples=10)
    assert found.interval.value == close(expected["randolph_kappa_complete_rows"])


def test_intraclass_correlations(study: tuple[np.ndarray, dict[str, Any]]) -> None:
    ratings, expected = study
    found = intraclass_correlations(ratings)
    assert found.n == expected["n_complete_rows"]
    assert set(expected["icc_pingouin"]) == set(expected["icc_ci95"]) == set(FORMS)
    for name, value in expected["icc_pingouin"].items():
        interval = found.forms[name].interval
        assert interval.value == close(value)
        assert [interval.low, interval.high] == pytest.approx(expected["icc_ci95"][name], abs=0.00501)


def test_concordance(study: tuple[np.ndarray, dict[str, Any]]) -> None:
    ratings, expected = study
    found = kendall_w(ratings)
    assert found.n == expected["n_complete_rows"]
    assert found.w == close(expected["kendall_W_ties"])
    assert found.w_uncorrected == close(expected["kendall_W_no_tie_corr"])


def test_nothing_of_the_section_is_left_out(study: tuple[np.ndarray, dict[str, Any]]) -> None:
    tested = {f"krippendorff_{level}" for level in LEVELS} | {
        "n_complete_rows",
        "icc_pingouin",
        "icc_ci95",
        "fleiss_kappa_complete_rows",
        "randolph_kappa_complete_rows",
        "kendall_W_ties",
        "kendall_W_no_tie_corr",
    }
    assert set(study[1]) == tested


def test_other_figures_agree_with_them(study: tuple[np.ndarray, dict[str, Any]]) -> None:
    """Split halves in PLCC estimate the consistency of the mean of all raters, ICC(C,k), in another way; one rater
    against the mean of many comes to the root of ICC(C,1) times the reliability of that mean."""
    ratings, expected = study
    k = ratings.shape[1]
    halves = split_half(ratings, rng=np.random.default_rng(0), splits=50)
    assert halves.plcc.reliability == pytest.approx(expected["icc_pingouin"]["ICC(C,k)"], abs=0.02)
    one = expected["icc_pingouin"]["ICC(C,1)"]
    rest = (k - 1) * one / (1 + (k - 2) * one)
    assert against_rest(ratings).plcc == pytest.approx(np.sqrt(one * rest), abs=0.06)
