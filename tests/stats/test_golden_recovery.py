"""Every value of ``golden_stats/*.golden.json`` about recovery of scores from ratings, to the tolerances stated.

Real ratings (source: Netflix/sureal, Apache-2.0) with results of sureal's methods and, for the variants of BT.500
and EvalMi's protocol, of their rules (DATA.md). Tolerance 1e-9; 1e-6 for methods that iterate. sureal's half
intervals hold 1.95996 for the normal quantile.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmm4lmm.stats.mos import recover
from lmm4lmm.stats.rating_table import from_matrix
from lmm4lmm.stats.screening import screen, spread

SHARED = Path(os.environ.get("LMM4LMM_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
FILES = sorted(
    path.name.removesuffix(".golden.json")
    for path in SHARED.glob("golden_stats/*.golden.json")
    if path.with_name(path.name.replace(".golden.json", ".npz")).exists()
)
OURS = {
    "mos": "mos",
    "zscore_mos": "zscore",
    "bt500_sr_mos": "bt500",
    "zscore_sr_mos": "zscore_bt500",
    "p913_bias_removed_mos": "p913",
    "p913_br_sr_mos": "p913_bt500",
    "p910_annexE": "p910",
    "p910_ap_subject_ci": "p910_ap",
    "mle_newton": "mle",
    "aigi_protocol": "aigi",
}
ITERATIVE = {"p910", "p910_ap", "mle"}
TESTED = {
    *(
        "score",
        "sem",
        "n",
        "ci95_half_normal",
        "ci95_half_t",
        "subject_mean",
        "subject_sd_ddof1",
        "mu",
        "sigma",
    ),
    *("bias", "inconsistency", "bias_ci95_half", "inconsistency_ci95_minus", "inconsistency_ci95_plus"),
    *("P", "Q", "kurtosis", "rejected", "bt500_stat1", "bt500_stat2", "outlier_rate", "removed_ratings"),
    "all_rejected",
}
NOT_RESULTS = {"sureal_class", "n_iter"}


@pytest.fixture(scope="module", params=FILES or ["nflx_public"])
def study(request: pytest.FixtureRequest, shared: Path) -> tuple[np.ndarray, dict[str, Any]]:
    stem = shared / "golden_stats" / request.param
    return np.load(f"{stem}.npz")["ratings"], json.loads(Path(f"{stem}.golden.json").read_text())


def numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


@pytest.mark.parametrize("golden", OURS)
def test_scores_errors_and_raters(study: tuple[np.ndarray, dict[str, Any]], golden: str) -> None:
    ratings, expected = study[0], study[1]["methods"][golden]
    method = OURS[golden]
    tolerance = 1e-6 if method in ITERATIVE else 1e-9
    found = recover(ratings, method, compat="sureal")
    raters = found.raters
    t = found.t
    pairs = {
        "score": found.score,
        "sem": found.se,
        "n": found.n,
        "ci95_half_normal": found.normal.high - found.score,
        "ci95_half_t": None if t is None else t.high - found.score,
        "subject_mean": raters.mean,
        "mu": raters.mean,
        "subject_sd_ddof1": raters.sd,
        "sigma": raters.sd,
        "bias": raters.bias,
        "inconsistency": raters.inconsistency,
        "bias_ci95_half": raters.bias_half,
        "inconsistency_ci95_minus": raters.inconsistency - raters.inconsistency_low,
        "inconsistency_ci95_plus": raters.inconsistency_high - raters.inconsistency,
        "P": raters.above,
        "Q": raters.below,
        "rejected": raters.rejected,
        "outlier_rate": raters.flagged_share,
    }
    for name, values in pairs.items():
        if name in expected:
            np.testing.assert_allclose(values, numbers(expected[name]), atol=tolerance, rtol=0, err_msg=name)
    if "bt500_stat1" in expected:
        flagged = raters.above + raters.below
        np.testing.assert_allclose(flagged / len(ratings), expected["bt500_stat1"], atol=1e-9)
        leaning = np.abs(raters.above - raters.below) / np.where(flagged, flagged, np.nan)
        np.testing.assert_allclose(leaning, numbers(expected["bt500_stat2"]), atol=1e-9)
    assert set(expected) <= TESTED | NOT_RESULTS
    reasons = [reason is not None for reason in raters.reasons]
    assert reasons == raters.rejected.tolist()


def test_the_plain_normal_interval_differs_from_sureal_by_its_rounding_only(study: Any) -> None:
    found = recover(study[0], "mos")
    half = numbers(study[1]["methods"]["mos"]["ci95_half_normal"])
    np.testing.assert_allclose(found.normal.high - found.score, half * 1.959963984540054 / 1.95996, rtol=1e-9)


def test_kurtosis(study: Any) -> None:
    table = from_matrix(study[0])
    found = spread(table, table.values, ddof=0)
    expected = numbers(study[1]["methods"]["bt500_sr_mos"]["kurtosis"])
    np.testing.assert_allclose(found.kurtosis, expected, atol=1e-9)


def test_single_ratings_that_the_aigi_protocol_drops(study: Any) -> None:
    ratings, expected = study[0], study[1]["methods"]["aigi_protocol"]
    found = recover(ratings, "aigi")
    of_kept_raters = {(i, j) for i, j in expected["removed_ratings"] if not expected["rejected"][j]}
    gone = {(i, j) for i, j in found.removed.tolist() if not found.raters.rejected[j]}
    assert gone == of_kept_raters
    assert (found.raters.above + found.raters.below).sum() == len(expected["removed_ratings"])
    assert expected["all_rejected"] is bool(found.raters.rejected.all())


VARIANTS = {"sureal(ddof0,/E,noguard)": "sureal", "bt500_strict(ddof1,/n_i,guard)": "strict"}


@pytest.mark.parametrize("name", VARIANTS)
def test_both_readings_of_bt500(study: Any, name: str) -> None:
    ratings, expected = study[0], study[1]["bt500_variants"][name]
    found = recover(ratings, "bt500", compat=VARIANTS[name])  # type: ignore[arg-type]
    assert found.raters.above.tolist() == expected["P"]
    assert found.raters.below.tolist() == expected["Q"]
    assert np.flatnonzero(found.raters.rejected).tolist() == expected["rejected"]
    assert bool(found.raters.rejected.all()) is expected["all_rejected"]
    np.testing.assert_allclose(found.score, numbers(expected["score"]), atol=1e-9)


def test_counts_of_the_readings_between(study: Any) -> None:
    """ "ddof1" and "ddof0,/n_i,guard" mix both readings; strict and sureal differ from them in one thing each."""
    ratings, variants = study[0], study[1]["bt500_variants"]
    table = from_matrix(ratings)
    for name, ddof, guard in (("ddof1", 1, False), ("ddof0,/n_i", 0, False), ("ddof0,/n_i,guard", 0, True)):
        found = spread(table, table.values, ddof=ddof)
        limit = (found.limit * found.sd)[table.items]
        unanimous = 0 if guard else table.per_rater((limit == 0).astype(float))
        above = table.per_rater(((found.away >= limit) & (limit > 0)).astype(float)) + unanimous
        assert above.tolist() == variants[name]["P"]
    assert screen(table, table.values).rejected.keys() == set(
        variants["bt500_strict(ddof1,/n_i,guard)"]["rejected"]
    )
