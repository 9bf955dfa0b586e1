"""The lower layers of a Llama: what words mean in their context.

Class names and prompts compare far better after six layers than as bare word embeddings (on DrawBench, AUC .80
against .71 for right and swapped prompts, untrained). The layers above added nothing that could be measured
(docs/nano.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LAYERS = 6
"""Layers kept."""
START = 1
"""Token id that opens every sequence; it also soaks up attention that goes nowhere."""


@torch.no_grad()
def encoded(language: nn.Module, texts: Sequence[Sequence[int]], device: torch.device) -> list[Tensor]:
    """Embeddings and hidden states [len(text), 2 H] of token ids, each text alone behind the start.

    Equal texts are read once; texts share a matrix, padded at the right, where causal attention can't look.
    """
    unique = list(dict.fromkeys(tuple(text) for text in texts if text))
    found: dict[tuple[int, ...], Tensor] = {}
    if unique:
        longest = 1 + max(map(len, unique))
        ids = torch.full((len(unique), longest), START)
        for row, text in enumerate(unique):
            ids[row, 1 : 1 + len(text)] = torch.tensor(text, dtype=torch.long)
        states = _lower(language, ids.to(device))
        found = {text: states[row, 1 : 1 + len(text)] for row, text in enumerate(unique)}
    width: int = language.config.hidden_size  # type: ignore[union-attr, assignment]
    nothing = torch.zeros(0, 2 * width, device=device)
    return [found.get(tuple(text), nothing) for text in texts]


def _lower(language: nn.Module, ids: Tensor) -> Tensor:
    """Embeddings and hidden states [B, N, 2 H] of token ids [B, N]."""
    embedded: Tensor = language.get_input_embeddings()(ids)  # type: ignore[operator]
    states = embedded
    positions = torch.arange(ids.shape[1], device=ids.device)[None]
    rotary = language.rotary_emb(states, positions)  # type: ignore[operator]
    for layer in list(language.layers)[:LAYERS]:  # type: ignore[arg-type]
        # no mask: sdpa is then causal by itself
        found = layer(states, attention_mask=None, position_ids=positions, position_embeddings=rotary)
        states = found[0] if isinstance(found, tuple) else found
    return torch.cat([embedded, states], -1)
