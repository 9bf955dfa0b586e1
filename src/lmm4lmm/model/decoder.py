"""Running a Llama-like decoder over images with several texts each, and reading few of its states.

Transformers' own classes hold the structure and the weights; this is another order of the same arithmetic:

* What every text of an image shares (its *stem*: chat opening and image tokens) is computed once for all of them.
* Tokens of all sequences go through the linear layers as one packed matrix, so no padding is multiplied.
* Of the last layer only the states that somebody reads are computed; of the tokens before them it needs no more
  than keys and values.
* Layer by layer, stems and texts advance together, so keys and values of one layer at a time are in memory.

For inference only: much of it works in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.activations import SiLUActivation

_TOKENS_AT_ONCE = {"cpu": 512}
_SILU = (nn.SiLU, SiLUActivation)


@dataclass(frozen=True)
class Branch:
    """A text that follows a stem.

    Attributes:
        stem: index of the stem.
        states: [S, H] embeddings.
        at: indices into the text of the states to read, rising.
    """

    stem: int
    states: Tensor
    at: tuple[int, ...]


class PlainDecoder:
    """The decoder of Llama, Qwen2 and Qwen3 models.

    Args:
        language: transformers' model without its vocabulary head.
        compiled: fuse the element-wise steps with ``torch.compile``.
    """

    def __init__(self, language: nn.Module, *, compiled: bool = False) -> None:
        self.language: Any = language
        config: Any = language.config
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._head_dim = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        self._eps, self._scale = config.rms_norm_eps, self._head_dim**-0.5
        self._normed: Callable[..., Tensor] = _rms_norm
        self._turned: Callable[..., Tensor] = _rotated
        self._gated: Callable[..., Tensor] = _gated
        if compiled:
            self._normed = torch.compile(_rms_norm, dynamic=True)
            self._turned = torch.compile(_rotated, dynamic=True)
            self._gated = torch.compile(_gated, dynamic=True)

    @staticmethod
    def fits(language: nn.Module) -> bool:
        """Whether this order of arithmetic is known to be right for a model: by its class, not by its looks."""
        config: Any = language.config
        no_window = not getattr(config, "use_sliding_window", False)
        return type(language).__name__ in {"LlamaModel", "Qwen2Model", "Qwen3Model"} and no_window

    def read(self, stems: Sequence[Tensor], branches: Sequence[Branch]) -> list[Tensor]:
        """Normed last hidden states of each branch at its ``at``: [len(at), H] each.

        Args:
            stems: embeddings [P, H] of what comes first; P >= 1.
            branches: what follows; every one has at least one token.
        """
        layout = _Layout(stems, branches)
        states = torch.cat([*stems, *(branch.states for branch in branches)])
        cos, sin = self._rotary(states, layout.positions)
        layers = list(self.language.layers)
        for layer in layers[:-1]:
            states = self._layer(layer, states, cos, sin, layout)
        last = self._last(layers[-1], states, cos, sin, layout)
        normed = self._normed(last, self.language.norm.weight, self._eps)
        return list(torch.split(normed, [len(branch.at) for branch in branches]))

    def all_states(
        self, stems: Sequence[Tensor], branches: Sequence[Branch]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Normed last hidden states of every token: of the stems, then of the branches."""
        layout = _Layout(stems, branches)
        states = torch.cat([*stems, *(branch.states for branch in branches)])
        cos, sin = self._rotary(states, layout.positions)
        for layer in self.language.layers:
            states = self._layer(layer, states, cos, sin, layout)
        parts = torch.split(self._normed(states, self.language.norm.weight, self._eps), layout.lengths)
        return list(parts[: len(stems)]), list(parts[len(stems) :])

    def _rotary(self, states: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = self.language.rotary_emb(states[None], positions[None])
        return cos[0, :, None], sin[0, :, None]  # [T, 1, d]

    def _layer(self, layer: Any, states: Tensor, cos: Tensor, sin: Tensor, layout: _Layout) -> Tensor:
        attention = layer.self_attn
        normed = self._normed(states, layer.input_layernorm.weight, self._eps)
        q = self._turned(self._query(attention, normed), cos, sin)
        k, v = self._key_value(attention, normed, cos, sin)
        del normed
        stem_parts = [
            self._stem_attention(q[rows], k[rows], v[rows], count) for rows, count in layout.stem_runs
        ]
        text_part = self._text_attention(q[layout.texts], k, v, layout, layout.every_text)
        del q, k, v
        mixed = attention.o_proj(torch.cat([*stem_parts, text_part]))
        return self._after(layer, mixed.add_(states))

    def _last(self, layer: Any, states: Tensor, cos: Tensor, sin: Tensor, layout: _Layout) -> Tensor:
        """The last layer's states where somebody reads them: [number of reads, H]."""
        attention, at = layer.self_attn, layout.reads
        normed = self._normed(states, layer.input_layernorm.weight, self._eps)
        k, v = self._key_value(attention, normed, cos, sin)
        q = self._turned(self._query(attention, normed[at]), cos[at], sin[at])
        mixed = attention.o_proj(self._text_attention(q, k, v, layout, layout.read_texts))
        return self._after(layer, mixed.add_(states[at]))

    def _after(self, layer: Any, states: Tensor) -> Tensor:
        """The layer's second half, in place; on a processor in parts, whose inner states stay in its cache."""
        mlp, norm = layer.mlp, layer.post_attention_layernorm.weight
        for part in torch.split(states, _TOKENS_AT_ONCE.get(states.device.type, len(states))):
            normed = self._normed(part, norm, self._eps)
            part.add_(mlp.down_proj(self._gated(mlp.gate_proj(normed), mlp.up_proj(normed), mlp.act_fn)))
        return states

    def _query(self, attention: Any, normed: Tensor) -> Tensor:
        q = attention.q_proj(normed).view(-1, self._heads, self._head_dim)
        q = attention.q_norm(q) if hasattr(attention, "q_norm") else q
        assert isinstance(q, Tensor)
        return q

    def _key_value(self, attention: Any, normed: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        k = attention.k_proj(normed).view(-1, self._kv_heads, self._head_dim)
        k = attention.k_norm(k) if hasattr(attention, "k_norm") else k
        v = attention.v_proj(normed).view(-1, self._kv_heads, self._head_dim)
        return self._turned(k, cos, sin), v

    def _stem_attention(self, q: Tensor, k: Tensor, v: Tensor, count: int) -> Tensor:
        """Causal attention within each of ``count`` packed stems of equal length: [tokens, heads * d]."""
        q, k, v = (part.view(count, -1, *part.shape[1:]).transpose(1, 2) for part in (q, k, v))
        k, v = (self._widened(part) for part in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self._scale)
        return out.transpose(1, 2).flatten(2).flatten(0, 1)

    def _text_attention(self, q: Tensor, k: Tensor, v: Tensor, layout: _Layout, texts: _Texts) -> Tensor:
        """Attention of text tokens to their stem and to what stands before them: [tokens, heads * d]."""
        wide_q = q[texts.query_rows].transpose(1, 2)
        wide_k, wide_v = (self._widened(part[layout.key_rows].transpose(1, 2)) for part in (k, v))
        out = F.scaled_dot_product_attention(wide_q, wide_k, wide_v, attn_mask=texts.mask, scale=self._scale)
        return out.transpose(1, 2).flatten(2)[texts.is_query]

    def _widened(self, part: Tensor) -> Tensor:
        """Keys or values [B, kv heads, N, d] repeated for each head that shares them."""
        group = self._heads // self._kv_heads
        return part if group == 1 else part.repeat_interleave(group, dim=1)


@dataclass(frozen=True)
class _Texts:
    """Which text tokens ask, right-padded to [B, Q].

    Attributes:
        query_rows: [B, Q] rows of the packed queries; padding repeats row 0.
        is_query: [B, Q] bool, false for padding.
        mask: [B, 1, Q, K] bool, which keys each query may see.
    """

    query_rows: Tensor
    is_query: Tensor
    mask: Tensor


class _Layout:
    """Where everything stands in the packed matrix: stems one after the other, then texts.

    Attributes:
        lengths: of the stems, then of the texts.
        positions: [T] of each token in its sequence.
        stem_runs: slices of neighbouring stems of equal length, with their number.
        texts: slice of all text tokens.
        reads: [R] rows of the states to read.
        key_rows: [B, K] rows of the keys of each text: its stem's, then its own; padding repeats row 0.
        every_text, read_texts: the queries of all layers but the last, and of the last.
    """

    def __init__(self, stems: Sequence[Tensor], branches: Sequence[Branch]) -> None:
        device = stems[0].device
        stem_lengths = [len(stem) for stem in stems]
        text_lengths = [len(branch.states) for branch in branches]
        self.lengths = [*stem_lengths, *text_lengths]
        starts = [0]
        for length in self.lengths:
            starts.append(starts[-1] + length)
        text_starts = starts[len(stems) :]
        self.positions = torch.cat(
            [torch.arange(length) for length in stem_lengths]
            + [
                torch.arange(length) + stem_lengths[branch.stem]
                for branch, length in zip(branches, text_lengths, strict=True)
            ]
        ).to(device)
        self.stem_runs = list(_runs(stem_lengths))
        self.texts = slice(text_starts[0], starts[-1])
        reads = [
            start + place for branch, start in zip(branches, text_starts, strict=False) for place in branch.at
        ]
        self.reads = torch.tensor(reads, device=device)
        keys = [
            [*range(starts[branch.stem], starts[branch.stem + 1]), *range(first, last)]
            for branch, (first, last) in zip(branches, pairwise(text_starts), strict=True)
        ]
        self.key_rows = _padded(keys).to(device)
        before = [stem_lengths[branch.stem] for branch in branches]
        all_places = [list(range(length)) for length in text_lengths]
        most = self.key_rows.shape[1]
        self.every_text = _texts(all_places, before, most, device)
        self.read_texts = _texts([list(branch.at) for branch in branches], before, most, device)


def _texts(places: list[list[int]], before: list[int], most: int, device: torch.device) -> _Texts:
    numbered, count = [], 0
    for one in places:
        numbered.append(list(range(count, count + len(one))))
        count += len(one)
    is_query = _padded([[1] * len(one) for one in places]).bool()
    seen = _padded(places) + torch.tensor(before)[:, None]  # the last key that a query sees
    mask = torch.arange(most) <= seen[..., None]
    return _Texts(_padded(numbered).to(device), is_query.to(device), mask[:, None].to(device))


def _padded(rows: list[list[int]]) -> Tensor:
    longest = max(len(row) for row in rows)
    out = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        out[index, : len(row)] = torch.tensor(row, dtype=torch.long)
    return out


def _runs(lengths: Sequence[int]) -> list[tuple[slice, int]]:
    """Slices over neighbours of equal length."""
    found: list[tuple[slice, int]] = []
    start = index = 0
    while index < len(lengths):
        end = index
        while end < len(lengths) and lengths[end] == lengths[index]:
            end += 1
        stop = start + (end - index) * lengths[index]
        found.append((slice(start, stop), end - index))
        start, index = stop, end
    return found


def _rms_norm(states: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Root-mean-square norm, in float32 inside, as transformers' RMSNorm; two passes over memory instead of five."""
    wide = states.float()
    length = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    scale = (length * length / wide.shape[-1] + eps).rsqrt()
    out: Tensor = (wide * scale).to(states.dtype)
    return out.mul_(weight)


def _rotated(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [T, heads, d] by cos and sin [T, 1, d] (Su et al. 2021, arXiv 2104.09864)."""
    half = states.shape[-1] // 2
    out = states * cos
    out[..., :half].addcmul_(states[..., half:], sin[..., :half], value=-1)
    out[..., half:].addcmul_(states[..., :half], sin[..., half:])
    return out


def _gated(gate: Tensor, up: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    out: Tensor = F.silu(gate, inplace=True) if isinstance(activation, _SILU) else activation(gate)
    return out.mul_(up)
