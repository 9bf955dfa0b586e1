"""A whole training run: rows looked at, split, checked for leaks, trained on, judged, and all of it written down."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

import torch

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import sha256, write_atomically
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.training import checkpoints
from lmm4lmm.training.card import write_card
from lmm4lmm.training.engine import Fitted, check_settings, fit, is_first, one_by_one
from lmm4lmm.training.examples import Example
from lmm4lmm.training.guesses import guesses
from lmm4lmm.training.judging import FEWEST, Predictions, figures, figures_by, predict, too_few
from lmm4lmm.training.leaks import check_leaks
from lmm4lmm.training.learner import Learner, Say
from lmm4lmm.training.recipes import Recipe
from lmm4lmm.training.rows import Rows
from lmm4lmm.training.settings import to_yaml
from lmm4lmm.training.splitting import Split, SplitPlan, read_split, split, write_split
from lmm4lmm.training.survey import Survey, survey

FACTS, PREDICTIONS, SPLITS, RECIPE = "training.json", "predictions.jsonl", "splits.csv", "recipe.yaml"
"""What a run leaves in its folder, beside what the metric needs, its log, checkpoints and card."""


@dataclass(frozen=True)
class Trained:
    """What a run came to.

    Attributes:
        folder: of the result.
        facts: what ``training.json`` holds.
        fitted: of the engine.
        validation, test: predictions in the best state, in the order of the split.
    """

    folder: Path
    facts: Mapping[str, Any]
    fitted: Fitted
    validation: Predictions
    test: Predictions


@dataclass(frozen=True)
class _Data:
    """Rows that can be used, on their sides; ``unreadable`` says what was left out, by id."""

    examples: tuple[Example, ...]
    split: Split
    survey: Survey
    unreadable: dict[str, str]

    def side(self, name: str) -> list[Example]:
        rows: tuple[int, ...] = getattr(self.split, name)
        return [self.examples[row] for row in rows]


def run(
    learner: Learner,
    recipe: Recipe,
    rows: Rows | Sequence[Example],
    plan: SplitPlan,
    folder: Path,
    say: Say,
    trainer_options: Mapping[str, Any] | None = None,
    *,
    split_file: Path | None = None,
    sources: Mapping[str, Path] | None = None,
) -> Trained:
    """Trains a learner and writes the result; called again after a stop, it goes on.

    Under ``torchrun`` or ``accelerate launch`` every process calls it; the first one writes.

    Args:
        learner: is left in the best state.
        recipe: how.
        rows: what to learn from.
        plan: how to split; with ``split_file`` only what the split is held to.
        folder: receives all; made where it is absent.
        say: told how it goes, in the first process.
        trainer_options: see ``engine.fit``.
        split_file: a split that somebody made.
        sources: the files that the rows come from, by ``manifest`` and ``human``, for the record.

    Raises:
        InputError: no row can be used, the split leaks or can't be made, or see ``engine.fit``.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    first = is_first()
    say = say if first else _silent
    folder.mkdir(parents=True, exist_ok=True)
    examples = tuple(rows.examples if isinstance(rows, Rows) else rows)
    _refuse_early(recipe, examples, plan, split_file, trainer_options or {})
    data = _prepared(learner, examples, plan, split_file, folder, say)
    sides = {name: data.side(name) for name in ("train", "validation", "test")}
    # Before anything is written: what is refused must leave the other run's files as they are.
    checkpoints.refuse_another(folder, learner, recipe, sides["train"], sides["validation"])
    if first:
        write_atomically(folder / RECIPE, to_yaml(recipe))
        write_split(folder / SPLITS, data.examples, data.split)
    say(
        f"{len(sides['train']):,} rows to train on, {len(sides['validation']):,} to validate, "
        f"{len(sides['test']):,} to test"
    )
    if few := too_few(sides["validation"], recipe.outputs):
        counted = ", ".join(f"{count} for {name}" for name, count in few.items())
        say(
            f"too few rows to validate by ({counted}; a rank correlation needs {FEWEST}): they don't choose the "
            "state that is kept, and without any figure it is the last one"
        )
    before = time.perf_counter()
    fitted = fit(
        learner, recipe, sides["train"], sides["validation"], folder, say, trainer_options=trainer_options
    )
    before -= time.perf_counter()
    with checkpoints.gathered(learner.module):
        if first:
            with checkpoints.writing(folder):
                learner.write(folder)
    # The test rows are looked at here, once, after every choice is made.
    said = {name: _said(learner, recipe, sides[name]) for name in ("validation", "test")}
    facts = {
        "lmm4lmm": version("lmm4lmm"),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock + before + fitted.seconds, 1),
        "recipe": asdict(recipe),
        "base": learner.base,
        "base_identity": learner.base_identity,
        "metric": learner.metric,
        "data": _data_facts(data, sources or {}),
        "split": {"by": "file" if split_file else plan.by, **{name: len(of) for name, of in sides.items()}},
        "unreadable": {**data.unreadable, **fitted.failed},
        "skipped_rows": len({**data.unreadable, **fitted.failed}),
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "selection": fitted.best_score,
        **{name: figures(sides[name], of) for name, of in said.items()},
        "test_by_task": figures_by(sides["test"], said["test"], lambda one: one.item.task),
        "baselines": guesses(sides["train"], sides["test"] or sides["validation"], recipe.outputs),
        **_memory(),
    }
    if first:
        write_atomically(
            folder / PREDICTIONS,
            "".join(line for name, of in said.items() for line in _lines(name, sides[name], of)),
        )
        write_atomically(folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        write_card(folder, facts)
    return Trained(folder, facts, fitted, said["validation"], said["test"])


def _refuse_early(
    recipe: Recipe,
    examples: Sequence[Example],
    plan: SplitPlan,
    split_file: Path | None,
    trainer_options: Mapping[str, Any],
) -> None:
    """Refuses what is wrong whatever the images hold: looking at them can take hours."""
    check_settings(recipe, trainer_options)
    if split_file is None:
        split(examples, plan, [""] * len(examples))
    elif not split_file.is_file():
        raise InputError(f"{split_file}: no such file")


def _prepared(
    learner: Learner,
    examples: tuple[Example, ...],
    plan: SplitPlan,
    split_file: Path | None,
    folder: Path,
    say: Say,
) -> _Data:
    unreadable: dict[str, str] = {}
    with one_by_one():  # the first process looks, the others read what it found
        found = survey(examples, folder, None, say)
        unreadable.update(found.unreadable)
        usable = found.usable(examples)
        unreadable.update(learner.look(usable, say))
    used = tuple(one for one in usable if one.item.id not in unreadable)
    if not used:
        reason = next(iter(unreadable.values()), "there are none")
        raise InputError(f"not one of {len(examples):,} rows can be used, say because: {reason}")
    if unreadable:
        name, reason = next(iter(unreadable.items()))
        say(f"{len(unreadable):,} rows can't be used and are left out, such as '{name}': {reason}")
    hashes = found.hashes(used)
    sides = split(used, plan, hashes) if split_file is None else read_split(split_file, used)
    check_leaks(used, sides, hashes, plan.by)
    return _Data(used, sides, found, unreadable)


def _said(learner: Learner, recipe: Recipe, examples: Sequence[Example]) -> Predictions:
    return predict(learner, examples, recipe.rows_at_once, bf16=recipe.bf16, workers=recipe.workers)


def _data_facts(data: _Data, sources: Mapping[str, Path]) -> dict[str, Any]:
    files = {name: sources.get(name) for name in ("manifest", "human")}
    return {
        **{name: None if path is None else str(path) for name, path in files.items()},
        **{
            f"{name}_sha256": sha256(path) if path is not None and path.is_file() else None
            for name, path in files.items()
        },
        "rows": len(data.examples),
        "images": len({one.item.path for one in data.examples}),
        "data_hash": data.survey.data_hash(data.examples),
    }


def _lines(side: str, examples: Sequence[Example], said: Predictions) -> list[str]:
    """Rows of ``predictions.jsonl``; what is unknown is null."""
    names = list(said.values)
    lines = []
    for place, one in enumerate(examples):
        item = one.item
        row = {
            "id": item.id,
            "split": side,
            "image": str(item.path),
            "prompt": item.prompt,
            "generator": item.generator,
            "task": item.task,
            **{name: _number(said[name][place]) for name in names},
            **{f"target_{name}": _number(one.target(name)) for name in DIMENSIONS},
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return lines


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)


def _memory() -> dict[str, float]:
    """Peaks of this process, in MB; its workers not counted."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    found = {"peak_memory_mb": round(peak / 1e6, 1)}
    if torch.cuda.is_available():
        found["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 1e6, 1)
    return found


def _silent(_: str) -> None:
    """What processes other than the first say."""
