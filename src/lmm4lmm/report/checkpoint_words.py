"""A comparison of two checkpoints in words: one sentence a dimension, and a summary for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lmm4lmm.core.records import Dimension
from lmm4lmm.report.checkpoints import CheckpointComparison
from lmm4lmm.report.wording import CONTROLS
from lmm4lmm.stats.differences import Difference

DIGITS: dict[str, int] = {"answer": 3}
"""Decimals of a dimension's scores; else two."""


def sentences(found: CheckpointComparison) -> list[str]:
    """What the data allow to say of each dimension."""
    return [
        _sentence(name, one.overall, found.new.name, found.old.name) for name, one in found.dimensions.items()
    ]


def headline(found: CheckpointComparison) -> str:
    """All verdicts in one sentence: "Perception better; correspondence no difference found"."""
    parts = [f"{name} {verdict_words(name, one.overall)}" for name, one in found.dimensions.items()]
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def verdict_words(name: Dimension, found: Difference) -> str:
    """The verdict, with the margin where it takes part in it."""
    margin = signed(found.margin, name).lstrip("+")
    if found.verdict == "equivalent":
        return f"equivalent within {margin}"
    if found.verdict in ("better", "worse") and found.equivalent:
        return f"{found.verdict}, but by less than {margin}"
    # the interval is of this comparison alone; where others were tested along, the adjusted p has to agree
    if found.verdict == "worse" and found.worse_beyond_margin and found.margin:
        return f"worse by more than {margin}"
    return found.verdict


def signed(value: float | None, name: Dimension) -> str:
    """A difference with its sign, a true minus; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:+.{DIGITS.get(name, 2)}f}"
    return text.replace("-", "−")


def markdown(found: CheckpointComparison) -> str:
    """A short summary for a pull request."""
    new, old = plain(found.new.name), plain(found.old.name)
    level = level_words(next(iter(found.dimensions.values())).overall)
    lines = [
        f"### {new} against {old}",
        "",
        f"**{headline(found)}.**",
        "",
        f"| | {new} | {old} | difference ({level} interval) | p | prompts | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *(_row(name, name, one.overall) for name, one in found.dimensions.items()),
        "",
        *_task_lines(found),
        *(f"- {plain(note)}." for note in found.notes),
        *([""] if found.notes else []),
        _meaning(found),
    ]
    return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """A name that Markdown shows as it is, in one line."""
    visible = text.translate({ord(control): picture for control, picture in CONTROLS.items()})
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(visible.split()))


def interval_words(found: Difference, name: Dimension) -> str:
    """The ends of the interval."""
    return (
        f"{signed(found.low, name)} to {signed(found.high, name)}" if found.low is not None else "no interval"
    )


def level_words(found: Difference) -> str:
    """The confidence, "95 %"."""
    return f"{100 * found.confidence:g} %"


def p_words(p: float | None) -> str:
    """A p-value for the eye."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _sentence(name: Dimension, found: Difference, new: str, old: str) -> str:
    digits = DIGITS.get(name, 2)
    if found.verdict == "not testable":
        return f"{name}: {new} and {old} can't be compared: {found.reason}."
    known = found.low is not None
    span = f"{level_words(found)} interval {interval_words(found, name)}" if known else "no interval"
    over = (
        f"{found.n_shared} shared prompts"
        if found.paired
        else f"{found.n_new} and {found.n_old} prompts, unpaired"
    )
    size = f"{signed(found.difference, name)} ({span}; {over})"
    if found.verdict in ("better", "worse"):
        small = f", surely by less than the margin of {found.margin:.{digits}f}" if found.equivalent else ""
        return f"{name}: {new} is {found.verdict} than {old}: {size}{small}."
    if found.verdict == "equivalent":
        return f"{name}: {new} and {old} are equivalent within {found.margin:.{digits}f}: {size}."
    most = max(abs(found.low or 0.0), abs(found.high or 0.0))
    open_to = f"; one of up to {most:.{digits}f} is not ruled out" if most else ""
    return f"{name}: no difference found: {size}{open_to}."


def _row(head: str, name: Dimension, found: Difference) -> str:
    digits = DIGITS.get(name, 2)
    prompts = f"{found.n_shared}" if found.paired else f"{found.n_new} / {found.n_old}"
    cells: Sequence[str] = (
        plain(head),
        f"{found.new_mean:.{digits}f}",
        f"{found.old_mean:.{digits}f}",
        f"{signed(found.difference, name)} ({interval_words(found, name)})",
        p_words(found.p_adjusted),
        prompts,
        verdict_words(name, found),
    )
    return f"| {' | '.join(cells)} |"


def _task_lines(found: CheckpointComparison) -> list[str]:
    """Tasks that differ are named; that others were looked at is said."""
    lines = []
    for name, one in found.dimensions.items():
        if not one.tasks:
            continue
        better = [task for task, d in one.tasks.items() if d.verdict == "better"]
        worse = [task for task, d in one.tasks.items() if d.verdict == "worse"]
        parts = []
        for word, tasks in (("better", better), ("worse", worse)):
            if tasks:
                ordered = sorted(tasks, key=lambda task: -abs(one.tasks[task].difference))
                parts.append(
                    f"{word} on "
                    + ", ".join(f"{plain(t)} ({signed(one.tasks[t].difference, name)})" for t in ordered)
                )
        told = "; ".join(parts) or "no task differs"
        lines.append(f"- By task ({len(one.tasks)}, Holm-adjusted), {name}: {told}.")
    return [*lines, ""] if lines else []


def _meaning(found: CheckpointComparison) -> str:
    shown = next(iter(found.dimensions.values())).overall
    paired = all(one.overall.paired for one in found.dimensions.values())
    how = "over the prompts that both drew, each counting once" if paired else "of per-prompt means"
    margins = {name: one.overall.margin for name, one in found.dimensions.items() if one.overall.margin}
    margin = (
        "; equivalent: surely closer than the margin (two one-sided tests)"
        if margins
        else "; no margin was given, so any difference counts"
    )
    new, old = plain(found.new.name), plain(found.old.name)
    return (
        "<sub>In the units of the scores (metrics that lmm4lmm runs: 0 to 100, answer: 0 to 1), higher is better. "
        f"Difference: {new} minus {old}, mean {how}. Better or worse: the {level_words(shown)} interval excludes "
        f"0{margin}. "
        '"No difference found" is not "no difference": the interval says what remains possible.</sub>'
    )
