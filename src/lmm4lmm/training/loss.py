"""The loss of one causal pass with three outputs, targets that are missing masked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lmm4lmm.model.nano.heads import ScoreEstimate
from lmm4lmm.model.nano.network import Output
from lmm4lmm.training.lessons import Lesson

_UNIT = 15.0
"""Points of opinion score that count as one: about the standard deviation of EvalMi-50K's scores."""

_ANSWER_WEIGHT = 2.0
"""The hardest of the three, with the smallest loss."""


def lesson_loss(output: Output, lessons: Sequence[Lesson]) -> dict[str, Tensor]:
    """Mean losses by output name: Gaussian likelihood for scores, cross-entropy for answers."""
    device = output.perception.score.device
    losses = {
        "perception": _gaussian(
            output.perception, [x.perception for x in lessons], [x.weights[0] for x in lessons]
        )
    }
    if output.correspondence is not None:
        targets, weights = [x.correspondence for x in lessons], [x.weights[1] for x in lessons]
        losses["correspondence"] = _gaussian(output.correspondence, targets, weights)
    if output.answer is not None:
        known = [(i, x.answer, x.weights[2]) for i, x in enumerate(lessons) if x.answer is not None]
        rows = torch.tensor([i for i, _, _ in known], device=device)
        truth = torch.tensor([t for _, t, _ in known], device=device)
        weight = torch.tensor([w for _, _, w in known], device=device)
        each = F.binary_cross_entropy_with_logits(output.answer[rows].float(), truth, reduction="none")
        losses["answer"] = _ANSWER_WEIGHT * (each * weight).sum() / weight.sum().clamp_min(1e-6)
    return losses


def _gaussian(estimate: ScoreEstimate, targets: Sequence[float | None], weights: Sequence[float]) -> Tensor:
    device = estimate.score.device
    weight = torch.tensor(
        [0.0 if t is None else w for t, w in zip(targets, weights, strict=True)], device=device
    )
    truth = torch.tensor([0.0 if t is None else t for t in targets], device=device)
    std = estimate.std / _UNIT
    error = (estimate.score - truth) / _UNIT
    each = 0.5 * (error / std).square() + std.log() + 0.5 * error.square()
    return (each * weight).sum() / weight.sum().clamp_min(1e-6)
