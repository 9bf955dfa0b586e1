"""One dimension of a metric study: metrics between no-pixel baselines and the ceiling, then each one's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.core.records import Dimension
from lmm4lmm.report import plots
from lmm4lmm.report.agreement_words import contest_verdict, known, verdict
from lmm4lmm.report.disagreements import Gallery
from lmm4lmm.report.judged import Judged
from lmm4lmm.report.labels import join_letters
from lmm4lmm.report.levels import Ceiling, best_baseline
from lmm4lmm.report.metric_figures import MetricView, metric_view
from lmm4lmm.report.metric_table import Answering
from lmm4lmm.report.no_pixel import baseline_name
from lmm4lmm.report.wording import WORDS, DimensionWords, by_reason, number, sentence, tidy
from lmm4lmm.stats.baselines import Baseline
from lmm4lmm.stats.metric_comparison import MetricComparison, MetricPair

PAIRS_SHOWN = 60


@dataclass(frozen=True)
class FrameRow:
    """A no-pixel predictor ("base"), a metric, or the ceiling.

    Attributes:
        cells: figures beside SRCC, as many as the view has ``heads``.
        letters: of groups that can't be told apart.
        best: whether it is the first of several metrics.
    """

    kind: str
    name: str
    what: str
    plot: Markup
    value: str
    interval: str
    cells: tuple[str, ...]
    letters: str = ""
    best: bool = False


@dataclass(frozen=True)
class PairRow:
    """The difference of two metrics."""

    a: str
    b: str
    difference: str
    interval: str
    p: str
    different: bool


@dataclass(frozen=True)
class DimensionView:
    """Agreement in one dimension.

    Attributes:
        n: images that people and all metrics scored.
        left_out: images that some metric did not score.
        verdict: what it amounts to, in words.
        heads: of the figures beside SRCC.
        rows: no-pixel predictors, metrics, ceiling.
        axis: of SRCC.
        metrics: each one's figures, best first.
        pairs: differences of metrics; empty where there is one.
        tests: McNemar's tests of answers, as sentences.
        notes: why something of the frame is missing.
    """

    words: DimensionWords
    n: int
    prompts: int
    left_out: int
    verdict: str
    heads: tuple[str, ...]
    rows: tuple[FrameRow, ...]
    axis: Markup
    metrics: tuple[MetricView, ...]
    pairs: tuple[PairRow, ...]
    tests: tuple[str, ...]
    notes: tuple[str, ...]


def dimension_view(
    dimension: Dimension,
    metrics: Sequence[Judged],
    baselines: tuple[Baseline, ...],
    gallery: Gallery,
    *,
    seed: int,
    left_out: int = 0,
    comparison: MetricComparison | None = None,
    answering: Sequence[Answering] = (),
) -> DimensionView:
    """Gathers one dimension.

    Args:
        dimension: which.
        metrics: best first, over the same images.
        baselines: of the same images.
        gallery: where pictures come from.
        seed: of points drawn by lot.
        left_out: images that some metric did not score.
        comparison: of several metrics.
        answering: McNemar's tests of several metrics.
    """
    first = metrics[0]
    ceiling = next((m.levels.ceiling for m in metrics if m.levels.ceiling is not None), None)
    axis = _axis(metrics, baselines, ceiling)
    several = comparison if comparison is not None and len(metrics) > 1 else None
    return DimensionView(
        words=WORDS[dimension],
        n=first.measured.agreement.n,
        prompts=first.measured.agreement.n_prompts,
        left_out=left_out,
        verdict=(
            contest_verdict(several) if several else verdict(first.measured.agreement, baselines, ceiling)
        ),
        heads=_heads(first),
        rows=_rows(axis, metrics, baselines, ceiling, several is not None),
        axis=plots.axis_labels(axis),
        metrics=tuple(metric_view(m, gallery, seed=seed) for m in metrics),
        pairs=tuple(_pair(pair) for pair in several.pairs[:PAIRS_SHOWN]) if several else (),
        tests=tuple(_mcnemar(test) for test in answering),
        notes=_notes(baselines, first.measured.agreement.n_dropped),
    )


def _axis(metrics: Sequence[Judged], baselines: Sequence[Baseline], ceiling: Ceiling | None) -> plots.Axis:
    found = [m.measured.agreement.srcc for m in metrics]
    values = [v for i in found for v in (i.value, i.low, i.high) if v is not None]
    values += [b.srcc for b in baselines if b.srcc is not None] + ([ceiling.srcc] if ceiling else [])
    return plots.axis_over([0.0, 1.0, *values], limits=(-1.0, 1.0))


def _heads(first: Judged) -> tuple[str, ...]:
    of_metric = ("Bal. acc.", "AUC") if first.answers else ("PLCC fitted",)
    return (*of_metric, "Within", "Generators", "Share")


def _rows(
    axis: plots.Axis,
    metrics: Sequence[Judged],
    baselines: tuple[Baseline, ...],
    ceiling: Ceiling | None,
    several: bool,
) -> tuple[FrameRow, ...]:
    floor = best_baseline(baselines)
    reach = None if floor is None or ceiling is None else (floor, ceiling.srcc)
    blank = ("",) * len(_heads(metrics[0]))
    rows = []
    for base in baselines:
        if base.srcc is None:
            continue
        what = "no pixel" + (", tried on new prompts" if base.split == "prompt" else "")
        rows.append(_edge("base", f"Knows {known(base.name)}", what, axis, base.srcc, blank, reach))
    rows += [_metric(axis, m, reach, several and i == 0) for i, m in enumerate(metrics)]
    if ceiling is not None:
        what = f"a perfect metric; {ceiling.source}"
        rows.append(_edge("ceiling", "Noise ceiling", what, axis, ceiling.srcc, blank, reach))
    return tuple(rows)


def _edge(
    kind: str,
    name: str,
    what: str,
    axis: plots.Axis,
    srcc: float,
    blank: tuple[str, ...],
    reach: tuple[float, float] | None,
) -> FrameRow:
    label = f"{name}: SRCC {number(srcc, 3)}"
    plot = plots.interval_plot(axis, srcc, None, None, label=label, hollow=True, reach=reach)
    return FrameRow(kind, name, what, plot, number(srcc, 3), "", blank)


def _metric(axis: plots.Axis, m: Judged, reach: tuple[float, float] | None, best: bool) -> FrameRow:
    found, share = m.measured.agreement.srcc, m.levels.share
    name, letters = tidy(m.name), join_letters(m.letters)
    cells = (*_cells(m), "–" if share is None else f"{share:.0%}".replace("-", "−"))
    if found.value is None:
        return FrameRow("metric", name, found.reason or "undefined", Markup(""), "–", "–", cells, letters)
    span = "–" if found.low is None else f"{number(found.low, 3)} – {number(found.high, 3)}"
    label = f"{name}: SRCC {number(found.value, 3)}, interval {span}"
    plot = plots.interval_plot(
        axis, found.value, found.low, found.high, label=label, strong=True, reach=reach
    )
    return FrameRow("metric", name, "", plot, number(found.value, 3), span, cells, letters, best)


def _cells(m: Judged) -> tuple[str, ...]:
    answers, found = m.measured.answers, m.levels
    first = (
        [m.measured.agreement.plcc_fitted] if answers is None else [answers.balanced_accuracy, answers.auc]
    )
    values = [one.value for one in first]
    values.append(found.within.accuracy.value if found.within else None)
    values.append(found.systems.srcc.value if found.systems else None)
    return tuple(number(value, 3) for value in values)


def _pair(pair: MetricPair) -> PairRow:
    found = pair.difference
    span = "–" if found.low is None else f"{number(found.low, 3)} – {number(found.high, 3)}"
    p = "–" if pair.p_adjusted is None else "<0.001" if pair.p_adjusted < 0.001 else f"{pair.p_adjusted:.3f}"
    return PairRow(tidy(pair.a), tidy(pair.b), number(found.value, 3), span, p, pair.different)


def _mcnemar(found: Answering) -> str:
    only_a, only_b = found.test.table[0][1], found.test.table[1][0]
    return tidy(
        f"{found.a} alone is right {only_a:,} times, {found.b} alone {only_b:,} times: "
        f"McNemar's exact p {found.test.p_exact:.2g}, {found.p_adjusted:.2g} after Holm."
    )


def _notes(baselines: tuple[Baseline, ...], dropped: int) -> tuple[str, ...]:
    missing = by_reason((baseline_name(b), b.reason) for b in baselines if b.reason)
    notes = [f"no-pixel baseline of {note}" for note in missing]
    if not baselines:
        notes.append("neither table names generators, so the no-pixel baselines can't be given")
    if dropped:
        notes.append(f"{counted(dropped, 'matched row')} without a score on one side left out")
    return tuple(sentence(note) for note in notes)
