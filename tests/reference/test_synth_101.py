"""Reference values: 12 systems x 50 prompts, computed with other tools and cross-checked in R.

Source: ``golden_stats/synth_101.*`` of the shared development data; tolerances as stated there.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmm4lmm.stats.answers import evaluate_answers
from lmm4lmm.stats.correlation import krcc, pairwise_accuracy, plcc, srcc
from lmm4lmm.stats.evaluation import evaluate
from lmm4lmm.stats.logistic import fit_logistic

METRICS = ("metric_a", "metric_b", "metric_c", "metric_d")


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "golden_stats" / "synth_101.golden.json").read_text())


@pytest.fixture(scope="module")
def table(shared: Path) -> dict[str, np.ndarray]:
    with (shared / "golden_stats" / "synth_101.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    numbers = {name: np.array([float(row[name]) for row in rows]) for name in ("mos", "yn", "qa_a", *METRICS)}
    return {**numbers, "prompt": np.array([row["prompt"] for row in rows])}


@pytest.mark.parametrize("metric", METRICS)
def test_correlations(golden, table, metric):
    x, y, expected = table[metric], table["mos"], golden[metric]
    assert srcc(x, y) == pytest.approx(expected["srcc"], abs=1e-9)
    assert krcc(x, y) == pytest.approx(expected["krcc_tau_b"], abs=1e-9)
    assert plcc(x, y) == pytest.approx(expected["plcc_raw"], abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_pairs(golden, table, metric):
    # the golden counts take metric_d the right way round: lower is better for it
    x = -table[metric] if metric == "metric_d" else table[metric]
    found, expected = pairwise_accuracy(x, table["mos"]), golden[metric]
    assert {
        "con": found.concordant,
        "dis": found.discordant,
        "ties_human": found.ties_human,
        "ties_metric": found.ties_metric,
        "ties_both": found.ties_both,
    } == expected["pairs_pooled"]
    assert found.accuracy == pytest.approx(expected["acc_pooled_excl_human_ties"], abs=1e-9)
    assert found.accuracy_half == pytest.approx(expected["acc_pooled_half_metric_ties"], abs=1e-9)
    assert found.accuracy_with_ties == pytest.approx(expected["acc_eq_eps0_pooled"], abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [4, 5])
def test_logistic_fits(golden, table, metric, size):
    found = fit_logistic(table[metric], table["mos"], size=size)
    expected = golden[metric][f"logistic{size}_best"]
    # four parameters on metric_a: the best curve is at infinity, and how near one comes is a matter of patience
    tolerance = 2e-3 if (metric, size) == ("metric_a", 4) else 1e-4
    assert found.converged
    assert found.plcc == pytest.approx(expected["plcc"], abs=tolerance)
    assert found.sse == pytest.approx(expected["sse"], rel=tolerance)
    assert found.rmse == pytest.approx(expected["rmse"], rel=tolerance)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("by_prompt", "key", "tolerance"),
    [
        (True, "srcc_boot_promptcluster_pct95(B=4000,MC tol .006)", 0.006),
        (False, "srcc_boot_items_pct95(B=4000,MC tol .004)", 0.004),
    ],
)
def test_bootstrap_intervals(golden, table, metric, by_prompt, key, tolerance):
    prompts = table["prompt"] if by_prompt else None
    rng = np.random.default_rng(101)
    found = evaluate(table[metric], table["mos"], prompts=prompts, rng=rng, resamples=2000).srcc
    assert (found.low, found.high) == pytest.approx(tuple(golden[metric][key]), abs=tolerance)


def test_answers(golden, table):
    found = evaluate_answers(
        table["qa_a"], table["yn"], prompts=table["prompt"], rng=np.random.default_rng(0), resamples=50
    )
    assert found.accuracy.value == pytest.approx(golden["qa"]["acc_a"], abs=1e-9)
    assert found.balanced_accuracy.value == pytest.approx(golden["qa"]["qa_a"]["balanced"], abs=1e-9)
    assert found.f1.value == pytest.approx(golden["qa"]["qa_a"]["f1"], abs=1e-9)
