"""From a hidden state to a score on the MOS scale with its uncertainty."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

_LEAST_STD = 1.0


class ScoreEstimate(NamedTuple):
    """Scores and standard deviations, both on the 0 to 100 scale, [B] each."""

    score: Tensor
    std: Tensor


class GaussianHead(nn.Module):
    """A small MLP that gives mean and standard deviation.

    The mean goes through a sigmoid, so that a score can't leave 0 to 100 and no clipping flattens the ends.
    """

    def __init__(self, hidden: int, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, width), nn.GELU(), nn.Linear(width, 2)
        )

    def forward(self, state: Tensor) -> ScoreEstimate:
        """Estimates for hidden states [B, H]."""
        raw = self.layers(state.float()).float()
        return ScoreEstimate(100 * raw[:, 0].sigmoid(), _LEAST_STD + 20 * F.softplus(raw[:, 1]))
