"""A metric's scores against people's: overall, at several levels, and within tasks, generators and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.at_once import ALL, Group, Known, at_once
from lmm4lmm.report.joining import Joined, join
from lmm4lmm.report.labels import NO_TASK, UNNAMED
from lmm4lmm.report.levels import HumanFacts, Levels, levels
from lmm4lmm.report.no_pixel import baselines_json, no_pixel
from lmm4lmm.stats.answers import AnswerAgreement, evaluate_answers
from lmm4lmm.stats.baselines import Baseline
from lmm4lmm.stats.evaluation import Agreement, Method, evaluate
from lmm4lmm.stats.resampling import Draws, Interval

Grouping: TypeAlias = Literal["task", "generator", "detailed"]
GROUPINGS: dict[Grouping, str] = {"task": NO_TASK, "generator": UNNAMED, "detailed": "(unknown)"}
"""What results can be broken down by, and what rows without a value are called."""
STATISTICS = ("srcc", "krcc", "plcc", "plcc_fitted")
ANSWER_STATISTICS = ("accuracy", "balanced_accuracy", "f1", "auc", "brier")


@dataclass(frozen=True)
class Sampling:
    """How intervals are made.

    Attributes:
        seed: each dimension and group starts from it anew.
        resamples: of the bootstrap.
        method: "percentile" or "bca".
        crossed: draw generators as well as prompts; only over all images, groups draw prompts.
        draws: what all intervals of one evaluation share.
    """

    seed: int = 0
    resamples: int = 1000
    method: Method = "percentile"
    crossed: bool = False
    draws: Draws = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "draws", Draws(self.seed))


@dataclass(frozen=True)
class Measured:
    """One dimension over some images.

    Attributes:
        agreement: correlations with people's scores.
        answers: accuracy and the like; only for the answer dimension, and only if people said yes or no.
    """

    agreement: Agreement
    answers: AnswerAgreement | None = None

    def to_json(self) -> dict[str, Any]:
        """Counts, then each statistic with its interval."""
        found = self.agreement
        document: dict[str, Any] = {"n": found.n, "n_dropped": found.n_dropped, "n_prompts": found.n_prompts}
        document |= {name: interval_json(getattr(found, name)) for name in STATISTICS}
        if self.answers is not None:
            document |= {name: interval_json(getattr(self.answers, name)) for name in ANSWER_STATISTICS}
        return document


@dataclass(frozen=True)
class Evaluation:
    """Agreement on every dimension that both tables have.

    Attributes:
        dimensions: dimension -> agreement over all matched images.
        baselines: dimension -> predictors of the human scores that see no pixel; empty where the tables name
            no generator.
        levels: dimension -> levels, errors and ceiling; empty where they were not asked for.
        by: a grouping -> its value -> dimension -> agreement over those images.
        joined: the rows behind it and the counts of what was left out.
    """

    dimensions: Mapping[Dimension, Measured]
    baselines: Mapping[Dimension, tuple[Baseline, ...]]
    by: Mapping[str, Mapping[str, Mapping[Dimension, Measured]]]
    joined: Joined
    levels: Mapping[Dimension, Levels] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document that ``evaluate --json`` prints; ``by`` is there only if it was asked for."""
        document: dict[str, Any] = {
            "dimensions": {
                name: {
                    **found.to_json(),
                    "baselines": baselines_json(self.baselines[name]),
                    **(self.levels[name].to_json() if name in self.levels else {}),
                }
                for name, found in self.dimensions.items()
            }
        }
        if self.by:
            document["by"] = {
                grouping: {
                    value: {name: found.to_json() for name, found in dimensions.items()}
                    for value, dimensions in values.items()
                }
                for grouping, values in self.by.items()
            }
        document["matched"] = self.joined.frame.height
        document["failed"] = self.joined.failed
        document["only_scores"], document["only_human"] = self.joined.only_scores, self.joined.only_human
        return document


def evaluation(
    scores: pl.DataFrame,
    human: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    seed: int = 0,
    resamples: int = 1000,
    method: Method = "percentile",
    crossed: bool = False,
    detail: bool = True,
    facts: HumanFacts | None = None,
) -> Evaluation:
    """How well scores agree with people, with the no-pixel baselines that any metric must beat.

    Args:
        scores: a metric's table, as ``core.scores.read_scores`` returns it.
        human: people's table, in the same form; its scores may have another scale.
        by: of "task", "generator" and "detailed": also within each value.
        seed: of the bootstrap and of the folds; each dimension and group starts from it anew.
        resamples: of the bootstrap.
        method: of the intervals over all images: "percentile" or "bca".
        crossed: intervals over all images from drawing generators as well as prompts.
        detail: also the levels, errors and ceiling of each dimension.
        facts: what is known of the human table beside its rows.

    Raises:
        InputError: no id or no dimension in common, an id twice, an unknown or absent grouping.
    """
    joined = join(scores, human)
    shared = [name for name in DIMENSIONS if _pairs(joined.frame, name)]
    if not shared:
        raise InputError(
            "the tables share ids but no score: the scores table has "
            f"{_scored(scores) or 'none'}, the human table has {_scored(human) or 'none'}"
        )
    if crossed and joined.frame["generator"].null_count() == joined.frame.height:
        raise InputError("can't resample generators: neither table has a generator column")
    sampling = Sampling(seed, resamples, method, crossed)
    groupings = _checked(by)
    # prompts as numbers: nothing is said of single ones, and texts take ten times as long to tell apart
    frame = joined.frame.with_columns(pl.col("cluster").rank("dense"))
    named = _named(frame, groupings)
    # groups have percentile intervals over prompts, whatever those over all images are
    of_all = method == "percentile" and not crossed
    known = {
        name: at_once(
            named,
            name,
            [*([ALL] if of_all else []), *groupings],
            draws=sampling.draws,
            resamples=resamples,
            answers=name == "answer" and _yes_or_no(named),
        )
        for name in shared
    }
    dimensions = {name: measure(named, name, sampling, known[name].get((ALL, None))) for name in shared}
    baselines = {name: no_pixel(frame, name, seed) for name in shared}
    return Evaluation(
        dimensions=dimensions,
        baselines=baselines,
        by=_by_group(named, groupings, known, sampling),
        joined=joined,
        levels={
            name: levels(
                frame,
                name,
                found.agreement,
                baselines[name],
                answers=found.answers is not None,
                facts=facts or HumanFacts(),
                seed=seed,
                resamples=resamples,
            )
            for name, found in dimensions.items()
            if detail
        },
    )


def _checked(by: Sequence[str]) -> list[Grouping]:
    for name in by:
        if name not in GROUPINGS:
            raise InputError(f"can't group by {name!r}: known are {', '.join(GROUPINGS)}")
    return [grouping for grouping in GROUPINGS if grouping in by]


def _scored(table: pl.DataFrame) -> str:
    return ", ".join(n for n in DIMENSIONS if n in table.columns and table[n].null_count() < table.height)


def _pairs(frame: pl.DataFrame, name: Dimension) -> int:
    return frame.filter(pl.col(name).is_not_null() & pl.col(f"{name}_human").is_not_null()).height


def measure(frame: pl.DataFrame, name: Dimension, sampling: Sampling, known: Known | None = None) -> Measured:
    """Agreement in one dimension of a joined frame; ``known`` is taken as it is."""
    known = known or Known()
    predicted, human = frame[name].to_numpy(), frame[f"{name}_human"].to_numpy()
    prompts = frame["cluster"].to_numpy()
    makers = frame["generator"].fill_null(UNNAMED).to_numpy() if sampling.crossed else None
    agreement = evaluate(
        predicted,
        human,
        prompts=prompts,
        rng=sampling.draws,
        resamples=sampling.resamples,
        method=sampling.method,
        generators=makers,
        srcc=known.srcc,
    )
    if name != "answer" or not _yes_or_no(frame):
        return Measured(agreement)
    answers = evaluate_answers(
        predicted,
        human,
        prompts=prompts,
        rng=sampling.draws,
        resamples=sampling.resamples,
        auc=known.auc,
    )
    return Measured(agreement, answers)


def _yes_or_no(frame: pl.DataFrame) -> bool:
    """Whether people's answers are single ones, not shares of people, and the metric's are probabilities."""
    single = frame["answer_human"].drop_nulls().is_in([0.0, 1.0]).all()
    return bool(single and frame["answer"].drop_nulls().is_between(0, 1).all())


def _named(frame: pl.DataFrame, by: Sequence[Grouping]) -> pl.DataFrame:
    """With a name for every value of the groupings."""
    for grouping in by:
        if frame[grouping].null_count() == frame.height:
            raise InputError(f"can't group by {grouping}: neither table has a {grouping} column")
    return frame.with_columns(pl.col(grouping).fill_null(GROUPINGS[grouping]) for grouping in by)


def _by_group(
    named: pl.DataFrame,
    by: Sequence[Grouping],
    known: Mapping[Dimension, Mapping[Group, Known]],
    sampling: Sampling,
) -> dict[str, dict[str, dict[Dimension, Measured]]]:
    plain = replace(sampling, method="percentile", crossed=False)
    found: dict[str, dict[str, dict[Dimension, Measured]]] = {}
    for grouping in by:
        parts = named.partition_by(grouping, as_dict=True)
        found[grouping] = {
            str(value): {
                name: measure(part, name, plain, of_groups.get((grouping, value)))
                for name, of_groups in known.items()
            }
            for (value,), part in sorted(parts.items(), key=lambda entry: str(entry[0][0]))
        }
    return found


def interval_json(interval: Interval) -> dict[str, Any]:
    """Value and ends; the reason where there is one."""
    ends: dict[str, Any] = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {**ends, "reason": interval.reason} if interval.reason else ends
