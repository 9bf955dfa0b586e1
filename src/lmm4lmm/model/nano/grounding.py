"""Which words of a text are seen in the image: late interaction between words and the image's classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 3
"""Evidence of a span by its best words: in the whole image, in the best cell and in the mean cell."""
_WIDTH = 160
"""Dimensions that words and names are compared in."""


class Grounding(nn.Module):
    """Compares each word with each class name, and weighs that with how probable the classes are in the image.

    Words and names are hidden states of the same layer, standardised, through one learned map that starts as the
    directions in which the names differ most. A comparison counts relative to how the word compares with all classes
    (a z-score), so that common words carry no evidence. After ColBERT's late interaction (Khattab and Zaharia 2020,
    arXiv 2004.12832).
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(hidden))
        self.register_buffer("scale", torch.ones(hidden))
        self.map = nn.Linear(hidden, min(_WIDTH, hidden), bias=False)

    @torch.no_grad()
    def start_from(self, classes: Tensor) -> None:
        """Sets the map to the directions in which the class names [1000, H] differ most."""
        states = self.standardised(classes)
        _, _, directions = torch.linalg.svd(states - states.mean(0), full_matrices=False)
        self.map.weight.copy_(directions[: len(self.map.weight)])

    def forward(self, words: Tensor, classes: Tensor, probabilities: Tensor, spans: Tensor) -> Tensor:
        """Evidence of spans.

        Args:
            words: [B, L, H] hidden states.
            classes: [1000, H] hidden states of the class names.
            probabilities: [B, C, 1000] of the whole image (first) and its cells.
            spans: [S, B, L] bool: which words belong to a span; a span may be empty.

        Returns:
            [S, B, 3], zero where a span is empty.
        """
        likeness = self._project(words) @ self._project(classes).T
        return torch.stack([self._span(likeness, probabilities, span) for span in spans])

    def _span(self, likeness: Tensor, probabilities: Tensor, span: Tensor) -> Tensor:
        best = likeness.masked_fill(~span[..., None], -2.0).amax(1)
        seen = (probabilities @ _standard(best)[..., None])[..., 0]
        features = torch.stack([seen[:, 0], seen[:, 1:].amax(1), seen[:, 1:].mean(1)], 1)
        return torch.where(span.any(1, keepdim=True), features, torch.zeros_like(features))

    def standardised(self, states: Tensor) -> Tensor:
        """States relative to those of all class names."""
        return (states.float() - self.mean) / self.scale

    def _project(self, states: Tensor) -> Tensor:
        return F.normalize(self.map(self.standardised(states)), dim=-1)


def _standard(likeness: Tensor) -> Tensor:
    """Relative to all classes: mean 0, deviation 1 along the last axis."""
    return (likeness - likeness.mean(-1, keepdim=True)) / (likeness.std(-1, keepdim=True) + 1e-4)
