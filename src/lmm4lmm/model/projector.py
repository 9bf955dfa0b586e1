"""From what the eye sees to tokens that the language model reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmm4lmm.model.vision import CELL_WIDTH, STATISTICS_WIDTH

CLASSES = 1000
DETAIL_TOKENS = 5


class Projector(nn.Module):
    """Image tokens: one for the whole image, one a grid cell, five for how cleanly it is drawn.

    A content token is the mixture of the class names' own word embeddings, weighted by the class probabilities
    (that alone tells a right prompt from a wrong one, untrained), plus a learned linear map of the cell features.
    Detail tokens come from channel statistics of two views through a narrow waist.

    Args:
        hidden: width H of the language model.
        views: how many views the statistics are of.
        waist: width of the bottleneck of the detail tokens.
    """

    def __init__(self, hidden: int, views: int = 2, waist: int = 128) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.zeros(CLASSES, hidden))
        self.content_norm = nn.LayerNorm(CELL_WIDTH)
        self.content = nn.Linear(CELL_WIDTH, hidden)
        self.detail_norm = nn.LayerNorm(views * STATISTICS_WIDTH)
        self.detail = nn.Sequential(
            nn.Linear(views * STATISTICS_WIDTH, waist), nn.GELU(), nn.Linear(waist, DETAIL_TOKENS * hidden)
        )
        nn.init.zeros_(self.content.weight)
        nn.init.zeros_(self.content.bias)
        self.hidden = hidden

    def forward(self, cells: Tensor, probabilities: Tensor, statistics: Tensor) -> Tensor:
        """Tokens [B, C + 5, H] of cell features [B, C, 1280], class probabilities [B, C, 1000] of the same cells
        and statistics [B, views * 1024]. Cell 0 is by convention the mean of all cells: the whole image.
        """
        content = probabilities @ self.class_embedding + self.content(self.content_norm(cells))
        detail = self.detail(self.detail_norm(_compress(statistics)))
        return torch.cat([content, detail.unflatten(1, (DETAIL_TOKENS, self.hidden))], 1)


def _compress(statistics: Tensor) -> Tensor:
    """Signed logarithm: channel deviations span three orders of magnitude."""
    return statistics.sign() * statistics.abs().log1p()
