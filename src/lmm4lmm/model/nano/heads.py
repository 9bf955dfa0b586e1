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


class MixedHead(nn.Module):
    """The sum of two small networks: one reads the language model's state, one reads features beside it.

    The first starts at zero, so that training can begin with the features alone.

    Args:
        hidden: width of the state.
        features: number of features.
        outputs: numbers given.
    """

    def __init__(self, hidden: int, features: int, outputs: int, width: int = 64) -> None:
        super().__init__()
        self.state = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, width), nn.GELU(), nn.Linear(width, outputs)
        )
        self.beside = nn.Sequential(nn.Linear(features, width), nn.GELU(), nn.Linear(width, outputs))
        nn.init.zeros_(self.state[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.state[-1].bias)  # type: ignore[arg-type]

    def forward(self, state: Tensor | None, features: Tensor) -> Tensor:
        """[B, outputs] of states [B, H] (None leaves them out) and features [B, F]."""
        out: Tensor = self.beside(features.float())
        return out if state is None else out + self.state(state.float())


def as_estimate(raw: Tensor) -> ScoreEstimate:
    """Mean and deviation from two raw numbers [B, 2].

    The mean goes through a sigmoid: a score can't leave 0 to 100, and no clipping flattens the ends.
    """
    raw = raw.float()
    return ScoreEstimate(100 * raw[:, 0].sigmoid(), _LEAST_STD + 20 * F.softplus(raw[:, 1]))
