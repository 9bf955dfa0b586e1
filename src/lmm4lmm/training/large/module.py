"""A large base with its heads, as a module that gives ``Outputs`` with gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.records import Dimension
from lmm4lmm.model.bases.base import Base, Picture, Reading
from lmm4lmm.model.levels import level_answer
from lmm4lmm.model.quality_model import log_odds
from lmm4lmm.model.score_head import GaussianHead, ReluHead, ScoreHead
from lmm4lmm.model.spellings import NO, YES
from lmm4lmm.training.recipes import Form


class LargeModule(nn.Module):
    """Called as ``module(**collate(samples))``.

    Args:
        base: made ready by ``for_training``.
        heads: by dimension.
        form: what a sequence asks.
        outputs: the dimensions that are trained.

    Raises:
        WeightsError: the tokenizer has no single token for yes or no, or can't tell levels apart.
    """

    def __init__(
        self, base: Base, heads: Mapping[str, ScoreHead], form: Form, outputs: Sequence[Dimension]
    ) -> None:
        super().__init__()
        self.base, self.form, self.outputs = base, form, tuple(outputs)
        self.heads = nn.ModuleDict(heads)
        self._yes, self._no = base.reader.token_ids(YES), base.reader.token_ids(NO)
        if "answer" in outputs and not (self._yes and self._no):
            raise WeightsError(
                "this tokenizer splits every spelling of yes or of no: it can't learn to answer"
            )
        self._words: dict[str, list[int]] = {}
        if form == "levels":
            self._words = {name: list(level_answer(base, name).words) for name in outputs if name != "answer"}

    def forward(
        self,
        pixels: Sequence[Mapping[str, Tensor]],
        stems: Sequence[Sequence[int]],
        rows: Sequence[int],
        texts: Sequence[Sequence[int]],
        at: Sequence[Sequence[int]],
        dimensions: Sequence[Sequence[Dimension]],
        words: Sequence[int],
        targets: Sequence[Sequence[int]],
    ) -> dict[str, Tensor]:
        """``Outputs`` of B pictures with Q sequences about them.

        Args:
            pixels, stems: of each picture.
            rows: [Q] which picture a sequence is about.
            texts: [Q] token ids behind its stem.
            at: [Q] where its states are read, by index in its text.
            dimensions, words, targets: see ``asking.Query``.
        """
        pictures = [Picture(dict(one), tuple(stem)) for one, stem in zip(pixels, stems, strict=True)]
        readings = [
            Reading(row, tuple(text), tuple(places))
            for row, text, places in zip(rows, texts, at, strict=True)
        ]
        states = self.base.read(pictures, readings)
        count = len(pictures)
        # Heads and losses are in float32 also where the caller computes in bfloat16, which has few numbers.
        with torch.autocast(states[0].device.type, enabled=False):
            if self.form == "levels":
                return self._levels(states, count, rows, dimensions, words, targets)
            return self._read(states, count, rows, dimensions)

    def _read(
        self,
        states: Sequence[Tensor],
        count: int,
        rows: Sequence[int],
        dimensions: Sequence[Sequence[Dimension]],
    ) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for dimension in self.outputs:
            mine = [
                (row, one[places.index(dimension)])
                for row, one, places in zip(rows, states, dimensions, strict=True)
                if dimension in places
            ]
            read = torch.stack([state for _, state in mine]) if mine else states[0][:0]
            for name, values in self._values(dimension, read.float()).items():
                found[name] = _spread(values, [row for row, _ in mine], count)
        return self._anchored(found)

    def _values(self, dimension: Dimension, states: Tensor) -> dict[str, Tensor]:
        if dimension == "answer":
            return {"answer": log_odds(states, self.base.vocabulary, self._yes, self._no)}
        head = self.heads[dimension]
        assert isinstance(head, ReluHead | GaussianHead)
        estimate = head.estimate(states)
        values: dict[str, Tensor] = {dimension: estimate.score}
        return values if estimate.std is None else {**values, f"{dimension}_std": estimate.std}

    def _levels(
        self,
        states: Sequence[Tensor],
        count: int,
        rows: Sequence[int],
        dimensions: Sequence[Sequence[Dimension]],
        words: Sequence[int],
        targets: Sequence[Sequence[int]],
    ) -> dict[str, Tensor]:
        vocabulary = self.base.vocabulary
        found: dict[str, Tensor] = {}
        for dimension in self.outputs:
            mine = [index for index, places in enumerate(dimensions) if dimension in places]
            read = torch.stack([states[i][words[i]] for i in mine]) if mine else states[0][:0]
            chosen = vocabulary[self._words[dimension]].to(read.device)
            logits = read.float() @ chosen.float().T
            found[f"{dimension}_levels"] = _spread(logits, [rows[i] for i in mine], count)
        told = [index for index, tokens in enumerate(targets) if tokens]
        losses, owners = states[0].new_zeros(0, dtype=torch.float32), []
        if told:
            read = torch.cat([states[i] for i in told])
            wanted = torch.tensor([token for i in told for token in targets[i]], device=read.device)
            every = (read @ vocabulary.to(read).T).float()
            losses = F.cross_entropy(every, wanted, reduction="none")
            owners = [rows[i] for i in told for _ in targets[i]]
        found["token_loss"] = _mean_by_row(losses, owners, count)
        return found

    def _anchored(self, found: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same values, each depending on every head: several processes wait for a gradient of each parameter."""
        if not (self.training and len(self.heads)):
            return found
        nothing = sum((p.sum() * 0 for p in self.heads.parameters()), torch.zeros(()))
        return {name: value + nothing.to(value.device) for name, value in found.items()}


def _spread(values: Tensor, rows: Sequence[int], count: int) -> Tensor:
    """[B, ...] with values [K, ...] in their rows, NaN elsewhere."""
    out = values.new_full((count, *values.shape[1:]), nan)
    return out.index_put((torch.tensor(rows, dtype=torch.long, device=values.device),), values)


def _mean_by_row(values: Tensor, owners: Sequence[int], count: int) -> Tensor:
    """[B] means of values [T]; NaN for a row that has none."""
    index = torch.tensor(owners, dtype=torch.long, device=values.device)
    sums = values.new_zeros(count).index_add(0, index, values)
    counts = values.new_zeros(count).index_add(0, index, torch.ones_like(values))
    return torch.where(counts > 0, sums / counts.clamp(min=1), nan)
