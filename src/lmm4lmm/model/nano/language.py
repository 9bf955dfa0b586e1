"""The lower layers of a Llama: what words mean in their context.

Class names and prompts compare far better after six layers than as bare word embeddings (on DrawBench, AUC .80
against .71 for right and swapped prompts, untrained). The layers above added nothing that could be measured
(docs/nano.md).

The weights are transformers' Llama's, put together for many short texts: their tokens stand in one row without
padding, so that products work on words alone; queries, keys and values come from one product, and what can be done
as a product is written down (SiLU, gate, residual) is done there. On two cores x 1.5 of transformers' own layers
(benchmarks/nano.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmm4lmm.model.packed import linear_plus, linear_silu, linear_times

LAYERS = 6
"""Layers kept."""
START = 1
"""Token id that opens every sequence; it also soaks up attention that goes nowhere."""


class _Rows(NamedTuple):
    """Where the T tokens of B texts, one text behind the other, stand in a table of B rows of N places.

    Attributes:
        out: [B N] the token for each place; behind a text's end those that follow, which causal attention can't see.
        back: [T] the place of each token.
        turns: [T, 1, head / 2] complex: rotary position.
        shape: B, N.
    """

    out: Tensor
    back: Tensor
    turns: Tensor
    shape: tuple[int, int]


class LowerLlama(nn.Module):
    """The first layers of a Llama, without the norm behind the last: words in context.

    Args:
        language: transformers' ``LlamaModel``; its tensors are shared or copied, and it isn't needed any more.
        layers: how many of its layers.
    """

    frequencies: Tensor

    def __init__(self, language: Any, layers: int = LAYERS) -> None:
        super().__init__()
        self.config = language.config
        self.words: nn.Embedding = language.get_input_embeddings()
        self.layers = nn.ModuleList(_Layer(one, self.config) for one in list(language.layers)[:layers])
        self.register_buffer("frequencies", language.rotary_emb.inv_freq.detach().float(), persistent=False)

    @torch.no_grad()
    def encoded(self, texts: Sequence[Sequence[int]]) -> list[Tensor]:
        """Embeddings and hidden states [len(text), 2 H] of token ids, each text alone behind the start.

        Equal texts are read once.
        """
        unique = list(dict.fromkeys(tuple(text) for text in texts if text))
        nothing = torch.zeros(0, 2 * self.config.hidden_size, device=self.frequencies.device)
        if not unique:
            return [nothing for _ in texts]
        lengths = [1 + len(text) for text in unique]
        states = self([token for text in unique for token in (START, *text)], lengths)
        found = dict(zip(unique, states.split(lengths), strict=True))
        return [found[tuple(text)][1:] if text else nothing for text in texts]

    def forward(self, tokens: Sequence[int], lengths: Sequence[int]) -> Tensor:
        """Embeddings and hidden states [T, 2 H] of T tokens of texts of some lengths, one behind the other."""
        rows = self._rows(lengths)
        embedded: Tensor = self.words(torch.tensor(tokens, device=self.frequencies.device))
        states = embedded
        for layer in self.layers:
            states = layer(states, rows)
        return torch.cat([embedded, states], 1)

    def _rows(self, lengths: Sequence[int]) -> _Rows:
        device = self.frequencies.device
        count, longest, total = len(lengths), max(lengths), sum(lengths)
        sizes = torch.tensor(lengths, device=device)
        starts = sizes.cumsum(0) - sizes
        places = torch.arange(total, device=device) - starts.repeat_interleave(sizes)
        out = (starts[:, None] + torch.arange(longest, device=device)).clamp(max=total - 1)
        back = torch.arange(count, device=device).repeat_interleave(sizes) * longest + places
        angles = (places[:, None] * self.frequencies)[:, None]
        return _Rows(out.flatten(), back, torch.polar(torch.ones_like(angles), angles), (count, longest))


class _Layer(nn.Module):
    """One layer: attention and gated unit, each behind a root-mean-square norm whose weights the products hold."""

    def __init__(self, layer: Any, config: Any) -> None:
        super().__init__()
        attention, unit = layer.self_attn, layer.mlp
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.width = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps = config.rms_norm_eps
        before = layer.input_layernorm.weight.detach()
        behind = layer.post_attention_layernorm.weight.detach()
        turned = [
            _in_pairs(part.weight.detach(), self.width) for part in (attention.q_proj, attention.k_proj)
        ]
        self.attend = _linear(torch.cat([*turned, attention.v_proj.weight.detach()]) * before)
        self.attended = _linear(attention.o_proj.weight.detach())
        self.gate = _linear(unit.gate_proj.weight.detach() * behind)
        self.up = _linear(unit.up_proj.weight.detach() * behind)
        self.down = _linear(unit.down_proj.weight.detach())

    def forward(self, states: Tensor, rows: _Rows) -> Tensor:
        """[T, H] of states [T, H]."""
        states = linear_plus(self.attended, self._attention(self._normed(states), rows), states)
        normed = self._normed(states)
        return linear_plus(self.down, linear_times(self.up, normed, linear_silu(self.gate, normed)), states)

    def _attention(self, normed: Tensor, rows: _Rows) -> Tensor:
        heads = self.attend(normed).unflatten(1, (-1, self.width))
        turning, values = heads.split([self.heads + self.groups, self.groups], 1)
        pairs = torch.view_as_complex(turning.float().unflatten(2, (-1, 2)))
        turned = torch.view_as_real(pairs * rows.turns).flatten(2).to(values.dtype)
        table = [part.index_select(0, rows.out).unflatten(0, rows.shape) for part in (turned, values)]
        query, key = table[0].transpose(1, 2).split([self.heads, self.groups], 1)
        value = table[1].transpose(1, 2)
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        return found.transpose(1, 2).flatten(2).flatten(0, 1).index_select(0, rows.back)

    def _normed(self, states: Tensor) -> Tensor:
        squares = torch.linalg.vector_norm(states, dim=1, keepdim=True, dtype=torch.float32).square()
        normed: Tensor = states * (squares / states.shape[1] + self.eps).rsqrt().to(states.dtype)
        return normed


def _in_pairs(weight: Tensor, width: int) -> Tensor:
    """Rows such that the two numbers that rotary position turns together stand side by side: transformers has them
    half a head apart. Queries and keys change alike, so their products don't.
    """
    halves = weight.view(-1, 2, width // 2, weight.shape[1])
    return halves.transpose(1, 2).reshape(weight.shape)


def _linear(weight: Tensor) -> nn.Linear:
    """A layer with this weight and no bias."""
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs, bias=False, device="meta")
    layer.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    return layer
