"""From the hidden state at a query position to a score."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmm4lmm.core.errors import WeightsError

_LAYER = re.compile(r"fc(\d+)\.(weight|bias)")


class ReluHead(nn.Module):
    """The released score head: linear layers, each followed by ReLU, the last one too, so no score is below 0.

    Widths come from the tensors (4096-1024-256-64-16-1 in the release).

    Args:
        tensors: ``fc1.weight`` [out, in], ``fc1.bias`` [out], ``fc2.weight`` and so on.

    Raises:
        WeightsError: a layer is missing, has another name, or does not fit the one before.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        if odd := sorted(name for name in tensors if not _LAYER.fullmatch(name)):
            raise WeightsError(f"the score head has tensors of no known use: {', '.join(odd[:3])}")
        depth = len({name.partition(".")[0] for name in tensors})
        layers: list[nn.Linear] = []
        for number in range(1, depth + 1):
            try:
                weight, bias = tensors[f"fc{number}.weight"], tensors[f"fc{number}.bias"]
            except KeyError as error:
                raise WeightsError(f"the score head has {depth} layers but no {error}") from error
            if layers and layers[-1].out_features != weight.shape[1]:
                raise WeightsError(f"fc{number} of the score head does not fit the layer before it")
            layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
            layer.weight, layer.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
            layers.append(layer)
        if not layers or layers[-1].out_features != 1:
            raise WeightsError("the score head does not end in one number")
        self.layers = nn.ModuleList(layers)

    def forward(self, states: Tensor) -> Tensor:
        """Scores [K] on the MOS scale of normed last hidden states [K, H]."""
        for layer in self.layers:
            states = F.relu(layer(states))
        return states[:, 0]


def is_constant(head: nn.Module, width: int) -> bool:
    """Whether a head gives the same number whatever it reads: training collapsed, or its weights are lost."""
    weight = next(head.parameters())
    probes = torch.randn(64, width, generator=torch.Generator().manual_seed(0)) * 3
    scores = head(probes.to(weight)).float()
    return bool((scores.max() - scores.min()) < 1e-6)
