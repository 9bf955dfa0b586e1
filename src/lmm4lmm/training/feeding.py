"""How rows reach the model: read, dropped where they can't be, put into batches, in an order that anyone can redo.

The order is a function of seed and step alone, so a run that was stopped goes on where it was, and any number of
processes takes the same rows in the same step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.training.examples import Example
from lmm4lmm.training.learner import Learner

Batch: TypeAlias = dict[str, Any]
"""``inputs`` of the module, ``targets`` [B] each, ``rows`` (their positions), ``failed`` ((id, reason), ...)."""

_FIELDS = (*DIMENSIONS, "perception_std", "correspondence_std")

_MIXED = 50
"""Steps whose rows are sorted by length together: fewer would pad more, more would mix less."""


@dataclass(frozen=True)
class Row:
    """One example, read; ``failed`` says why it could not be."""

    position: int
    sample: Any = None
    failed: str | None = None


class Rows(Dataset[Row]):
    """Examples as a learner reads them. Whatever ``sample`` does by chance must be decided by the example."""

    def __init__(self, examples: Sequence[Example], learner: Learner) -> None:
        self.examples, self.learner = examples, learner

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, position: int) -> Row:
        try:
            return Row(position, self.learner.sample(self.examples[position]))
        except ItemError as error:  # ImageError is one
            return Row(position, failed=str(error))


class Collator:
    """Makes batches; rows that failed are left out and named.

    A batch without any row gets one that was read before, with every target masked: it costs a pass and changes
    nothing, but all processes go through the same passes, as their exchange of gradients needs.

    Args:
        rows: where the rows come from.
        outputs: dimensions whose targets are used.
    """

    def __init__(self, rows: Rows, outputs: Sequence[Dimension]) -> None:
        self._rows, self._outputs = rows, tuple(outputs)
        self._spare: Row | None = None

    def __call__(self, rows: Sequence[Row]) -> Batch:
        good = [row for row in rows if row.failed is None]
        masked = not good
        if masked:
            good = [self._spare or self._any()]
        self._spare = good[0]
        examples = [self._rows.examples[row.position] for row in good]
        return {
            "inputs": self._rows.learner.collate([row.sample for row in good]),
            "targets": self._masked(len(good)) if masked else self._targets(examples),
            "rows": [] if masked else [row.position for row in good],
            "failed": [
                (self._rows.examples[row.position].item.id, row.failed)
                for row in rows
                if row.failed is not None
            ],
        }

    def _targets(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        def used(field: str, example: Example) -> float:
            value: float = getattr(example, field)
            return value if field.removesuffix("_std") in self._outputs else nan

        found = {field: torch.tensor([used(field, one) for one in examples]) for field in _FIELDS}
        for place, name in enumerate(DIMENSIONS):
            found[f"weight_{name}"] = torch.tensor([one.weights[place] for one in examples])
        return found

    def _masked(self, count: int) -> dict[str, Tensor]:
        names = (*_FIELDS, *(f"weight_{name}" for name in DIMENSIONS))
        return {name: torch.full((count,), nan) for name in names}

    def _any(self) -> Row:
        reason = "there are none"
        for position in range(len(self._rows)):
            row = self._rows[position]
            if row.failed is None:
                return row
            reason = f"'{self._rows.examples[position].item.id}': {row.failed}"
        raise InputError(f"not one of {len(self._rows):,} rows can be read; the last said {reason}")


class StepSampler(Sampler[list[int]]):
    """The rows of every pass of one process, over the whole run: all epochs are one sequence of passes.

    The rows of an epoch are shuffled and dealt evenly to its optimiser steps, and those of a step evenly to its
    passes, so no step is a small rest. With lengths, rows of like length meet in a step; the order of steps is
    shuffled again.

    Args:
        lengths: [N] of the sequences; None shuffles only.
        images: [N] equal for rows of one image, which then stand together; the longest of them counts.
        rows: how many there are.
        batch: most rows of a step.
        passes: of one step, over all processes.
        steps: of the run.
        seed: decides the order.
        process, processes: which passes are this process's own.
    """

    def __init__(
        self,
        *,
        rows: int,
        lengths: Sequence[int] | None,
        batch: int,
        passes: int,
        steps: int,
        seed: int,
        process: int = 0,
        processes: int = 1,
        images: Sequence[int] | None = None,
    ) -> None:
        self._images = None if images is None else np.asarray(images)
        self._rows, self._batch, self._passes, self._steps = rows, batch, passes, steps
        self._lengths = None if lengths is None else np.asarray(lengths)
        if self._images is not None and self._lengths is not None:
            longest = np.zeros(int(self._images.max()) + 1, self._lengths.dtype)
            np.maximum.at(longest, self._images, self._lengths)
            self._lengths = longest[self._images]
        self._seed, self._process, self._processes = seed, process, processes

    def __len__(self) -> int:
        return self._steps * (self._passes // self._processes)

    def __iter__(self) -> Iterator[list[int]]:
        done = 0
        for epoch in range(-(-self._steps // steps_an_epoch(self._rows, self._batch))):
            for rows in self._epoch(epoch):
                if done == self._steps:
                    return
                done += 1
                for part in np.array_split(rows, self._passes)[self._process :: self._processes]:
                    yield part.tolist()

    def _epoch(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        rng = np.random.default_rng([self._seed, epoch])
        order = rng.permutation(self._rows)
        steps = steps_an_epoch(self._rows, self._batch)
        if self._images is not None:
            turn = rng.permutation(int(self._images.max()) + 1)
            order = order[np.argsort(turn[self._images[order]], kind="stable")]
        dealt = np.array_split(order, steps)
        if self._lengths is None:
            return dealt
        mixed: list[np.ndarray[Any, Any]] = []
        for first in range(0, steps, _MIXED):
            some = dealt[first : first + _MIXED]
            rows = np.concatenate(some)
            rows = rows[np.argsort(-self._lengths[rows], kind="stable")]
            mixed += np.split(rows, np.cumsum([part.size for part in some])[:-1])
        return [mixed[step] for step in rng.permutation(steps)]


def steps_an_epoch(rows: int, batch: int) -> int:
    """Optimiser steps that see every row once."""
    return -(-rows // batch)


def moved(data: Any, device: torch.device) -> Any:
    """The same with all tensors on a device."""
    if isinstance(data, Tensor):
        return data.to(device, non_blocking=True)
    if isinstance(data, Mapping):
        return {key: moved(value, device) for key, value in data.items()}
    if type(data) in (list, tuple):
        return type(data)(moved(value, device) for value in data)
    return data
