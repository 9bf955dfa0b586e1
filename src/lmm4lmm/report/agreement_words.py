"""What agreement with people amounts to, in one sentence that claims no more than intervals and tests allow."""

from __future__ import annotations

from lmm4lmm.report.levels import Ceiling
from lmm4lmm.report.wording import listed, number, tidy
from lmm4lmm.stats.baselines import Baseline
from lmm4lmm.stats.evaluation import Agreement
from lmm4lmm.stats.metric_comparison import MetricComparison


def verdict(agreement: Agreement, baselines: tuple[Baseline, ...], ceiling: Ceiling | None = None) -> str:
    """One metric: the SRCC, and whether it is surely above what is known without a pixel."""
    srcc = agreement.srcc
    if srcc.value is None:
        return f"The rank correlation with people is undefined: {srcc.reason}."
    span = "" if srcc.low is None else f" ({number(srcc.low, 2)} to {number(srcc.high, 2)})"
    start = f"The rank correlation with people is {number(srcc.value, 2)}{span}"
    most = (
        ""
        if ceiling is None
        else f" Noise in people's scores leaves a perfect metric {number(ceiling.srcc, 2)}."
    )
    guesses = {b.name: b.srcc for b in baselines if b.split == "image" and b.srcc is not None}
    if not guesses:
        return f"{start}; there is no baseline to hold it against.{most}"
    best = max(guesses, key=lambda key: guesses[key])
    floor = srcc.low if srcc.low is not None else srcc.value
    if floor > guesses[best]:
        return f"{start}: more than any guess that sees no pixel ({number(guesses[best], 2)} at best).{most}"
    beaten = [name for name in guesses if floor > guesses[name]]
    told = f"knowing only {known(best)} gives {number(guesses[best], 2)}"
    if beaten:
        return f"{start}, above some guesses that see no pixel but not surely above all: {told}.{most}"
    return f"{start}. No guess that sees no pixel is surely beaten: {told}.{most}"


def contest_verdict(found: MetricComparison) -> str:
    """Several metrics: which is first, and from which it can't be told apart."""
    ranked = [name for name in found.names if found.values[name].value is not None]
    if not ranked:
        return "No metric has a rank correlation with people."
    first, others = ranked[0], ranked[1:]
    start = f"{tidy(first)} agrees best with people (SRCC {number(found.values[first].value, 2)})"
    if not others:
        return f"{start}; no other metric has a rank correlation."
    behind = {pair.b for pair in found.pairs if pair.a == first and pair.different}
    tied = [tidy(name) for name in others if name not in behind]
    surely = [tidy(name) for name in others if name in behind]
    if not tied:
        return f"{start}, surely better than {listed(surely, 3)}."
    if not surely:
        return f"{start}, but can't be told apart from {listed(tied, 3)}."
    return f"{start}, but can't be told apart from {listed(tied, 3)}; surely better than {listed(surely, 3)}."


def known(name: str) -> str:
    """What a guess knows, in words: "generator x task" is "the generator and the task"."""
    return listed([f"the {part}" for part in name.replace(" + ", " x ").split(" x ")])
