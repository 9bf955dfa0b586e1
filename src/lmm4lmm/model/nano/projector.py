"""From what the eye sees to tokens that the language model reads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmm4lmm.model.nano.vision import CELL_WIDTH, STATISTICS_WIDTH

CLASSES = 1000
DETAIL_TOKENS = 5
_VIEWS = 2
_SEEN = _VIEWS * STATISTICS_WIDTH + CELL_WIDTH


class Projected(NamedTuple):
    """Tokens [B, C + 5, H], and the waist [B, waist] that the detail tokens came through."""

    tokens: Tensor
    waist: Tensor


class Projector(nn.Module):
    """Image tokens: one for the whole image, one a grid cell, five for how cleanly it is drawn.

    A content token is the mixture of the class names' own hidden states, weighted by the class probabilities, plus a
    learned linear map of the cell's features. Detail tokens come from channel statistics of two views through a
    narrow waist.

    Args:
        hidden: width H of the language model.
        waist: width of the bottleneck of the detail tokens.
    """

    class_states: Tensor
    seen_mean: Tensor
    seen_scale: Tensor

    def __init__(self, hidden: int, waist: int = 128) -> None:
        super().__init__()
        self.register_buffer("class_states", torch.zeros(CLASSES, hidden))
        self.register_buffer("seen_mean", torch.zeros(_SEEN))
        self.register_buffer("seen_scale", torch.ones(_SEEN))
        self.content_norm = nn.LayerNorm(CELL_WIDTH)
        self.content = nn.Linear(CELL_WIDTH, hidden)
        self.narrow = nn.Sequential(nn.Dropout(0.2), nn.Linear(_SEEN, waist), nn.GELU())
        self.detail = nn.Linear(waist, DETAIL_TOKENS * hidden)
        nn.init.zeros_(self.content.weight)
        nn.init.zeros_(self.content.bias)
        self.hidden = hidden

    def forward(self, cells: Tensor, probabilities: Tensor, statistics: Tensor) -> Projected:
        """Tokens of cell features [B, C, 1280], class probabilities [B, C, 1000] of the same cells and statistics
        [B, 2048]. Cell 0 is by convention the mean of all cells: the whole image.
        """
        content = probabilities @ self.class_states + self.content(self.content_norm(cells))
        waist = self.narrow((seen(cells[:, 0], statistics) - self.seen_mean) / self.seen_scale)
        detail = self.detail(waist).unflatten(1, (DETAIL_TOKENS, self.hidden))
        return Projected(torch.cat([content, detail], 1), waist)


def seen(whole: Tensor, statistics: Tensor) -> Tensor:
    """What the waist reads, before it is standardised: [B, 3328]. Channel deviations span three orders of
    magnitude, so a signed logarithm is taken.
    """
    return torch.cat([statistics.sign() * statistics.abs().log1p(), whole], 1)
