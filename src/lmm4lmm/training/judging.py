"""What a learner says of rows, and how that agrees with people: the figures that choose the best step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.utils.data import DataLoader

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.stats.answers import evaluate_answers
from lmm4lmm.stats.correlation import krcc, plcc, srcc
from lmm4lmm.training.examples import Example
from lmm4lmm.training.feeding import Collator, Row, Rows, moved
from lmm4lmm.training.learner import Learner
from lmm4lmm.training.losses import SCORES, STEP

Floats: TypeAlias = NDArray[np.float64]
FEWEST = 3
"""Rows that a rank correlation needs."""

Figures: TypeAlias = dict[str, dict[str, float | int | None]]
"""By dimension: ``n`` and the figures; None where one is undefined."""

OUTPUTS = ("perception", "perception_std", "correspondence", "correspondence_std", "answer")


@dataclass(frozen=True)
class Predictions:
    """What a learner says of N rows, in their order.

    Attributes:
        values: [N] by name of ``OUTPUTS``; scores and deviations 0 to 100, the answer as probability of yes. NaN
            where the learner says nothing, or the row can't be read.
        failed: why a row could not be read, by the id of its item.
    """

    values: Mapping[str, Floats]
    failed: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Floats:
        return self.values[name]

    def some(self, rows: Sequence[int]) -> Predictions:
        """Of some rows, in the order given."""
        return Predictions({name: value[list(rows)] for name, value in self.values.items()}, self.failed)


def predict(
    learner: Learner,
    examples: Sequence[Example],
    batch: int,
    *,
    bf16: bool = False,
    workers: int = 0,
    module: Callable[..., Any] | None = None,
) -> Predictions:
    """What the learner says now; each process of a distributed run reads its share, and all get all.

    Args:
        learner: its module is put into evaluation mode and back.
        examples: the rows.
        batch: rows of one pass.
        bf16: compute in bfloat16, as in training; what comes out is float32 all the same.
        workers: processes that read ahead.
        module: called in place of the learner's own, where it is wrapped (FSDP, DeepSpeed).
    """
    rows = Rows(examples, learner)
    process, processes = _place()
    # by length, for less padding; every process makes as many passes as the others
    order = sorted(range(len(examples)), key=lambda row: -learner.size(examples[row]))
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    batches += [[] for _ in range(-len(batches) % processes)]
    loader: DataLoader[Row] = DataLoader(
        rows,
        batch_sampler=batches[process::processes],
        collate_fn=Collator(rows, ()),
        num_workers=workers,
        generator=torch.Generator(),  # a loader without one draws from the state that training's dropout uses
    )
    device = next((p.device for p in learner.module.parameters()), torch.device("cpu"))
    found: dict[int, dict[str, float]] = {}
    failed: dict[str, str] = {}
    with (
        _evaluating(learner.module),
        torch.no_grad(),
        torch.autocast(device.type, torch.bfloat16, enabled=bf16),
    ):
        for one in loader:
            failed.update(one["failed"])
            outputs = (module or learner.module)(**moved(one["inputs"], device))
            values = {name: value.tolist() for name, value in _read(outputs).items()}
            for place, row in enumerate(one["rows"]):
                found[row] = {name: column[place] for name, column in values.items()}
    for theirs, theirs_failed in shared((found, failed)):
        found.update(theirs)
        failed.update(theirs_failed)
    columns = {name: np.full(len(examples), np.nan) for name in OUTPUTS}
    for row, said in found.items():
        for name, value in said.items():
            columns[name][row] = value
    return Predictions(columns, failed)


def figures(examples: Sequence[Example], predictions: Predictions) -> Figures:
    """Agreement with people, by dimension; one without any pair of prediction and target is left out.

    Scores have ``n``, ``srcc``, ``plcc`` (no curve fitted), ``krcc``, ``rmse`` in points and ``bias`` (mean of
    predicted minus human). Answers have ``n``, ``balanced_accuracy``, ``accuracy``, ``auc`` and ``brier``; where
    people were split, the majority counts, and half is a yes.
    """
    found: Figures = {}
    for name in DIMENSIONS:
        human = np.array([one.target(name) for one in examples], dtype=np.float64)
        said = predictions[name]
        both = ~(np.isnan(human) | np.isnan(said))
        if both.any():
            found[name] = (_answers if name == "answer" else _scores)(said[both], human[both])
    return found


def figures_by(
    examples: Sequence[Example], predictions: Predictions, key: Callable[[Example], str | None]
) -> dict[str, Figures]:
    """The figures within each group, by its name, in order; rows whose key is None are left out."""
    groups: dict[str, list[int]] = {}
    for row, one in enumerate(examples):
        if (name := key(one)) is not None:
            groups.setdefault(name, []).append(row)
    return {
        name: figures([examples[row] for row in rows], predictions.some(rows))
        for name, rows in sorted(groups.items())
    }


def selection_score(found: Figures) -> float | None:
    """One number to choose a step by: the mean, over outputs, of SRCC and of 2 x balanced accuracy - 1.

    Both are 0 by chance and 1 at best. An undefined SRCC, say of equal predictions, counts as 0; of fewer than
    ``FEWEST`` rows it counts for nothing, else the first state of such a run would be its best.

    Returns:
        None where no output has a figure.
    """
    parts = []
    for name, of in found.items():
        if name == "answer":
            value = of["balanced_accuracy"]
            parts += [] if value is None else [2 * value - 1]
        elif (of["n"] or 0) >= FEWEST:
            parts.append(of["srcc"] or 0.0)
    return float(np.mean(parts)) if parts else None


def too_few(examples: Sequence[Example], outputs: Sequence[Dimension]) -> dict[Dimension, int]:
    """Rows with a target, by the score that has fewer than ``FEWEST`` of them: no SRCC is defined there."""
    counts = {name: sum(name in one.known for one in examples) for name in outputs if name != "answer"}
    return {name: count for name, count in counts.items() if count < FEWEST}


def _read(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a module gives, as ``OUTPUTS`` has it, in float64 on the processor."""
    given = {name: value.detach().double().cpu() for name, value in outputs.items()}
    found = {name: given[name] for name in OUTPUTS[:-1] if name in given}
    for name in SCORES:
        if f"{name}_levels" in given:
            levels = given[f"{name}_levels"]
            points = torch.arange(levels.shape[1], dtype=torch.float64) * STEP
            found.setdefault(name, levels.softmax(dim=1) @ points)
    if "answer" in given:
        found["answer"] = given["answer"].sigmoid()
    return found


def _scores(said: Floats, human: Floats) -> dict[str, float | int | None]:
    off = said - human
    return {
        "n": int(said.size),
        "srcc": _defined(srcc, said, human),
        "plcc": _defined(plcc, said, human),
        "krcc": _defined(krcc, said, human),
        "rmse": float(np.sqrt(np.mean(off**2))),
        "bias": float(off.mean()),
    }


def _answers(said: Floats, human: Floats) -> dict[str, float | int | None]:
    yes = (human >= 0.5).astype(np.float64)
    of = evaluate_answers(said, yes, prompts=None, rng=np.random.default_rng(0), resamples=10)
    return {
        "n": of.n,
        "balanced_accuracy": of.balanced_accuracy.value,
        "accuracy": of.accuracy.value,
        "auc": of.auc.value,
        "brier": of.brier.value,
    }


def _defined(statistic: Callable[[Floats, Floats], float], said: Floats, human: Floats) -> float | None:
    try:
        return statistic(said, human)
    except StatisticsError:
        return None


def _place() -> tuple[int, int]:
    """This process's number, and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def shared(mine: Any) -> list[Any]:
    """What every process has, in their order; waits for all of them."""
    processes = _place()[1]
    if processes == 1:
        return [mine]
    all_of_it: list[Any] = [None] * processes
    distributed.all_gather_object(all_of_it, mine)
    return all_of_it


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; each part goes back to the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
