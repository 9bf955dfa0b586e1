"""A metric's agreement with people, beside what is known without a pixel, ready for the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from markupsafe import Markup

from lmm4lmm.core.records import Dimension
from lmm4lmm.report import plots
from lmm4lmm.report.evaluation import Evaluation, evaluation
from lmm4lmm.report.wording import WORDS, DimensionWords, count, number, sentence
from lmm4lmm.stats.baselines import Baseline
from lmm4lmm.stats.evaluation import Agreement
from lmm4lmm.stats.resampling import Interval

POINTS = 800
"""Points of a scatter plot; more would hide each other and fill the page."""

NAMES = {
    "srcc": ("SRCC", "Spearman's rank correlation"),
    "krcc": ("KRCC", "Kendall's tau-b"),
    "plcc": ("PLCC", "Pearson's correlation, raw"),
    "plcc_fitted": ("PLCC, fitted", "Pearson's correlation after a logistic fit"),
}


ANSWER_NAMES = {
    "accuracy": ("Accuracy", "share of answers as people gave them"),
    "balanced_accuracy": ("Balanced accuracy", "0.5 is chance"),
    "auc": ("AUC", "how often a yes scores above a no"),
}


@dataclass(frozen=True)
class Line:
    """One row of the table: a statistic of the metric, or a baseline."""

    name: str
    what: str
    plot: Markup
    value: str
    interval: str
    is_baseline: bool


@dataclass(frozen=True)
class DimensionView:
    """Agreement in one dimension.

    Attributes:
        verdict: what it amounts to, in words.
        points: how many of the images the scatter plot shows.
        notes: why something is missing or rough.
    """

    words: DimensionWords
    n: int
    prompts: int
    verdict: str
    axis: Markup
    lines: tuple[Line, ...]
    scatter: Markup
    points: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AgreementView:
    """Agreement in all dimensions, and what could not be compared."""

    dimensions: tuple[DimensionView, ...]
    matched: int
    only_scores: int
    only_human: int


def agreement_view(frame: pl.DataFrame, human: pl.DataFrame, *, seed: int, resamples: int) -> AgreementView:
    """See ``evaluation.evaluation`` for the arguments and for what it raises."""
    found = evaluation(frame, human, seed=seed, resamples=resamples, detail=False)
    joined = found.joined
    return AgreementView(
        tuple(_dimension(found, name, seed) for name in found.dimensions),
        joined.frame.height,
        joined.only_scores,
        joined.only_human,
    )


def _dimension(found: Evaluation, name: Dimension, seed: int) -> DimensionView:
    agreement, answers = found.dimensions[name].agreement, found.dimensions[name].answers
    baselines = found.baselines[name]
    measured = {key: getattr(agreement, key) for key in NAMES}
    if answers is not None:
        measured |= {key: getattr(answers, key) for key in ANSWER_NAMES}
    values = [v for i in measured.values() for v in (i.value, i.low, i.high) if v is not None]
    values += [b.srcc for b in baselines if b.srcc is not None]
    axis = plots.axis_over([0.0, 1.0, *values], limits=(-1.0, 1.0))
    lines = [_line(axis, *(NAMES | ANSWER_NAMES)[key], interval) for key, interval in measured.items()]
    lines += [_baseline_line(axis, b) for b in baselines if b.srcc is not None]
    scatter, points = _scatter(found.joined.frame, name, seed)
    return DimensionView(
        words=WORDS[name],
        n=agreement.n,
        prompts=agreement.n_prompts,
        verdict=verdict(agreement, baselines),
        axis=plots.axis_labels(axis),
        lines=tuple(lines),
        scatter=scatter,
        points=points,
        notes=_notes(measured, baselines),
    )


def verdict(agreement: Agreement, baselines: tuple[Baseline, ...]) -> str:
    """One sentence: the SRCC, and whether it is surely above what is known without a pixel."""
    srcc = agreement.srcc
    if srcc.value is None:
        return f"The rank correlation with people is undefined: {srcc.reason}."
    span = "" if srcc.low is None else f" ({number(srcc.low, 2)} to {number(srcc.high, 2)})"
    start = f"The rank correlation with people is {number(srcc.value, 2)}{span}"
    guesses = {b.name: b.srcc for b in baselines if b.split == "image" and b.srcc is not None}
    if not guesses:
        return f"{start}; there is no baseline to hold it against."
    best = max(guesses, key=lambda key: guesses[key])
    floor = srcc.low if srcc.low is not None else srcc.value
    if floor > guesses[best]:
        return f"{start}: more than any guess that sees no pixel ({number(guesses[best], 2)} at best)."
    beaten = [name for name in guesses if floor > guesses[name]]
    told = f"knowing only {_known(best)} gives {number(guesses[best], 2)}"
    if beaten:
        return f"{start}, above some guesses that see no pixel but not surely above all: {told}."
    return f"{start}. No guess that sees no pixel is surely beaten: {told}."


def _known(name: str) -> str:
    parts = name.replace(" + ", " x ").split(" x ")
    words = [f"the {part}" for part in parts]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _line(axis: plots.Axis, name: str, what: str, interval: Interval) -> Line:
    if interval.value is None:
        return Line(name, what, Markup(""), "–", "–", False)
    value, low, high = (number(v, 3) for v in (interval.value, interval.low, interval.high))
    span = "–" if interval.low is None else f"{low} – {high}"
    label = f"{name} {value}, interval {span}"
    plot = plots.interval_plot(axis, interval.value, interval.low, interval.high, label=label, strong=True)
    return Line(name, what, plot, value, span, False)


def _baseline_line(axis: plots.Axis, baseline: Baseline) -> Line:
    value = baseline.srcc if baseline.srcc is not None else float("nan")
    name = f"Knows {_known(baseline.name)}"
    what = "SRCC without a pixel" + (", tried on new prompts" if baseline.split == "prompt" else "")
    label = f"{name}: {what} {number(value, 3)}"
    plot = plots.interval_plot(axis, value, None, None, label=label, hollow=True)
    return Line(name, what, plot, number(value, 3), "", True)


def _notes(measured: dict[str, Interval], baselines: tuple[Baseline, ...]) -> tuple[str, ...]:
    notes = [f"{(NAMES | ANSWER_NAMES)[key][0]}: {i.reason}" for key, i in measured.items() if i.reason]
    notes += [f"{b.name}: {b.reason}" for b in baselines if b.reason]
    if not baselines:
        notes.append("neither table names generators, so the no-pixel baselines can't be given")
    return tuple(sentence(note) for note in dict.fromkeys(notes))


def _scatter(frame: pl.DataFrame, name: Dimension, seed: int) -> tuple[Markup, int]:
    both = frame.filter(pl.col(name).is_not_null() & pl.col(f"{name}_human").is_not_null())
    x, y = both[name].to_numpy(), both[f"{name}_human"].to_numpy()
    x_axis, y_axis = plots.axis_over([x.min(), x.max()]), plots.axis_over([y.min(), y.max()])
    if x.size > POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(x.size, POINTS, replace=False))
        x, y = x[chosen], y[chosen]
    label = f"{WORDS[name].title} of {count(x.size, 'image')}: the metric across, people upwards"
    return plots.scatter(x_axis, y_axis, x, y, label=label), int(x.size)
