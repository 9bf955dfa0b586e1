"""A metric's scores against people's: joins two tables on ``id`` and hands the columns to ``stats``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.labels import NO_TASK, UNNAMED, completed, prompt_clusters
from lmm4lmm.stats.answers import AnswerAgreement, evaluate_answers
from lmm4lmm.stats.baselines import Baseline, no_pixel_baselines
from lmm4lmm.stats.evaluation import Agreement, evaluate
from lmm4lmm.stats.resampling import Interval

Grouping: TypeAlias = Literal["task", "generator"]
GROUPINGS: tuple[Grouping, ...] = ("task", "generator")
LABELS = ("prompt", "generator", "task", "prompt_group")
STATISTICS = ("srcc", "krcc", "plcc", "plcc_fitted")
ANSWER_STATISTICS = ("accuracy", "balanced_accuracy", "f1", "auc", "brier")


@dataclass(frozen=True)
class Joined:
    """Rows that both tables have, and how many only one has.

    Attributes:
        frame: ``id``, ``prompt``, ``generator``, ``task`` (from the table that has them, the scores first),
            the ``cluster`` of the prompt, and each dimension twice: as it is called, and with ``_human``.
            Sorted by id, so that no result hangs on the order of rows.
        failed: rows of the scores table that were left out because they carry an error.
        only_scores: rows without an error whose id the human table lacks.
        only_human: rows of the human table whose id the scores table lacks.
    """

    frame: pl.DataFrame
    failed: int
    only_scores: int
    only_human: int


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
        document |= {name: _interval_json(getattr(found, name)) for name in STATISTICS}
        if self.answers is not None:
            document |= {name: _interval_json(getattr(self.answers, name)) for name in ANSWER_STATISTICS}
        return document


@dataclass(frozen=True)
class Evaluation:
    """Agreement on every dimension that both tables have.

    Attributes:
        dimensions: dimension -> agreement over all matched images.
        baselines: dimension -> predictors of the human scores that see no pixel; empty where the tables name
            no generator.
        by: "task" or "generator" -> its value -> dimension -> agreement over those images.
        joined: the rows behind it and the counts of what was left out.
    """

    dimensions: Mapping[Dimension, Measured]
    baselines: Mapping[Dimension, tuple[Baseline, ...]]
    by: Mapping[str, Mapping[str, Mapping[Dimension, Measured]]]
    joined: Joined

    def to_json(self) -> dict[str, Any]:
        """The document that ``evaluate --json`` prints; ``by`` is there only if it was asked for."""
        document: dict[str, Any] = {
            "dimensions": {
                name: {**found.to_json(), "baselines": _baselines_json(self.baselines[name])}
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
) -> Evaluation:
    """How well scores agree with people, with the no-pixel baselines that any metric must beat.

    Args:
        scores: a metric's table, as ``core.scores.read_scores`` returns it.
        human: people's table, in the same form; its scores may have another scale.
        by: "task", "generator" or both: also within each value.
        seed: of the bootstrap and of the folds; each dimension and group starts from it anew.
        resamples: of the bootstrap.

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
    return Evaluation(
        dimensions={name: _measure(joined.frame, name, seed, resamples) for name in shared},
        baselines={name: _baselines(joined.frame, name, seed) for name in shared},
        by={grouping: _within(joined.frame, grouping, shared, seed, resamples) for grouping in _checked(by)},
        joined=joined,
    )


def join(scores: pl.DataFrame, human: pl.DataFrame) -> Joined:
    """Brings a metric's and people's rows together by ``id``; see ``Joined``.

    Raises:
        InputError: an id is twice in a table, or no id is in both.
    """
    for what, table in (("scores", scores), ("human", human)):
        if "id" not in table.columns:
            raise InputError(f"the {what} table has no column 'id', so it can't be matched with the other")
    good, people = (completed(table).filter(pl.col("error").is_null()) for table in (scores, human))
    for what, table in (("scores", good), ("human", people)):
        if not (twice := table.filter(pl.col("id").is_duplicated())).is_empty():
            raise InputError(
                f"the {what} table has the id {twice['id'][0]!r} more than once; ids must be unique"
            )
    both = _labelled(good).join(_labelled(people), on="id", how="inner", suffix="_human")
    if both.is_empty():
        raise InputError(_nothing_matches(good, people))
    return Joined(
        frame=_coalesced(both),
        failed=scores.height - good.height,
        only_scores=good.height - both.height,
        only_human=people.height - both.height,
    )


def _labelled(table: pl.DataFrame) -> pl.DataFrame:
    """The columns that a join needs; blank texts count as absent."""
    if "prompt_group" not in table.columns:
        table = table.with_columns(pl.lit(None, pl.String).alias("prompt_group"))
    texts = (pl.col(name).cast(pl.String) for name in LABELS)
    filled = (pl.when(text.str.strip_chars() != "").then(text) for text in texts)
    return table.select(pl.col("id").cast(pl.String), *filled, pl.col(*DIMENSIONS).cast(pl.Float64))


def _coalesced(both: pl.DataFrame) -> pl.DataFrame:
    frame = both.with_columns(*(pl.coalesce(name, f"{name}_human").alias(name) for name in LABELS))
    frame = frame.drop(*(f"{name}_human" for name in LABELS))
    return frame.with_columns(prompt_clusters(frame).alias("cluster")).drop("prompt_group").sort("id")


def _nothing_matches(scores: pl.DataFrame, human: pl.DataFrame) -> str:
    def examples(table: pl.DataFrame) -> str:
        return ", ".join(repr(name) for name in table["id"].head(3).to_list()) or "no usable rows"

    return (
        "no id of the scores table is in the human table: scores have "
        f"{examples(scores)}, people have {examples(human)}"
    )


def _checked(by: Sequence[str]) -> list[Grouping]:
    for name in by:
        if name not in GROUPINGS:
            raise InputError(f"can't group by {name!r}: known are {' and '.join(GROUPINGS)}")
    return [grouping for grouping in GROUPINGS if grouping in by]


def _scored(table: pl.DataFrame) -> str:
    return ", ".join(n for n in DIMENSIONS if n in table.columns and table[n].null_count() < table.height)


def _pairs(frame: pl.DataFrame, name: Dimension) -> int:
    return frame.filter(pl.col(name).is_not_null() & pl.col(f"{name}_human").is_not_null()).height


def _measure(frame: pl.DataFrame, name: Dimension, seed: int, resamples: int) -> Measured:
    predicted, human = frame[name].to_numpy(), frame[f"{name}_human"].to_numpy()
    prompts = frame["cluster"].to_numpy()
    agreement = evaluate(
        predicted, human, prompts=prompts, rng=np.random.default_rng(seed), resamples=resamples
    )
    if name != "answer" or not _yes_or_no(frame):
        return Measured(agreement)
    answers = evaluate_answers(
        predicted, human, prompts=prompts, rng=np.random.default_rng(seed), resamples=resamples
    )
    return Measured(agreement, answers)


def _yes_or_no(frame: pl.DataFrame) -> bool:
    """Whether people's answers are single ones, not shares of people, and the metric's are probabilities."""
    single = frame["answer_human"].drop_nulls().is_in([0.0, 1.0]).all()
    return bool(single and frame["answer"].drop_nulls().is_between(0, 1).all())


def _baselines(frame: pl.DataFrame, name: Dimension, seed: int) -> tuple[Baseline, ...]:
    """Over the same images as the agreement, so that the numbers can be compared."""
    used = frame.filter(pl.col(name).is_not_null() & pl.col(f"{name}_human").is_not_null())
    if used["generator"].null_count() == used.height:
        return ()
    tasks = None if used["task"].null_count() == used.height else used["task"].fill_null(NO_TASK).to_numpy()
    return no_pixel_baselines(
        used[f"{name}_human"].to_numpy(),
        generators=used["generator"].fill_null(UNNAMED).to_numpy(),
        tasks=tasks,
        prompts=used["cluster"].to_numpy(),
        rng=np.random.default_rng(seed),
    )


def _within(
    frame: pl.DataFrame, grouping: Grouping, shared: Sequence[Dimension], seed: int, resamples: int
) -> dict[str, dict[Dimension, Measured]]:
    if frame[grouping].null_count() == frame.height:
        raise InputError(f"can't group by {grouping}: neither table has a {grouping} column")
    named = frame.with_columns(pl.col(grouping).fill_null(NO_TASK if grouping == "task" else UNNAMED))
    parts = named.partition_by(grouping, as_dict=True)
    return {
        str(value): {name: _measure(part, name, seed, resamples) for name in shared}
        for (value,), part in sorted(parts.items(), key=lambda entry: str(entry[0][0]))
    }


def _interval_json(interval: Interval) -> dict[str, Any]:
    ends: dict[str, Any] = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {**ends, "reason": interval.reason} if interval.reason else ends


def _baselines_json(found: Sequence[Baseline]) -> dict[str, float | None]:
    return {baseline_name(baseline): baseline.srcc for baseline in found}


def baseline_name(baseline: Baseline) -> str:
    """What a baseline knows, and whether it was tried on prompts that it had not seen."""
    return baseline.name + (", new prompts" if baseline.split == "prompt" else "")
