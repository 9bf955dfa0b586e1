"""The figures of one metric in one dimension: levels, scatter with fit, calibration, leanings, disagreements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lmm4lmm.core.counting import counted
from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.report import framed, plots
from lmm4lmm.report.disagreements import DisagreementView, Gallery, disagreements
from lmm4lmm.report.judged import Judged, OnPeoplesScale
from lmm4lmm.report.labels import NO_TASK, UNNAMED
from lmm4lmm.report.leanings import LeaningView, leaning_view, leanings
from lmm4lmm.report.wording import WORDS, by_reason, number, sentence, tidy
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.stats.resampling import Interval

POINTS = 1200
"""Points of a scatter plot; more would hide each other and fill the page."""

OVERALL = {
    "srcc": ("SRCC", "Spearman's rank correlation, over images"),
    "krcc": ("KRCC", "Kendall's tau-b, over images"),
    "plcc": ("PLCC", "Pearson's correlation, over images, raw"),
    "plcc_fitted": ("PLCC, fitted", "over images, after a logistic fit"),
}
ANSWERS = {
    "accuracy": ("Accuracy", "share of answers as people gave them"),
    "balanced_accuracy": ("Balanced accuracy", "0.5 is chance"),
    "auc": ("AUC", "how often a yes scores above a no"),
}
WITHIN = {
    "accuracy": ("Pairs right", "within a prompt, ties calibrated"),
    "srcc": ("SRCC", "within a prompt, mean over prompts"),
}
OVER_GENERATORS = {
    "srcc": ("SRCC", "over means of generators"),
    "accuracy": ("Pairs right", "over pairs of generators"),
}


@dataclass(frozen=True)
class Line:
    """One statistic with its interval."""

    name: str
    what: str
    plot: Markup
    value: str
    interval: str


@dataclass(frozen=True)
class ScatterView:
    """A plot with its caption and the words at its axes; ``plot`` is None where there is nothing to draw."""

    plot: Markup | None
    across: str
    up: str
    caption: str


@dataclass(frozen=True)
class MetricView:
    """Everything about one metric in one dimension.

    Attributes:
        lines: statistics at each level, SRCC over images first; what can't be had is there without a plot.
        axis: of the lines.
        more: further figures as (name, value).
        scatter: against people; None for yes/no answers.
        reliability: of answers; None for scores.
        tasks: leanings by task; None where at most one is named.
        generators: leanings by generator, likewise.
        how: how scores were brought to people's scale.
        disagreements: where both are farthest apart; None where none is shown.
        notes: why something is missing or rough.
    """

    name: str
    lines: tuple[Line, ...]
    axis: Markup
    more: tuple[tuple[str, str], ...]
    scatter: ScatterView | None
    reliability: ScatterView | None
    tasks: LeaningView | None
    generators: LeaningView | None
    how: str
    disagreements: DisagreementView | None
    notes: tuple[str, ...]


def metric_view(judged: Judged, gallery: Gallery, *, seed: int, points: int = POINTS) -> MetricView:
    """The figures of one metric.

    Args:
        judged: the metric in one dimension.
        gallery: where pictures come from.
        seed: of the points that are drawn by lot.
        points: of a scatter plot at most.
    """
    scaled = judged.on_peoples_scale()
    measured = dict(_measured(judged))
    values = [v for i in measured.values() for v in (i.value, i.low, i.high) if v is not None]
    axis = plots.axis_over([0.0, 1.0, *values], limits=(-1.0, 1.0))
    return MetricView(
        name=tidy(judged.name),
        lines=tuple(_line(axis, name, what, interval) for (name, what), interval in measured.items()),
        axis=plots.axis_labels(axis),
        more=_more(judged),
        scatter=None if judged.answers else _scatter(judged, scaled, seed, points),
        reliability=_reliability(judged),
        tasks=_leanings(judged, scaled, "task"),
        generators=_leanings(judged, scaled, "generator"),
        how=scaled.how if scaled is not None else "",
        disagreements=disagreements(judged, scaled, gallery) if scaled is not None and gallery.each else None,
        notes=_notes(judged, scaled, measured),
    )


def _measured(judged: Judged) -> Iterable[tuple[tuple[str, str], Interval]]:
    agreement, answers, found = judged.measured.agreement, judged.measured.answers, judged.levels
    for source, titles in (
        (agreement, OVERALL),
        (answers, ANSWERS),
        (found.within, WITHIN),
        (found.systems, OVER_GENERATORS),
    ):
        if source is not None:
            yield from ((words, getattr(source, key)) for key, words in titles.items())


def _line(axis: plots.Axis, name: str, what: str, interval: Interval) -> Line:
    if interval.value is None:
        return Line(name, what, Markup(""), "–", "–")
    value, low, high = (number(v, 3) for v in (interval.value, interval.low, interval.high))
    span = "–" if interval.low is None else f"{low} – {high}"
    label = f"{name}, {what}: {value}, interval {span}"
    plot = plots.interval_plot(axis, interval.value, interval.low, interval.high, label=label, strong=True)
    return Line(name, what, plot, value, span)


def _more(judged: Judged) -> tuple[tuple[str, str], ...]:
    found = judged.levels
    figures: dict[str, float | None] = {"PLCC, five-parameter fit": found.fit5.plcc if found.fit5 else None}
    if judged.measured.answers is not None:
        figures["Brier score"] = judged.measured.answers.brier.value
    if found.reliability is not None:
        figures["calibration error (ECE)"] = found.reliability.expected_error
    if found.errors is not None and not judged.answers:
        figures["RMSE after the fit"] = found.errors.rmse
        figures["RMSE*"] = found.errors.rmse_star
        figures["outlier ratio"] = found.errors.outlier_ratio
    if found.krasula is not None:
        figures["Krasula's AUC, different or similar"] = float(found.krasula.auc_different[0])
        figures["Krasula's AUC, better or worse"] = float(found.krasula.auc_better[0])
    return tuple((name, number(value, 3)) for name, value in figures.items() if value is not None)


def _scatter(judged: Judged, scaled: OnPeoplesScale | None, seed: int, points: int) -> ScatterView:
    x, y, words = judged.x, judged.y, WORDS[judged.dimension]
    curve = None if scaled is None else scaled.curve
    heights = [] if curve is None else [*curve.value, *curve.low, *curve.high]
    reach = float(np.ptp(y)) or 1.0
    inside = [
        h for h in heights if y.min() - reach / 4 <= h <= y.max() + reach / 4
    ]  # a wild band may run off
    x_axis = plots.axis_over([x.min(), x.max()], wanted=4)
    y_axis = plots.axis_over([y.min(), y.max(), *inside])
    shown = counted(x.size, "image")
    label = f"{words.title} of {shown}: {tidy(judged.name)} across, people upwards"
    if x.size > points:
        chosen = np.sort(np.random.default_rng(seed).choice(x.size, points, replace=False))
        x, y, shown = x[chosen], y[chosen], f"{points:,} of {shown}, drawn by lot (seed {seed})"
    drawn = "" if scaled is None else f"; {scaled.how} to all"
    plot = framed.fit_plot(x_axis, y_axis, x, y, label=label, band=curve)
    return ScatterView(plot, "the metric", "People", f"{shown}{drawn}.")


def _reliability(judged: Judged) -> ScatterView | None:
    found = judged.levels.reliability
    if found is None:
        return None
    answers = counted(found.n, "answer")
    label = f"Reliability of {answers}: probability of yes across, share of yes upwards"
    caption = f"{answers}; mean distance from the line {number(found.expected_error, 3)}."
    plot = framed.reliability_plot(found, label=label)
    return ScatterView(plot, "probability of yes", "Share of yes", caption)


def _leanings(
    judged: Judged, scaled: OnPeoplesScale | None, by: Literal["task", "generator"]
) -> LeaningView | None:
    frame = judged.frame
    if scaled is None or frame[by].null_count() == frame.height:
        return None
    names = frame[by].fill_null(NO_TASK if by == "task" else UNNAMED)
    if names.n_unique() < 2:
        return None
    x, y = judged.x, judged.y

    def within(of: NDArray[np.bool_]) -> float | None:
        try:
            return srcc(x[of], y[of])
        except StatisticsError:
            return None

    rows = leanings(names.to_list(), scaled.values - y, frame["cluster"].to_numpy(), within)
    return leaning_view(WORDS[judged.dimension], rows)


def _notes(
    judged: Judged, scaled: OnPeoplesScale | None, measured: Mapping[tuple[str, str], Interval]
) -> tuple[str, ...]:
    notes = by_reason((name, i.reason) for (name, _), i in measured.items() if i.reason)
    if scaled is None:
        notes.append(
            "the metric gives every image the same score: there is no scatter to fit, and no leaning"
        )
    elif scaled.note:
        notes.append(scaled.note)
    return tuple(sentence(tidy(note)) for note in dict.fromkeys([*notes, *judged.levels.notes]))
