"""From the hidden state at a query position to a score."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmm4lmm.core.errors import WeightsError

_LAYER = re.compile(r"fc(\d+)\.(weight|bias)")
_LEAST_STD, _STD_UNIT = 1.0, 20.0


class HeadEstimate(NamedTuple):
    """Scores [K] on the 0 to 100 scale, and their standard deviations [K] where the head gives any."""

    score: Tensor
    std: Tensor | None


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

    def estimate(self, states: Tensor) -> HeadEstimate:
        """The scores; this head says nothing of how sure it is."""
        return HeadEstimate(self(states), None)


class GaussianHead(nn.Module):
    """A norm, two linear layers with GELU between them, and two numbers: a mean and a standard deviation.

    The mean goes through a sigmoid: a score can't leave 0 to 100, and no clipping flattens the ends.

    Args:
        tensors: ``norm.weight`` [H], ``norm.bias`` [H], ``hidden.weight`` [W, H], ``hidden.bias`` [W],
            ``out.weight`` [2, W], ``out.bias`` [2].

    Raises:
        WeightsError: a tensor is missing, has another name, or does not fit the others.
    """

    NAMES = ("norm.weight", "norm.bias", "hidden.weight", "hidden.bias", "out.weight", "out.bias")

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        if odd := sorted(set(self.NAMES) ^ tensors.keys()):
            raise WeightsError(f"the score head has other tensors than expected: {', '.join(odd[:3])}")
        shape = tensors["hidden.weight"].shape
        width, hidden = (shape[0], shape[1]) if len(shape) == 2 else (0, 0)
        expected = [(hidden,), (hidden,), (width, hidden), (width,), (2, width), (2,)]
        for name, size in zip(self.NAMES, expected, strict=True):
            if tuple(tensors[name].shape) != size:
                found = list(tensors[name].shape)
                raise WeightsError(f"{name} of the score head is {found}; it must be {list(size)}")
        self.norm = nn.LayerNorm(hidden, device="meta")
        self.hidden = nn.Linear(hidden, width, device="meta")
        self.out = nn.Linear(width, 2, device="meta")
        for name in self.NAMES:
            layer, _, leaf = name.partition(".")
            setattr(self.get_submodule(layer), leaf, nn.Parameter(tensors[name], False))

    def forward(self, states: Tensor) -> Tensor:
        """Scores [K] on the MOS scale of normed last hidden states [K, H]."""
        return self.estimate(states).score

    def estimate(self, states: Tensor) -> HeadEstimate:
        """Scores and standard deviations, at least one point."""
        raw = self.out(F.gelu(self.hidden(self.norm(states))))
        return HeadEstimate(100 * raw[:, 0].sigmoid(), _LEAST_STD + _STD_UNIT * F.softplus(raw[:, 1]))


ScoreHead: TypeAlias = ReluHead | GaussianHead


def head_of(tensors: Mapping[str, Tensor]) -> ScoreHead:
    """The head that these tensors are of, by their names.

    Raises:
        WeightsError: they are of none.
    """
    return GaussianHead(tensors) if "norm.weight" in tensors else ReluHead(tensors)


def is_constant(head: nn.Module, width: int) -> bool:
    """Whether a head gives the same number whatever it reads: training collapsed, or its weights are lost."""
    weight = next(head.parameters())
    probes = torch.randn(64, width, generator=torch.Generator().manual_seed(0)) * 3
    scores = head(probes.to(weight)).float()
    return bool((scores.max() - scores.min()) < 1e-6)
