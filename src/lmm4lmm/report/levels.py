"""What is asked of all matched images beside the correlations: levels, errors, ceiling, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.core.records import Dimension
from lmm4lmm.report.labels import UNNAMED
from lmm4lmm.stats.analytic import Kind, analytic_interval
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.baselines import Baseline
from lmm4lmm.stats.calibration import Reliability, reliability
from lmm4lmm.stats.ceiling import ceiling_from_errors, reachable_share, standard_errors
from lmm4lmm.stats.evaluation import Agreement
from lmm4lmm.stats.krasula import Krasula, krasula
from lmm4lmm.stats.levels import SystemAgreement, WithinAgreement, evaluate_systems, evaluate_within
from lmm4lmm.stats.logistic import LogisticFit, fit_logistic
from lmm4lmm.stats.prediction_error import PredictionErrors, prediction_errors
from lmm4lmm.stats.resampling import Interval

ALL_PAIRS = 1500
"""Up to so many images all pairs are analysed after Krasula, beyond it those of one prompt: 1.1 million pairs."""
ANALYTIC: dict[str, Kind] = {"srcc": "spearman", "krcc": "kendall", "plcc": "pearson"}


@dataclass(frozen=True)
class HumanFacts:
    """What is known of a human table beside its rows.

    Attributes:
        source: where that is from, to be printed.
        ceilings: dimension -> SRCC that the noise of human scores leaves to any metric.
        raters: how many people judged each image, where that is one number.
    """

    source: str = ""
    ceilings: Mapping[Dimension, float] = field(default_factory=dict)
    raters: int | None = None


@dataclass(frozen=True)
class Ceiling:
    """The SRCC of a perfect metric, and where it is from."""

    srcc: float
    source: str


@dataclass(frozen=True)
class Levels:
    """One dimension over all matched images. What the data can't support is None, or has a reason in ``notes``.

    Attributes:
        within: agreement about images of one prompt; None where no prompt is named.
        systems: agreement over generators; None where none is named.
        fit5: the five-parameter logistic fit.
        errors: on people's scale after the four-parameter fit.
        krasula: better/worse and different/similar; needs people's standard errors.
        krasula_pairs: which pairs: "all" or "within prompts".
        reliability: of yes/no answers.
        ceiling: the noise ceiling.
        analytic: intervals by formula, statistic -> interval.
        share: of the reachable range that the metric covers (``stats.ceiling``).
        notes: why something is missing.
    """

    within: WithinAgreement | None
    systems: SystemAgreement | None
    fit5: LogisticFit | None
    errors: PredictionErrors | None
    krasula: Krasula | None
    krasula_pairs: str
    reliability: Reliability | None
    ceiling: Ceiling | None
    analytic: Mapping[str, Interval]
    share: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What ``evaluate --json`` adds to a dimension."""
        document: dict[str, Any] = {
            "plcc_fitted5": None if self.fit5 is None else self.fit5.plcc,
            "within_prompt": None if self.within is None else asdict(self.within),
            "generators": None if self.systems is None else asdict(self.systems),
            "errors": None if self.errors is None else asdict(self.errors),
            "krasula": None if self.krasula is None else self._krasula_json(self.krasula),
            "ceiling": None if self.ceiling is None else asdict(self.ceiling),
            "reachable_share": self.share,
            "intervals_by_formula": {
                name: {"low": found.low, "high": found.high, "reason": found.reason}
                for name, found in self.analytic.items()
            },
        }
        if self.reliability is not None:
            document["reliability"] = asdict(self.reliability)
        return document | {"notes": list(self.notes)}

    def _krasula_json(self, found: Krasula) -> dict[str, Any]:
        return {
            "pairs": self.krasula_pairs,
            "n_pairs": found.n_pairs,
            "n_different": found.n_different,
            "auc_different": float(found.auc_different[0]),
            "auc_better": float(found.auc_better[0]),
            "right_signs": float(found.right_signs[0]),
        }


def levels(
    frame: pl.DataFrame,
    name: Dimension,
    agreement: Agreement,
    baselines: tuple[Baseline, ...],
    *,
    answers: bool,
    facts: HumanFacts,
    seed: int,
    resamples: int,
) -> Levels:
    """Everything about one dimension.

    Args:
        frame: as ``joining.join`` gives it.
        name: the dimension.
        agreement: over all images.
        baselines: of the same images.
        answers: whether they are yes/no answers.
        facts: what is known of the human table.
        seed: each part starts from it anew.
        resamples: of the bootstrap.
    """
    used = frame.filter(pl.col(name).is_not_null() & pl.col(f"{name}_human").is_not_null())
    x, y = used[name].to_numpy(), used[f"{name}_human"].to_numpy()
    prompts, notes = used["cluster"].to_numpy(), []
    error, sd, raters = _uncertainty(used, name, facts)
    within = systems = None
    if used["cluster"].n_unique() < used.height:
        within = evaluate_within(x, y, prompts=prompts, rng=np.random.default_rng(seed), resamples=resamples)
    else:
        notes.append("no two images share a prompt: nothing can be said within prompts")
    if used["generator"].null_count() < used.height:
        makers = used["generator"].fill_null(UNNAMED).to_numpy()
        rng = np.random.default_rng(seed)
        systems = evaluate_systems(x, y, systems=makers, prompts=prompts, rng=rng, resamples=resamples)
    if agreement.srcc.high is not None and agreement.srcc.high < 0:
        notes.append("SRCC is surely negative: if lower is better for this metric, turn its sign round first")
    fit, errors = agreement.fit, None
    if fit is not None and fit.converged:
        errors = prediction_errors(fit(x), y, sd=sd, raters=raters)
    pairs_of, analysed = _krasula(x, y, error, prompts)
    ceiling = _ceiling(y, error, name, facts, seed, notes)
    return Levels(
        within=within,
        systems=systems,
        fit5=_fit5(x, y, notes),
        errors=errors,
        krasula=analysed,
        krasula_pairs=pairs_of,
        reliability=reliability(x, y) if answers and x.size else None,
        ceiling=ceiling,
        analytic={
            key: analytic_interval(value, agreement.n, kind)
            for key, kind in ANALYTIC.items()
            if (value := getattr(agreement, key).value) is not None
        },
        share=share_of(agreement.srcc.value, baselines, ceiling),
        notes=tuple(notes),
    )


def best_baseline(baselines: tuple[Baseline, ...]) -> float | None:
    """The highest SRCC of the predictors that see no pixel; None where none has a value."""
    return max((found.srcc for found in baselines if found.srcc is not None), default=None)


def share_of(srcc: float | None, baselines: tuple[Baseline, ...], ceiling: Ceiling | None) -> float | None:
    """The share of the reachable range; None where a part of it is unknown."""
    floor = best_baseline(baselines)
    if srcc is None or floor is None or ceiling is None:
        return None
    return reachable_share(srcc, floor, ceiling.srcc)


def _uncertainty(used: pl.DataFrame, name: Dimension, facts: HumanFacts) -> tuple[Floats, Floats, Floats]:
    """Standard error, standard deviation and number of raters of each human score; NaN where unknown."""
    sd = used[f"{name}_std_human"].cast(pl.Float64).to_numpy()
    count = used[f"{name}_n_human"].cast(pl.Float64)
    raters = (count if facts.raters is None else count.fill_null(facts.raters)).to_numpy()
    return standard_errors(sd, raters), np.asarray(sd, np.float64), np.asarray(raters, np.float64)


def _ceiling(
    y: Floats, error: Floats, name: Dimension, facts: HumanFacts, seed: int, notes: list[str]
) -> Ceiling | None:
    if name in facts.ceilings:
        return Ceiling(facts.ceilings[name], facts.source)
    if np.isnan(error).all():
        if name == "answer":  # nothing of the kind exists for single answers, so nothing is missing
            return None
        notes.append(
            f"no noise ceiling: the human table does not say how far raters are apart ({name}_std, {name}_n)"
        )
        return None
    try:
        found = ceiling_from_errors(y, error, rng=np.random.default_rng(seed))
    except StatisticsError as failure:
        notes.append(f"no noise ceiling: {failure}")
        return None
    return Ceiling(found.srcc, f"standard errors of {found.n:,} human scores")


def _krasula(x: Floats, y: Floats, error: Floats, prompts: Any) -> tuple[str, Krasula | None]:
    if np.isnan(error).all():
        return "", None
    everything = x.size <= ALL_PAIRS
    try:
        found = krasula(x, y, error, groups=None if everything else prompts)
    except StatisticsError:
        return "", None
    return ("all" if everything else "within prompts"), found


def _fit5(x: Floats, y: Floats, notes: list[str]) -> LogisticFit | None:
    try:
        fit = fit_logistic(x, y, size=5)
    except StatisticsError as failure:
        notes.append(f"no five-parameter fit: {failure}")
        return None
    if not fit.converged:
        notes.append(f"the five-parameter fit failed: {fit.reason}")
        return None
    return fit
