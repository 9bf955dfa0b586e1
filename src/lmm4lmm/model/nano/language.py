"""A Llama in two parts: the lower layers read texts alone, the upper ones read texts and image together.

Where the image enters at layer 6, its tokens meet words that already mean something: class names and prompts
compare far better there than as bare word embeddings (on DrawBench, AUC .80 against .71 for right and swapped
prompts, untrained).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ENTRY = 6
"""Layers below the image's entry."""
START = 1
"""Token id that opens every sequence; it also soaks up attention that goes nowhere."""


def lower(language: nn.Module, ids: Tensor) -> Tensor:
    """Hidden states [B, N, H] of token ids [B, N] after the first six layers; causal, padded at the right."""
    embedded: Tensor = language.get_input_embeddings()(ids)  # type: ignore[operator]
    return _layers(language, embedded, 0, ENTRY)


def upper(language: nn.Module, states: Tensor) -> Tensor:
    """Normed last hidden states [B, N, H] of states [B, N, H] that enter at the seventh layer."""
    normed: Tensor = language.norm(_layers(language, states, ENTRY, None))  # type: ignore[operator]
    return normed


def _layers(language: nn.Module, states: Tensor, first: int, last: int | None) -> Tensor:
    positions = torch.arange(states.shape[1], device=states.device)[None]
    rotary = language.rotary_emb(states, positions)  # type: ignore[operator]
    for layer in list(language.layers)[first:last]:  # type: ignore[arg-type]
        # no mask: sdpa is then causal by itself
        found = layer(states, attention_mask=None, position_ids=positions, position_embeddings=rotary)
        states = found[0] if isinstance(found, tuple) else found
    return states
