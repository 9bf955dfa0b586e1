"""How a training run went over its steps: losses, learning rate and the figures on the validation rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.core.records import Dimension
from lmm4lmm.report import training_plots
from lmm4lmm.report.training_figures import CHANCE, STATISTIC, STATISTIC_WORDS
from lmm4lmm.report.training_run import TrainingRun, finite
from lmm4lmm.report.wording import WORDS, number

_TERMS = {
    "l1": "absolute error (l1)",
    "gaussian": "Gaussian likelihood",
    "rank": "order of pairs (rank)",
    "tokens": "words of the answer (tokens)",
    "answer": "yes against no (answer)",
}


@dataclass(frozen=True)
class CurveView:
    """One small plot over steps, with what to read off it."""

    title: str
    plot: Markup
    fine: str


def loss_curves(run: TrainingRun) -> tuple[CurveView, ...]:
    """The loss and each of its terms, smoothed, and the learning rate."""
    terms = list(dict.fromkeys(name for row in run.steps for name in row.get("losses") or {}))
    found = [_loss("loss in all", run, lambda row: row.get("loss"))]
    if len(terms) > 1:
        found += [
            _loss(_TERMS.get(term, term), run, lambda row, term=term: (row.get("losses") or {}).get(term))
            for term in terms
        ]
    steps, values = _points(run.steps, lambda row: row.get("rate"))
    if steps.size:
        curve = training_plots.Curve(steps, values * 1e6)
        plot = training_plots.curve_plot([curve], label=f"learning rate, highest {values.max():.1e}")
        found.append(CurveView("learning rate, millionths", plot, f"highest {values.max():.1e}"))
    return tuple(one for one in found if one is not None)


def _loss(title: str, run: TrainingRun, pick: Any) -> CurveView | None:
    steps, values = _points(run.steps, pick)
    if not steps.size:
        return None
    window = max(1, values.size // 25)
    smooth = training_plots.smoothed(values, window)
    curves = [training_plots.Curve(steps, smooth)]
    fine = f"{number(float(smooth[0]), 3)} → {number(float(smooth[-1]), 3)}"
    if window > 1:
        curves.append(training_plots.Curve(steps, values, faint=True))
        fine += f" (means of {window} rows of the log)"
    label = f"{title}: from {smooth[0]:.3g} to {smooth[-1]:.3g} over {counted(values.size, 'row')} of the log"
    plot = training_plots.curve_plot(curves, label=label, mark=finite(run.facts.get("best_step")))
    return CurveView(title, plot, fine)


def validation_curves(run: TrainingRun, outputs: Sequence[Dimension]) -> tuple[CurveView, ...]:
    """The figure of each output on the validation rows over steps, with the step that was kept."""
    found = []
    for name in outputs:
        key = STATISTIC[name]
        steps, values = _points(
            run.validations, lambda row, n=name, k=key: (row["validation"].get(n) or {}).get(k)
        )
        if not steps.size:
            continue
        words = f"{WORDS[name].title.lower()}: {STATISTIC_WORDS[key]}"
        best = int(values.argmax())
        fine = f"highest {number(float(values[best]), 3)} at step {int(steps[best]):,}"
        kept = finite(run.facts.get("best_step"))
        plot = training_plots.curve_plot(
            [training_plots.Curve(steps, values, dots=steps.size <= 40)],
            label=f"{words} on validation rows, {fine}",
            mark=kept,
            level=CHANCE[key] if values.min() < CHANCE[key] + 0.1 else None,
            limits=(-1.0, 1.0),
        )
        if kept is not None and kept in steps:
            fine += f"; {number(float(values[list(steps).index(kept)]), 3)} at the step that was kept"
        found.append(CurveView(words, plot, fine))
    return tuple(found)


def _points(rows: Sequence[Mapping[str, Any]], pick: Any) -> tuple[Any, Any]:
    known = [(float(row["step"]), value) for row in rows if (value := finite(pick(row))) is not None]
    table = np.array(known, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
