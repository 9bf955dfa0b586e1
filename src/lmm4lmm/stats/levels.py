"""Agreement at two more levels, each number with its interval over prompts: within prompts, and over generators.

Over all images a metric is helped by whatever makes some prompts or generators better than others. Within a
prompt only the choice between its images is left; over generators only the ranking of the models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Labels, groups, pairs
from lmm4lmm.stats.evaluation import intervals
from lmm4lmm.stats.resampling import Chance, Interval, Statistic, check_resampling
from lmm4lmm.stats.systems import system_statistics
from lmm4lmm.stats.within import CalibratedAccuracy, calibrated_accuracy, grouped_mean, mean_srcc_within


@dataclass(frozen=True)
class WithinAgreement:
    """Agreement about images of one prompt.

    Attributes:
        n_prompts: prompts with two scored images or more.
        n_pairs: pairs of images of one prompt.
        accuracy: share of pairs treated as people do, ties calibrated (``acc_eq``), mean over prompts. Its
            interval takes epsilon as given.
        epsilon: the tie threshold, in units of the metric; None where there is no pair.
        accuracy_uncalibrated: without a tie threshold.
        srcc: mean over prompts of SRCC within each.
        n_srcc: prompts where that is defined (three images that metric and people tell apart).
    """

    n_prompts: int
    n_pairs: int
    accuracy: Interval
    epsilon: float | None
    accuracy_uncalibrated: float | None
    srcc: Interval
    n_srcc: int


def evaluate_within(
    predicted: ArrayLike,
    human: ArrayLike,
    *,
    prompts: Labels,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> WithinAgreement:
    """Agreement within prompts. What the data can't support comes back without a value and with the reason.

    Args:
        predicted: [n] scores of a metric, higher is better; NaN where it gave none.
        human: [n] scores by people; NaN where there is none.
        prompts: [n] the prompt of each item.
        rng: the only source of chance.
        resamples: bootstrap resamples, at least 10.
        confidence: of the intervals.

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a prompt is None.
    """
    check_resampling(resamples, confidence)
    found = pairs(predicted, human)
    drawn = groups(prompts, found.kept.size, "prompts").of(found.kept)
    accuracy: CalibratedAccuracy | None = None
    n_srcc = 0

    def of_accuracy() -> Statistic:
        nonlocal accuracy
        accuracy = calibrated_accuracy(found.x, found.y, groups=drawn)
        return _mean_of(accuracy.by_group)

    def of_srcc() -> Statistic:
        nonlocal n_srcc
        within = mean_srcc_within(found.x, found.y, drawn)
        n_srcc = within.n_defined
        return _mean_of(within.by_group)

    measured = intervals(
        {"accuracy": of_accuracy, "srcc": of_srcc},
        drawn,
        undefined=None if found.x.size else "no item has both scores",
        rng=rng,
        resamples=resamples,
        confidence=confidence,
    )
    return WithinAgreement(
        n_prompts=accuracy.n_groups if accuracy else 0,
        n_pairs=accuracy.n_pairs if accuracy else 0,
        epsilon=accuracy.epsilon if accuracy else None,
        accuracy_uncalibrated=accuracy.accuracy_uncalibrated if accuracy else None,
        n_srcc=n_srcc,
        **measured,
    )


@dataclass(frozen=True)
class SystemAgreement:
    """Agreement about generators' mean scores; intervals speak of these generators on other prompts.

    Attributes:
        n: generators.
        srcc: Spearman's correlation of the means.
        krcc: Kendall's tau-b.
        plcc: Pearson's correlation.
        accuracy: share of the pairs of generators ordered as people do.
    """

    n: int
    srcc: Interval
    krcc: Interval
    plcc: Interval
    accuracy: Interval


def evaluate_systems(
    predicted: ArrayLike,
    human: ArrayLike,
    *,
    systems: Labels,
    prompts: Labels | None,
    rng: Chance,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> SystemAgreement:
    """Agreement over generators. What the data can't support comes back without a value and with the reason.

    Args:
        predicted: [n] scores of a metric; items that miss either score are left out of both means.
        human: [n] scores by people.
        systems: [n] who made each image.
        prompts: [n] the prompt of each item; None resamples single items.
        rng: the only source of chance.
        resamples: bootstrap resamples, at least 10.
        confidence: of the intervals.

    Raises:
        StatisticsError: lengths differ, something is not a finite number, a label is None.
    """
    check_resampling(resamples, confidence)
    found = pairs(predicted, human)
    drawn = groups(prompts, found.kept.size, "prompts").of(found.kept)
    made = groups(systems, found.kept.size, "systems").of(found.kept)
    failure: str | None = None
    ready: dict[str, Statistic] = {}
    try:
        if not found.x.size:
            raise StatisticsError("no item has both scores")
        ready = system_statistics(found.x, found.y, made, drawn)
    except StatisticsError as error:
        failure = f"means of {len(made)} generator{'s' if len(made) != 1 else ''}: {error}"
    measured = intervals(
        {name: _already(ready.get(name)) for name in ("srcc", "krcc", "plcc", "accuracy")},
        drawn,
        undefined=failure,
        rng=rng,
        resamples=resamples,
        confidence=confidence,
    )
    return SystemAgreement(n=len(made), **{name: _around(found) for name, found in measured.items()})


def _around(found: Interval) -> Interval:
    """The interval, widened to hold the value where noise of the resamples pulls all of them below it.

    Means of drawn prompts scatter more than the means themselves, so near 1 replicates of a correlation lie below
    the value on the data.
    """
    if (
        found.value is None
        or found.low is None
        or found.high is None
        or found.low <= found.value <= found.high
    ):
        return found
    ends = min(found.low, found.value), max(found.high, found.value)
    return Interval(
        found.value, *ends, found.reason or "resamples are biased: the interval was widened to hold the value"
    )


def _mean_of(by_group: Floats) -> Statistic:
    return lambda weights: grouped_mean(by_group, weights)


def _already(statistic: Statistic | None) -> Callable[[], Statistic]:
    def prepare() -> Statistic:
        if statistic is None:
            raise StatisticsError("undefined")
        return statistic

    return prepare
