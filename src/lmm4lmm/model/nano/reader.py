"""Reads a text, and compares what it says with the image: as a whole, and place by place."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmm4lmm.model.nano.scene import WIDTH, Scene

_HEADS = 8
_HIDDEN = 512
_FEW = 8.0
"""Places that count as one: about an object's."""
_MOST = 6.0
FOUND = 5 * WIDTH + 2 * _HEADS
"""Width of what a look finds."""


class Read(NamedTuple):
    """What was found for the prompt alone, and for the question with the prompt: [R, FOUND] each."""

    prompt: Tensor
    question: Tensor


class Reader(nn.Module):
    """One vector a text; products of it with the image say what fits.

    A product needs no layer of its own to learn what it compares, which decoders with attention did a tenth as fast
    (docs/nano.md). The prompt is looked for before the question is read, so correspondence can't depend on it.

    Args:
        hidden: width H of the language model.
    """

    gist_mean: Tensor
    gist_scale: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.register_buffer("gist_mean", torch.zeros(4 * hidden))
        self.register_buffer("gist_scale", torch.ones(4 * hidden))
        self.gist = nn.Sequential(nn.Dropout(0.2), nn.Linear(4 * hidden, _HIDDEN), nn.GELU(), nn.Dropout(0.2))
        self.prompt, self.question = nn.Linear(_HIDDEN, WIDTH), nn.Linear(2 * _HIDDEN, WIDTH)
        self.key, self.value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.ask, self.gate = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.threshold = nn.Parameter(torch.ones(_HEADS))

    def forward(self, words: Tensor, spans: Tensor, scene: Scene, rows: Tensor | None = None) -> Read:
        """What was found for R texts.

        Args:
            words: [R, L, 2 H] standardised: embeddings and states of the prompt's words, the question's, padding.
            spans: [2, R, L] bool: which words are the prompt's, which the question's.
            scene: of the images.
            rows: [R] which image each text is about; None where they are one to one.
        """
        prompt, question = (self._gist(words, span) for span in spans)
        key, value = self.key(scene.memory), self.value(scene.memory)
        overview = scene.overview
        if rows is not None:
            key, value, overview = key[rows], value[rows], overview[rows]
        told = self.prompt(prompt), self.question(torch.cat([question, prompt], 1))
        return Read(*(self._look(one, overview, _heads(key), _heads(value)) for one in told))

    def _gist(self, words: Tensor, span: Tensor) -> Tensor:
        standard = (gists(words, span) - self.gist_mean) / self.gist_scale
        known = span.any(1, keepdim=True)
        found: Tensor = self.gist(standard.clamp(-_MOST, _MOST) * known)
        return found * known

    def _look(self, told: Tensor, overview: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[R, FOUND] of texts [R, D], overviews [R, D], keys and values [R, heads, M, d]."""
        query = self.ask(told).view(len(told), _HEADS, 1, -1)
        fit = (query @ key.transpose(-1, -2))[:, :, 0] * key.shape[-1] ** -0.5  # [R, heads, M]
        found = (fit.softmax(-1)[:, :, None] @ value).flatten(1)
        number = (fit - self.threshold[:, None]).sigmoid().sum(-1) / _FEW
        parts = [overview * told, overview, told, found, found * self.gate(told), fit.amax(-1), number]
        return torch.cat(parts, 1)


def gists(words: Tensor, span: Tensor) -> Tensor:
    """[R, 4 H] of words [R, L, 2 H]: mean and maximum of a span's embeddings, mean and last of its states."""
    hidden = words.shape[-1] // 2
    inside, number = span[..., None], span.sum(1, keepdim=True).clamp_min(1)
    mean = (words * inside).sum(1) / number
    most = words[..., :hidden].masked_fill(~inside, -_MOST).amax(1)
    place = torch.arange(span.shape[1], device=span.device)
    last = (place * span).amax(1)
    every = torch.arange(len(words), device=words.device)
    return torch.cat([mean[:, :hidden], most, mean[:, hidden:], words[every, last, hidden:]], 1)


def _heads(states: Tensor) -> Tensor:
    return states.view(*states.shape[:-1], _HEADS, -1).transpose(1, 2)
