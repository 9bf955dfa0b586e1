"""Agreement of yes/no answers: how often, and how surely, a metric says what people say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrangements import GroupedAreas, ascending_rows
from lmm4lmm.stats.arrays import Floats, Groups, Labels, groups, pairs
from lmm4lmm.stats.compiled import MANY
from lmm4lmm.stats.evaluation import intervals
from lmm4lmm.stats.pairing import one_group
from lmm4lmm.stats.replicates import WeightedRanks, by_prompt, of_whole_weights
from lmm4lmm.stats.resampling import Chance, Interval, Statistic, check_resampling


@dataclass(frozen=True)
class AnswerAgreement:
    """How a metric's answers agree with people's. "Yes" is the positive class.

    Attributes:
        n: items that both answered.
        n_dropped: items that miss either answer.
        n_yes: items to which people said yes.
        n_prompts: prompts among the n items; they are what is resampled.
        threshold: from this probability on, the metric says yes.
        confidence: of the intervals.
        resamples: bootstrap resamples.
        accuracy: share of answers that are the same, 0 to 1.
        balanced_accuracy: mean of the shares among people's yes and among people's no; 0.5 is chance.
        f1: harmonic mean of precision and recall of "yes", 0 to 1.
        auc: how often an item with yes gets a higher probability than one with no, ties one half.
        brier: mean squared error of the probability, 0 to 1; lower is better.
    """

    n: int
    n_dropped: int
    n_yes: int
    n_prompts: int
    threshold: float
    confidence: float
    resamples: int
    accuracy: Interval
    balanced_accuracy: Interval
    f1: Interval
    auc: Interval
    brier: Interval


def evaluate_answers(
    p_yes: ArrayLike,
    human: ArrayLike,
    *,
    prompts: Labels | None,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
    threshold: float = 0.5,
    auc: Interval | None = None,
) -> AnswerAgreement:
    """Agreement of answers, with intervals from a bootstrap that draws whole prompts.

    Where people give one answer only, balanced accuracy and AUC are undefined: no value, and the reason. F1
    is undefined where neither side ever says yes, and 0 where no yes of the metric is right.

    Args:
        p_yes: [n] the metric's probability of "yes", 0 to 1; NaN where it gave none.
        human: [n] 1 for yes, 0 for no; NaN where there is no answer.
        prompts: [n] the prompt of each item (text or id); None resamples single items.
        rng: the only source of chance.
        resamples: bootstrap resamples, at least 10.
        confidence: of the intervals, 0 to 1, ends excluded.
        threshold: the metric says yes from this probability on.
        auc: taken as it is where it was measured elsewhere (``grouped``, for many groups at once).

    Raises:
        StatisticsError: a probability outside 0 .. 1, a human answer that is not 0 or 1, lengths differ.
    """
    check_resampling(resamples, confidence)
    found = pairs(p_yes, human)
    p, yes = found.x, found.y
    _check(p, (p < 0) | (p > 1), "p_yes", "a probability, 0 to 1")
    _check(yes, (yes != 0) & (yes != 1), "human", "1 (yes) or 0 (no)")
    drawn = groups(prompts, found.kept.size, "prompts").of(found.kept)
    said, true = (p >= threshold).astype(np.float64), yes
    counts = by_prompt(
        np.column_stack([said * true, said * (1 - true), (1 - said) * true, (1 - said) * (1 - true)]), drawn
    )
    statistics: dict[str, Callable[[], Statistic]] = {
        "accuracy": lambda: lambda w: _accuracy(w @ counts),
        "balanced_accuracy": lambda: lambda w: _balanced(w @ counts),
        "f1": lambda: lambda w: _f1(w @ counts),
        "auc": lambda: auc_statistic(p, yes, drawn),
        "brier": lambda: _mean((p - yes) ** 2, drawn),
    }
    known = {}
    if auc is not None:
        known["auc"] = auc
        del statistics["auc"]
    measured = known | intervals(
        statistics,
        drawn,
        undefined=None if p.size else "no item has both answers",
        rng=rng,
        resamples=resamples,
        confidence=confidence,
    )
    return AnswerAgreement(
        n=p.size,
        n_dropped=found.n_dropped,
        n_yes=int(yes.sum()),
        n_prompts=len(drawn),
        threshold=threshold,
        confidence=confidence,
        resamples=resamples,
        **measured,
    )


def auc_statistic(p: Floats, yes: Floats, prompts: Groups) -> Statistic:
    """Area under the ROC curve as a function of prompt weights (Mann-Whitney form, midranks for ties).

    Beyond ``MANY`` items by compiled loops, with the same values.
    """
    if (yes == yes[0]).all():
        raise StatisticsError(f"people say {'yes' if yes[0] else 'no'} to all {yes.size} items")
    if p.size < MANY:
        return _auc(p, yes, prompts)
    areas = GroupedAreas(p, yes, prompts, one_group(p.size), ascending_rows(p))
    return of_whole_weights(areas, lambda: _auc(p, yes, prompts))


def _auc(p: Floats, yes: Floats, prompts: Groups) -> Statistic:
    ranks = WeightedRanks(p, prompts.codes)
    is_yes = yes[ranks.order]

    def one(weights: Floats) -> float:
        rank, _ = ranks(weights)
        drawn_yes = ranks.drawn * is_yes
        n_yes = float(drawn_yes.sum())
        n_no = float(ranks.drawn.sum()) - n_yes
        # ranks are centred at zero, so their mean over "yes" is n_no * (auc - 1/2)
        return float((drawn_yes * rank).sum()) / (n_yes * n_no) + 0.5 if n_yes and n_no else np.nan

    return lambda weights: np.array([one(row) for row in weights])


def _accuracy(counts: Floats) -> Floats:
    true_yes, false_yes, false_no, true_no = counts.T
    return np.asarray((true_yes + true_no) / (true_yes + false_yes + false_no + true_no), dtype=np.float64)


def _balanced(counts: Floats) -> Floats:
    true_yes, false_yes, false_no, true_no = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        right = true_yes / (true_yes + false_no) + true_no / (true_no + false_yes)
    return np.asarray(right / 2.0, dtype=np.float64)


def _f1(counts: Floats) -> Floats:
    true_yes, false_yes, false_no, _ = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * true_yes / (2 * true_yes + false_yes + false_no), dtype=np.float64)


def _mean(values: Floats, prompts: Groups) -> Statistic:
    sums = by_prompt(np.column_stack([values, np.ones_like(values)]), prompts)

    def statistic(weights: Floats) -> Floats:
        total, n = (weights @ sums).T
        return np.asarray(total / n, dtype=np.float64)

    return statistic


def _check(values: Floats, wrong: NDArray[np.bool_], what: str, right: str) -> None:
    if wrong.any():
        raise StatisticsError(f"{what} must be {right}; it holds {values[wrong][0]:g}")
