"""From what was seen and read to a score on the MOS scale with its uncertainty."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

_LEAST_STD = 1.0


class ScoreEstimate(NamedTuple):
    """Scores and standard deviations, both on the 0 to 100 scale, [B] each."""

    score: Tensor
    std: Tensor


class Head(nn.Module):
    """Two linear layers with a GELU between, behind a norm.

    Args:
        features: numbers read.
        outputs: numbers given.
    """

    def __init__(self, features: int, outputs: int, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(features),
            nn.Linear(features, width),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(width, outputs),
        )

    @property
    def last(self) -> nn.Linear:
        """The layer that gives the numbers."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, features: Tensor) -> Tensor:
        """[B, outputs] of features [B, F]."""
        out: Tensor = self.layers(features.float())
        return out


def as_estimate(raw: Tensor) -> ScoreEstimate:
    """Mean and deviation from two raw numbers [B, 2].

    The mean goes through a sigmoid: a score can't leave 0 to 100, and no clipping flattens the ends.
    """
    raw = raw.float()
    return ScoreEstimate(100 * raw[:, 0].sigmoid(), _LEAST_STD + 20 * F.softplus(raw[:, 1]))
