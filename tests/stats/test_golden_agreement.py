"""Every value of ``golden_stats/synth_*.golden.json`` that is about metrics, to the tolerances stated beside it.

The files (12 systems x 50 prompts x 15 raters, cross-checked in R; DATA.md) hold reference values of agreement.
Tolerances: 1e-9, logistic fits by SSE and PLCC (1e-4; four parameters of ``metric_a`` 2e-3), bootstraps within
the Monte Carlo error that their names state. ``agreement`` (raters among themselves) is in
``test_golden_raters``. ``metric_d`` is "lower is better": what asks which of two images is better takes it with
its sign turned, as the golden values do.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lmm4lmm.stats import replicates
from lmm4lmm.stats.analytic import analytic_interval
from lmm4lmm.stats.arrays import groups
from lmm4lmm.stats.confusion import confusion
from lmm4lmm.stats.correlation import krcc, krcc_c, pairwise_accuracy, plcc, somers_d, srcc
from lmm4lmm.stats.dependent import meng_rosenthal_rubin, steiger, williams, zou
from lmm4lmm.stats.krasula import krasula
from lmm4lmm.stats.logistic import LogisticFit, fit_logistic
from lmm4lmm.stats.mcnemar import mcnemar
from lmm4lmm.stats.prediction_error import prediction_errors
from lmm4lmm.stats.resampling import bootstrap
from lmm4lmm.stats.systems import system_level
from lmm4lmm.stats.within import calibrated_accuracy, mean_srcc_within

METRICS = ("metric_a", "metric_b", "metric_c", "metric_d")
SHARED = Path(os.environ.get("LMM4LMM_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
FILES = sorted(
    path.name.removesuffix(".golden.json") for path in SHARED.glob("golden_stats/synth_*.golden.json")
)


class Golden:
    """One golden file with its data."""

    def __init__(self, stem: Path) -> None:
        self.values: dict[str, Any] = json.loads(stem.with_suffix(".golden.json").read_text())
        self.table = pl.read_csv(stem.with_suffix(".csv"))
        self.ratings = np.genfromtxt(stem.with_name(f"{stem.name}_ratings.csv"), delimiter=",")
        self.mos = self.table["mos"].to_numpy()
        self.raters = (~np.isnan(self.ratings)).sum(axis=1).astype(float)
        self.sd = np.nanstd(self.ratings, axis=1, ddof=1)
        self.se = self.sd / np.sqrt(self.raters)
        self.prompts = self.table["prompt"].to_numpy()
        self.systems = self.table["system"].to_numpy()

    def x(self, metric: str, *, turned: bool = True) -> np.ndarray:
        values = self.table[metric].to_numpy().astype(float)
        return -values if turned and self.values[metric]["srcc"] < 0 else values


@pytest.fixture(scope="module", params=FILES or ["synth_101"])
def golden(request: pytest.FixtureRequest, shared: Path) -> Golden:
    return Golden(shared / "golden_stats" / request.param)


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_correlations(golden: Golden, metric: str) -> None:
    x, expected = golden.x(metric, turned=False), golden.values[metric]
    assert srcc(x, golden.mos) == close(expected["srcc"])
    assert krcc(x, golden.mos) == close(expected["krcc_tau_b"])
    assert krcc_c(x, golden.mos) == close(expected["krcc_tau_c"])
    assert plcc(x, golden.mos) == close(expected["plcc_raw"])
    assert somers_d(x, golden.mos) == close(expected["somers_d_y_given_x"])


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_by_formula(golden: Golden, metric: str) -> None:
    expected, n = golden.values[metric], golden.values["n"]
    fisher = analytic_interval(expected["plcc_raw"], n, "pearson")
    assert [fisher.low, fisher.high] == close(expected["plcc_raw_ci_fisher"])
    wright = analytic_interval(expected["srcc"], n, "spearman")
    assert [wright.low, wright.high] == close(expected["srcc_ci_bonett_wright"])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [4, 5])
def test_logistic_fits(golden: Golden, metric: str, size: Any) -> None:
    expected = golden.values[metric][f"logistic{size}_best"]
    fit = fit_logistic(golden.x(metric, turned=False), golden.mos, size=size)
    tolerance = 2e-3 if (metric, size) == ("metric_a", 4) else 1e-4
    assert fit.converged
    assert fit.plcc == pytest.approx(expected["plcc"], abs=tolerance)
    assert fit.rmse == pytest.approx(expected["rmse"], abs=tolerance)
    assert fit.sse <= expected["sse"] * (1 + tolerance)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [4, 5])
def test_logistic_fits_beside_pyiqa(golden: Golden, metric: str, size: Any) -> None:
    """pyiqa fits the same curves from one start. Where it ends, its curve is ours at its parameters, and no better
    than our fit (it may end at a worse minimum); where it fails ("error"), that is its fault, and ours converges."""
    expected, x = golden.values[metric][f"pyiqa_{size}p"], golden.x(metric, turned=False)
    ours = fit_logistic(x, golden.mos, size=size)
    assert ours.converged
    if "error" in expected:
        assert "Optimal parameters not found" in expected["error"]
        return
    assert ours.rmse <= expected["rmse"] + 1e-9
    curve = _pyiqa_curve(ours, expected["beta"])(x)
    assert plcc(curve, golden.mos) == pytest.approx(expected["plcc"], abs=1e-7)
    assert np.sqrt(np.square(curve - golden.mos).mean()) == pytest.approx(expected["rmse"], abs=1e-7)


def _pyiqa_curve(fit: LogisticFit, beta: list[float]) -> LogisticFit:
    """Top, bottom, centre, scale; or height, steepness, centre, slope and level of a sigmoid around zero."""
    if len(beta) == 4:
        top, bottom, centre, scale = beta
        return replace(fit, bottom=bottom, height=top - bottom, centre=centre, scale=abs(scale), slope=0.0)
    height, steepness, centre, slope, level = beta
    turned = np.sign(steepness) * height
    return replace(
        fit, bottom=level - turned / 2, height=turned, centre=centre, scale=1 / abs(steepness), slope=slope
    )


@pytest.mark.parametrize("metric", METRICS)
def test_errors_on_the_scale_of_people(golden: Golden, metric: str) -> None:
    x, expected = golden.x(metric, turned=False), golden.values[metric]
    fitted = fit_logistic(x, golden.mos)(x)
    found = prediction_errors(fitted, golden.mos, sd=golden.sd, raters=golden.raters)
    tolerance = 2e-3 if metric == "metric_a" else 1e-4
    assert found.rmse_unbiased == pytest.approx(expected["logistic4_rmse_dof(n-4)"], abs=tolerance)
    assert found.rmse_star == pytest.approx(
        expected["rmse_star_4p(P.1401 eps-insensitive,n-4)"], abs=tolerance
    )
    # a ratio counts whole items: another curve of the same SSE may move one across the limit
    item = 1.01 / golden.mos.size
    assert found.outlier_ratio == pytest.approx(expected["outlier_ratio_4p_ci95_t"], abs=item)
    assert found.outlier_ratio_2se == pytest.approx(expected["outlier_ratio_4p_2SE"], abs=item)
    assert found.outlier_ratio_2sd == pytest.approx(expected["outlier_ratio_4p_2SD"], abs=item)


@pytest.mark.parametrize("metric", METRICS)
def test_pairs_of_images(golden: Golden, metric: str) -> None:
    x, expected = golden.x(metric), golden.values[metric]
    _check_counts(x, golden.mos, expected["pairs_pooled"])
    found = pairwise_accuracy(x, golden.mos)
    assert found.accuracy == close(expected["acc_pooled_excl_human_ties"])
    assert found.accuracy_half == close(expected["acc_pooled_half_metric_ties"])
    assert found.accuracy_with_ties == close(expected["acc_eq_eps0_pooled"])
    _check_calibrated(x, golden.mos, None, expected["acc_eq_opt_pooled"])
    _check_calibrated(x, golden.mos, golden.prompts, expected["acc_eq_opt_per_prompt"])
    _check_calibrated(x, golden.mos, golden.prompts, expected["acc_eq_opt_per_prompt_mtme"])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("section", ["ties_human_mos3", "ties_human_rint_mos3"])
def test_pairs_of_images_where_people_tie(golden: Golden, metric: str, section: str) -> None:
    """The mean of the first three raters, plain and rounded to whole marks."""
    human = np.nanmean(golden.ratings[:, :3], axis=1)
    human = np.rint(human) if "rint" in section else human
    x, expected = golden.x(metric), golden.values[section][metric]
    _check_counts(x, human, expected["pairs_pooled"])
    assert krcc(x, human) == pytest.approx(abs(expected["tau_b"]), abs=1e-9)
    assert krcc_c(x, human) == pytest.approx(abs(expected["tau_c"]), abs=1e-9)
    _check_calibrated(x, human, None, expected["opt_pooled"])
    _check_calibrated(x, human, golden.prompts, expected["opt_per_prompt"])
    if "acc_eq_eps0_pooled" in expected:
        assert pairwise_accuracy(x, human).accuracy_with_ties == close(expected["acc_eq_eps0_pooled"])
        _check_calibrated(x, human, golden.prompts, expected["opt_per_prompt_full"])


@pytest.mark.parametrize("metric", METRICS)
def test_within_prompts_and_over_systems(golden: Golden, metric: str) -> None:
    x, expected = golden.x(metric), golden.values[metric]
    within = mean_srcc_within(x, golden.mos, golden.prompts)
    assert within.mean == close(expected["per_prompt_mean_srcc"])
    assert within.n_undefined == expected["per_prompt_nan"]
    found = system_level(golden.x(metric, turned=False), golden.mos, golden.systems)
    for name in ("srcc", "krcc", "plcc"):
        assert getattr(found, name) == close(expected["system"][name])
    turned = system_level(x, golden.mos, golden.systems)
    assert turned.accuracy == close(expected["system"]["pairwise_acc"])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("key", "clustered", "tolerance"),
    [
        ("srcc_boot_items_pct95(B=4000,MC tol .004)", False, 0.004),
        ("srcc_boot_promptcluster_pct95(B=4000,MC tol .006)", True, 0.006),
    ],
)
def test_bootstrapped_srcc(golden: Golden, metric: str, key: str, clustered: bool, tolerance: float) -> None:
    """Plain percentiles, as the golden values are; ours are a little wider by intention (``resampling``)."""
    labels = golden.prompts if clustered else None
    drawn = groups(labels, golden.mos.size, "prompts")
    statistic = replicates.spearman(golden.x(metric, turned=False), golden.mos, drawn)
    found = bootstrap({"srcc": statistic}, len(drawn), rng=np.random.default_rng(0), resamples=4000)["srcc"]
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(golden.values[metric][key], abs=tolerance)


def test_dependent_correlations(golden: Golden) -> None:
    section = golden.values["dependent_correlations"]
    assert section
    for key, expected in section.items():
        a, b, kind = key.split("|")
        measure = {"pearson": plcc, "spearman": srcc}[kind]
        x, z, people = golden.x(a, turned=False), golden.x(b, turned=False), golden.mos
        r = (measure(x, people), measure(z, people), measure(x, z))
        n = golden.values["n"]
        assert r == close([expected["r12"], expected["r13"], expected["r23"]])
        for name, test in (
            ("williams", williams),
            ("steiger_1980_pooled", steiger),
            ("meng_1992", meng_rosenthal_rubin),
        ):
            found, reference = test(*r, n), expected[name]
            assert found.statistic == close(reference.get("t", reference.get("z")))
            assert found.df == reference.get("df")
            assert found.p == pytest.approx(reference["p_two"], rel=1e-6)
        interval = zou(*r, n)
        assert [interval.low, interval.high] == close(
            [expected["zou_ci95"]["lo"], expected["zou_ci95"]["hi"]]
        )


@pytest.mark.parametrize("key", ["krasula_1.96", "krasula_2.0", "krasula_1.96_first150"])
def test_krasula(golden: Golden, key: str) -> None:
    expected, names = golden.values[key], golden.values["krasula_order"]
    rows = slice(150 if key.endswith("first150") else None)
    x = np.array([golden.x(name)[rows] for name in names])
    found = krasula(x, golden.mos[rows], golden.se[rows], z=expected["z_crit"])
    assert (found.n_pairs, found.n_different) == (expected["n_pairs"], expected["n_different"])
    assert found.auc_different == close(expected["AUC_DS"])
    assert found.auc_better == close(expected["AUC_BW"])
    assert found.right_signs == close(expected["CC_0"])
    assert found.threshold == close(expected["THR95_similar"])
    for i, j in itertools.combinations(range(len(names)), 2):
        for p, golden_p in ((found.p_different, "p_DS_delong"), (found.p_better, "p_BW_delong")):
            assert p[i, j] == pytest.approx(expected[golden_p][f"{i}-{j}"], rel=1e-6, abs=1e-290)


def test_answers(golden: Golden) -> None:
    expected, people = golden.values["qa"], golden.table["yn"].to_numpy()
    a, b = golden.table["qa_a"].to_numpy(), golden.table["qa_b"].to_numpy()
    found = mcnemar(a, b, people)
    assert [found.accuracy_a, found.accuracy_b] == close([expected["acc_a"], expected["acc_b"]])
    assert [list(row) for row in found.table] == expected["table"]
    assert found.p_exact == close(expected["mcnemar_exact_p"])
    assert [found.chi2, found.p_chi2] == close(expected["mcnemar_chi2"])
    assert [found.chi2_corrected, found.p_chi2_corrected] == close(expected["mcnemar_chi2_cc"])
    for name, answers in (("qa_a", a), ("qa_b", b)):
        counts = confusion(answers, people)
        assert counts.balanced_accuracy == close(expected[name]["balanced"])
        for key in ("mcc", "kappa", "f1"):
            assert getattr(counts, key) == close(expected[name][key])


def _check_counts(x: np.ndarray, human: np.ndarray, expected: dict[str, int]) -> None:
    found = pairwise_accuracy(x, human)
    names = {"con": "concordant", "dis": "discordant"}
    assert {key: getattr(found, names.get(key, key)) for key in expected} == expected


def _check_calibrated(x: np.ndarray, human: np.ndarray, prompts: Any, expected: dict[str, float]) -> None:
    found = calibrated_accuracy(x, human, groups=prompts)
    assert found.accuracy == close(expected["acc"])
    assert found.epsilon == close(expected["eps"])
    at_zero = expected.get("acc_at_eps0", expected.get("acc_eps0"))
    if at_zero is not None:
        assert found.accuracy_uncalibrated == close(at_zero)
