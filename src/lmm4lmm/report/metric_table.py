"""Several metrics against the same people, on the images that all of them scored: one table a dimension."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.errors import InputError, StatisticsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.at_once import Known
from lmm4lmm.report.evaluation import (
    Measured,
    Sampling,
    interval_json,
    measure,
)
from lmm4lmm.report.joining import Joined, join
from lmm4lmm.report.labels import join_letters
from lmm4lmm.report.levels import HumanFacts, Levels, levels
from lmm4lmm.report.no_pixel import baselines_json, no_pixel
from lmm4lmm.stats.baselines import Baseline
from lmm4lmm.stats.ceiling import SHARE_DEFINITION
from lmm4lmm.stats.comparisons import holm
from lmm4lmm.stats.mcnemar import McNemar, mcnemar
from lmm4lmm.stats.metric_comparison import MetricComparison, MetricPair, compare_metrics


@dataclass(frozen=True)
class Answering:
    """McNemar's test of two metrics' answers, with its p-value adjusted by Holm for all pairs."""

    a: str
    b: str
    test: McNemar
    p_adjusted: float


@dataclass(frozen=True)
class Contest:
    """One dimension.

    Attributes:
        comparison: SRCC of the metrics, differences and groups.
        measured: metric -> correlations and the like, over the images that all scored.
        levels: metric -> levels, errors and ceiling, over the same images.
        baselines: predictors that see no pixel, over the same images.
        answering: McNemar's tests; only where people said yes or no.
        left_out: images with a human score that some metric did not score.
        frames: metric -> its rows beside people's, cut to the images that all scored.
    """

    comparison: MetricComparison
    measured: Mapping[str, Measured]
    levels: Mapping[str, Levels]
    baselines: tuple[Baseline, ...]
    answering: tuple[Answering, ...]
    left_out: int
    frames: Mapping[str, pl.DataFrame]

    def to_json(self) -> dict[str, Any]:
        """The metrics best first, each with all its figures; then what frames them."""
        order = self.comparison.names
        ceiling = next((found.ceiling for found in self.levels.values()), None)
        return {
            "n": self.comparison.n,
            "n_left_out": self.left_out,
            "n_prompts": self.comparison.n_prompts,
            "baselines": baselines_json(self.baselines),
            "metrics": {
                name: {
                    "group": join_letters(self.comparison.groups[name]),
                    **self.measured[name].to_json(),
                    **self.levels[name].to_json(),
                }
                for name in order
            },
            "ceiling": None if ceiling is None else asdict(ceiling),
            "pairs": [_pair_json(pair) for pair in self.comparison.pairs],
            "mcnemar": [
                {"a": found.a, "b": found.b, **asdict(found.test), "p_adjusted": found.p_adjusted}
                for found in self.answering
            ],
        }


@dataclass(frozen=True)
class MetricTable:
    """All dimensions that two metrics or more have scored, or one where only one has.

    Attributes:
        dimensions: dimension -> contest.
        joined: metric -> its rows beside people's, and the counts of what was left out.
        notes: metrics that are missing from a dimension.
    """

    dimensions: Mapping[Dimension, Contest]
    joined: Mapping[str, Joined]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The document that ``evaluate A B --json`` prints."""
        return {
            "dimensions": {name: contest.to_json() for name, contest in self.dimensions.items()},
            "files": {
                name: {
                    "matched": found.frame.height,
                    "failed": found.failed,
                    "only_scores": found.only_scores,
                    "only_human": found.only_human,
                }
                for name, found in self.joined.items()
            },
            "reachable_share": SHARE_DEFINITION,
            "notes": list(self.notes),
        }


def metric_table(
    scores: Mapping[str, pl.DataFrame],
    human: pl.DataFrame,
    *,
    facts: HumanFacts | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> MetricTable:
    """Compares metrics over the images that people and all of them scored.

    A metric without a single score in a dimension is left out of that dimension, and said to be.

    Args:
        scores: name -> a metric's table, as ``core.scores.read_scores`` returns it.
        human: people's table, in the same form.
        facts: what is known of the human table beside its rows.
        seed: of the bootstrap and of the folds.
        resamples: of the bootstrap.

    Raises:
        InputError: no table at all, no id or no dimension in common, an id twice, or no image that all scored.
    """
    if not scores:
        raise InputError("there is no scores table to evaluate")
    joined = {name: _join(name, table, human) for name, table in scores.items()}
    contests: dict[Dimension, Contest] = {}
    notes: list[str] = []
    for dimension in DIMENSIONS:
        with_it = {n: found.frame for n, found in joined.items() if _scored(found.frame, dimension)}
        if not with_it:
            continue
        notes += [f"{name} has no {dimension} scores" for name in joined if name not in with_it]
        sampling = Sampling(seed, resamples)
        contests[dimension] = _contest(with_it, dimension, facts or HumanFacts(), sampling)
    if not contests:
        raise InputError("the tables share ids but no score with the human table")
    return MetricTable(contests, joined, tuple(notes))


def _join(name: str, table: pl.DataFrame, human: pl.DataFrame) -> Joined:
    try:
        return join(table, human)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _scored(frame: pl.DataFrame, dimension: Dimension) -> bool:
    return not frame.filter(
        pl.col(dimension).is_not_null() & pl.col(f"{dimension}_human").is_not_null()
    ).is_empty()


def _contest(
    frames: Mapping[str, pl.DataFrame], dimension: Dimension, facts: HumanFacts, sampling: Sampling
) -> Contest:
    shown = _common(frames, dimension)
    # prompts as numbers: texts take ten times as long to tell apart
    common = {name: frame.with_columns(pl.col("cluster").rank("dense")) for name, frame in shown.items()}
    measured, found = {}, {}
    first = next(iter(common.values()))
    baselines = no_pixel(first, dimension, sampling.seed)
    comparison = compare_metrics(
        {name: frame[dimension].to_numpy() for name, frame in common.items()},
        first[f"{dimension}_human"].to_numpy(),
        prompts=first["cluster"].to_numpy(),
        rng=np.random.default_rng(sampling.seed),
        resamples=sampling.resamples,
    )
    for name, frame in common.items():
        # the same draws of the same prompts: no need to resample SRCC twice
        measured[name] = measure(frame, dimension, sampling, Known(comparison.values[name]))
        found[name] = levels(
            frame,
            dimension,
            measured[name].agreement,
            baselines,
            answers=measured[name].answers is not None,
            facts=facts,
            seed=sampling.seed,
            resamples=sampling.resamples,
        )
    any_scored = pl.concat(
        [f.filter(pl.col(f"{dimension}_human").is_not_null()).select("id") for f in frames.values()]
    )
    answered = {name: m.answers is not None for name, m in measured.items()}
    return Contest(
        comparison=comparison,
        measured=measured,
        levels=found,
        baselines=baselines,
        answering=_answering({n: f for n, f in common.items() if answered[n]}, dimension),
        left_out=any_scored["id"].n_unique() - first.height,
        frames=shown,
    )


def _common(frames: Mapping[str, pl.DataFrame], dimension: Dimension) -> dict[str, pl.DataFrame]:
    """Each metric's rows, cut to the images that people and all metrics scored; labels those of the first."""
    scored = {
        name: frame.filter(pl.col(dimension).is_not_null() & pl.col(f"{dimension}_human").is_not_null())
        for name, frame in frames.items()
    }
    first, *others = scored.values()
    for other in others:
        first = first.join(other.select("id"), on="id", how="semi")
    if first.is_empty():
        counts = ", ".join(f"{name} scored {frame.height}" for name, frame in scored.items())
        raise InputError(f"{dimension}: no image was scored by all metrics ({counts})")
    first = first.sort("id")
    return {
        name: first.drop(dimension).join(frame.select("id", dimension), on="id", how="left").sort("id")
        for name, frame in scored.items()
    }


def _answering(frames: Mapping[str, pl.DataFrame], dimension: Dimension) -> tuple[Answering, ...]:
    found = []
    for a, b in itertools.combinations(frames, 2):
        columns = (frames[a][dimension], frames[b][dimension], frames[a][f"{dimension}_human"])
        try:
            found.append((a, b, mcnemar(*(values.to_numpy() for values in columns))))
        except StatisticsError:  # people's answers are shares: there is no right and wrong
            return ()
    adjusted = holm(np.array([test.p_exact for _, _, test in found], dtype=np.float64))
    return tuple(Answering(a, b, test, float(p)) for (a, b, test), p in zip(found, adjusted, strict=True))


def _pair_json(pair: MetricPair) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "difference": interval_json(pair.difference),
        "p": pair.p,
        "p_adjusted": pair.p_adjusted,
        "different": pair.different,
        "by_formula": None if pair.by_formula is None else asdict(pair.by_formula),
    }
