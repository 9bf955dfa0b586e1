"""Score heads as training begins with them: near the middle of the scale, and with room to move."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from lmm4lmm.model.score_head import ReluHead, ScoreHead, head_of
from lmm4lmm.training.recipes import Head

WIDTHS = (1024, 256, 64, 16, 1)
"""Of the released head's layers, after the state's own width."""

_MIDDLE, _CALM, _HIDDEN = 50.0, 0.1, 256


def fresh_head(kind: Head, width: int, draw: torch.Generator) -> ScoreHead:
    """A head for states of a width, in float32, trainable.

    Args:
        kind: ``relu`` as released, or ``gaussian``.
        draw: decides the values.
    """
    tensors = _relu(width, draw) if kind == "relu" else _gaussian(width, draw)
    head = head_of(tensors)
    head.requires_grad_(True)
    return head


def named_tensors(head: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """A head's parameters by the names that ``head_of`` knows."""
    if isinstance(head, ReluHead):
        for number, layer in enumerate(head.layers, start=1):
            yield from ((f"fc{number}.{leaf}", value) for leaf, value in layer.named_parameters())
    else:
        yield from head.named_parameters()


def _relu(width: int, draw: torch.Generator) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for number, (inputs, outputs) in enumerate(pairwise((width, *WIDTHS)), start=1):
        found[f"fc{number}.weight"] = torch.randn(outputs, inputs, generator=draw) * math.sqrt(2 / inputs)
        found[f"fc{number}.bias"] = torch.zeros(outputs)
    # The last layer has a ReLU too: it must not start where that is flat.
    found[f"fc{len(WIDTHS)}.weight"] *= _CALM
    found[f"fc{len(WIDTHS)}.bias"] += _MIDDLE
    return found


def _gaussian(width: int, draw: torch.Generator) -> dict[str, Tensor]:
    return {
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
        "hidden.weight": torch.randn(_HIDDEN, width, generator=draw) / math.sqrt(width),
        "hidden.bias": torch.zeros(_HIDDEN),
        "out.weight": torch.randn(2, _HIDDEN, generator=draw) * (_CALM / math.sqrt(_HIDDEN)),
        "out.bias": torch.zeros(2),
    }
