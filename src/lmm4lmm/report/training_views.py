"""Everything that the page of a training run says, gathered before a line of HTML is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.core.records import Dimension
from lmm4lmm.report import framed, plots
from lmm4lmm.report.agreement_words import known
from lmm4lmm.report.cards import Card
from lmm4lmm.report.labels import UNNAMED
from lmm4lmm.report.leanings import LeaningView, leaning_view
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.training_figures import (
    CHANCE,
    STATISTIC,
    STATISTIC_WORDS,
    Reached,
    by_task,
    leanings,
    misses,
    reached,
)
from lmm4lmm.report.training_run import TrainingRun, finite
from lmm4lmm.report.wording import WORDS, DimensionWords, number, sentence
from lmm4lmm.stats.calibration import reliability

POINTS = 2000
"""Points of a scatter plot; of more, so many are drawn by lot, and the page says so."""

MISSES = 12
"""Pictures of misses, over all outputs."""


@dataclass(frozen=True)
class OutputView:
    """One output at a glance: its figure, the statistic and its interval, what it amounts to, the small print."""

    words: DimensionWords
    headline: str
    span: str
    verdict: str
    fine: tuple[str, ...]


@dataclass(frozen=True)
class PlotView:
    """A scatter or reliability plot with its caption; ``plot`` is None where there is nothing to draw."""

    words: DimensionWords
    plot: Markup | None
    across: str
    caption: str


@dataclass(frozen=True)
class TaskTable:
    """Figures by task: a head for each output, with its short name, and rows (task, n, one figure each)."""

    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, int, tuple[str, ...]], ...]


def output_view(run: TrainingRun, dimension: Dimension, seed: int) -> OutputView:
    """An output at a glance."""
    found = reached(run, dimension, seed)
    name, value = STATISTIC_WORDS[found.statistic], found.interval.value
    fine = [f"{what} {figure}" for what, figure in found.more]
    if found.validation is not None and run.split == "test":
        of = "" if found.n_validation is None else f" (n = {found.n_validation:,})"
        fine.append(f"validation {number(found.validation, 3)}{of}")
    fine += [f"knowing {known(what)}: {number(guess, 3)}" for what, guess in found.guesses[:3]]
    span = name
    if found.interval.low is not None:
        span += f", {number(found.interval.low, 2)} to {number(found.interval.high, 2)}"
    where = f"on {counted(found.n, run.split + ' image')}"
    return OutputView(WORDS[dimension], number(value, 3), span, f"{where}; {_against(found)}.", tuple(fine))


def _against(found: Reached) -> str:
    """How the figure stands beside guesses; claims no more than the interval allows."""
    value, low = found.interval.value, found.interval.low
    if value is None:
        return f"undefined: {found.interval.reason or 'no figure was written'}"
    floor = value if low is None else low
    if found.guesses:
        what, guess = known(found.guesses[0][0]), found.guesses[0][1]
        if floor > guess:
            return f"more than the best guess without a pixel ({number(guess, 2)}, knowing {what})"
        if value > guess:
            return f"not surely more than a guess without a pixel ({number(guess, 2)}, knowing {what})"
        return f"no more than a guess without a pixel ({number(guess, 2)}, knowing {what})"
    chance = CHANCE[found.statistic]
    beats = "above chance" if floor > chance else "not surely above chance"
    return f"{beats} ({number(chance, 1)}); no guess without a pixel is recorded beside it"


def summary(run: TrainingRun) -> str:
    """What was trained on what, in one or two sentences."""
    facts, data, split = run.facts, run.facts.get("data") or {}, run.facts.get("split") or {}
    recipe = (facts.get("recipe") or {}).get("name", "an unnamed recipe")
    uses = {"train": "training", "validation": "validation", "test": "a test"}
    shares = [f"{split[name]:,} for {use}" for name, use in uses.items() if split.get(name)]
    text = f"Recipe {recipe} was trained on {base_name(facts)}"
    if data.get("rows") is not None:
        text += f" with {counted(int(data['rows']), 'row')}"
    if shares:
        text += f" ({', '.join(shares)}; split by {split.get('by', 'an unknown rule')})"
    text += "."
    if facts.get("steps") is not None:
        text += f" It took {counted(int(facts['steps']), 'step')}"
        if finite(facts.get("seconds")) is not None:
            text += f" and {duration(float(facts['seconds']))}"
        if facts.get("best_step") is not None:
            text += f"; the state after step {int(facts['best_step']):,} did best on the validation rows and was kept"
        text += "."
    return text


def base_name(facts: Mapping[str, Any]) -> str:
    """What people call the base; of a folder its name, since where it lies is among the data."""
    base = str(facts.get("base") or "an unnamed base")
    return Path(base).name if Path(base).is_absolute() else base


def duration(seconds: float) -> str:
    """ "48 s", "17 min", "3 h 05 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def agreement_view(run: TrainingRun, dimension: Dimension, seed: int) -> PlotView:
    """Predicted against human scores, or how far answers mean what they say."""
    both, words = run.both(dimension), WORDS[dimension]
    if both.is_empty():
        return PlotView(words, None, "", f"No {run.split} row has both a prediction and a target.")
    said, human = both[dimension].to_numpy(), both[f"target_{dimension}"].to_numpy()
    if dimension == "answer":
        bins = reliability(np.clip(said, 0.0, 1.0), human, shares=True)
        error = number(bins.expected_error, 3)
        answers = counted(both.height, "answer")
        caption = f"{answers}; mean distance from the line {error}. Whiskers are 95 % intervals."
        label = f"Reliability of {answers}: probability of yes across, share of yes upwards"
        plot = framed.reliability_plot(bins, label=label)
        return PlotView(words, plot, "predicted probability of yes", caption)
    found = reached(run, dimension, seed)
    shown = f"{counted(both.height, run.split + ' image')}"
    axis = plots.axis_over([*said, *human])
    if both.height > POINTS:
        lot = np.sort(np.random.default_rng(seed).choice(both.height, POINTS, replace=False))
        said, human = said[lot], human[lot]
        shown = f"{POINTS:,} of {shown}, drawn by lot"
    correlation = dict(found.more).get("PLCC", "–")
    caption = (
        f"SRCC {number(found.interval.value, 3)}, PLCC {correlation}; {shown}. On the line both are equal."
    )
    label = f"{words.title} of {counted(both.height, 'image')}: predicted across, people upwards"
    plot = framed.agreement_plot(axis, said, human, label=label)
    return PlotView(words, plot, "predicted", caption)


def task_table(run: TrainingRun, outputs: Sequence[Dimension]) -> TaskTable:
    """Figures by task; empty where the rows name at most one."""
    rows = by_task(run, outputs)
    heads = tuple(
        (f"{WORDS[name].title}, {STATISTIC_WORDS[STATISTIC[name]]}", WORDS[name].short) for name in outputs
    )
    shown = tuple((row.name, row.n, tuple(number(value, 3) for value in row.values)) for row in rows)
    return TaskTable(heads, shown if len(rows) > 1 else ())


def leaning_views(run: TrainingRun, outputs: Sequence[Dimension]) -> tuple[LeaningView, ...]:
    """How generators are over- and underrated, for outputs that are scores."""
    found = (leaning_view(WORDS[name], leanings(run, name)) for name in outputs if name != "answer")
    return tuple(view for view in found if view is not None)


def miss_views(
    run: TrainingRun, outputs: Sequence[Dimension], pictures: Thumbnails
) -> tuple[tuple[DimensionWords, tuple[Card, ...]], ...]:
    """The worst misses of each output, with pictures where they are found."""
    manifest = (run.facts.get("data") or {}).get("manifest")
    roots = [run.folder, run.folder.parent, Path.cwd()]
    if manifest:
        given = Path(str(manifest))
        roots = [given if given.is_dir() else given.parent, *roots]
    found = []
    for name in outputs:
        rows = misses(run, name, max(1, MISSES // max(1, len(outputs))))
        digits = 2 if name == "answer" else 1
        cards = tuple(
            Card(
                picture=pictures.get(row["image"] or "", roots),
                image=row["image"] or "",
                prompt=row["prompt"] or "",
                generator=row["generator"] or UNNAMED,
                scores=(
                    ("predicted", number(row[name], digits), True),
                    ("people", number(row[f"target_{name}"], digits), False),
                ),
            )
            for row in rows
        )
        if cards:
            found.append((WORDS[name], cards))
    return tuple(found)


def recipe_rows(recipe: Mapping[str, Any], before: str = "") -> tuple[tuple[str, str], ...]:
    """The recipe as (setting, value), nested ones with a dot as ``--set`` writes them."""
    rows: list[tuple[str, str]] = []
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            rows += recipe_rows(value, f"{before}{name}.")
        else:
            rows.append((before + name, _plain(value)))
    return tuple(rows)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def data_rows(facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Where the rows came from and what identifies them."""
    data, split = facts.get("data") or {}, facts.get("split") or {}
    named = {
        "manifest": data.get("manifest"),
        "manifest SHA-256": data.get("manifest_sha256"),
        "human scores": data.get("human"),
        "human scores SHA-256": data.get("human_sha256"),
        "rows": data.get("rows"),
        "images": data.get("images"),
        "hash of rows and images": data.get("data_hash"),
        "split by": split.get("by"),
        **{f"{name} rows": split.get(name) for name in ("train", "validation", "test")},
        "rows left out": facts.get("skipped_rows"),
        "base": facts.get("base"),
        "identity of the base": facts.get("base_identity"),
        "score of the step that was kept": facts.get("selection"),
        **{
            words: f"{megabytes:,.0f} MB"
            for words, name in (("peak memory", "peak_memory_mb"), ("peak memory, GPU", "peak_gpu_memory_mb"))
            if (megabytes := finite(facts.get(name))) is not None
        },
        "lmm4lmm": facts.get("lmm4lmm"),
        "started": facts.get("started"),
    }
    return tuple(
        (name, f"{value:,}" if isinstance(value, int) else _plain(value))
        for name, value in named.items()
        if value is not None
    )


def problems(run: TrainingRun) -> tuple[str, ...]:
    """What the reader must know first: missing pieces, and figures that two files tell differently."""
    found = list(run.remarks)
    if not run.steps:
        found.append("The log has no row with a loss, so there is no curve to draw.")
    elif len(run.steps) == 1:
        found.append("The log has one row with a loss: a curve of one point says nothing of a trend.")
    if run.split == "validation":
        found.append(
            "No rows were kept for a test: the figures are those of the validation rows, by which the "
            "state that is kept was chosen, and so are somewhat too good."
        )
    for name, told in run.figures(run.split).items():
        if name in STATISTIC and not (both := run.both(name)).is_empty():  # type: ignore[arg-type]
            n = told.get("n")
            if isinstance(n, int) and n != both.height:
                found.append(
                    f"training.json tells of {n:,} {run.split} rows in {name}, predictions.jsonl holds "
                    f"{both.height:,}; the page shows what the latter holds."
                )
    return tuple(sentence(text) for text in found)
