"""Names of the released layout to names of transformers' InternVL and Llama classes.

The released checkpoints hold an InternViT, a projector ``mlp1``, an InternLM2 and a score head ``mlpscore``, each
linear layer of the two towers wrapped by PEFT. Three things need more than another name: InternViT's ``qkv`` is
three layers one under the other, InternLM2's ``wqkv`` is grouped by key/value head as [q x group, k, v], and an
adapter of such a fused layer becomes three that share their ``A``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.checkpoint import VOCABULARY

if TYPE_CHECKING:
    from transformers import InternVLConfig

HEAD = "head."
"""Our prefix of the score head's tensors."""

_TOP = {
    "vision_model.embeddings.class_embedding": "vision_tower.embeddings.cls_token",
    "vision_model.embeddings.patch_embedding": "vision_tower.embeddings.patch_embeddings.projection",
    "vision_model.embeddings.position_embedding": "vision_tower.embeddings.position_embeddings",
    "mlp1.0": "multi_modal_projector.layer_norm",
    "mlp1.1": "multi_modal_projector.linear_1",
    "mlp1.3": "multi_modal_projector.linear_2",
    "language_model.model.tok_embeddings": "language_model.embed_tokens",
    "language_model.model.norm": "language_model.norm",
    "language_model.output": VOCABULARY.removesuffix(".weight"),
}
_LAYERS = {
    "vision_model.encoder": (
        "vision_tower.encoder.layer",
        {
            "attn.qkv": "attention.qkv",
            "attn.proj": "attention.projection_layer",
            "attn.q_norm": "attention.q_norm",
            "attn.k_norm": "attention.k_norm",
            "mlp.fc1": "mlp.fc1",
            "mlp.fc2": "mlp.fc2",
            "ls1": "lambda_1",
            "ls2": "lambda_2",
            "norm1": "layernorm_before",
            "norm2": "layernorm_after",
        },
    ),
    "language_model.model": (
        "language_model.layers",
        {
            "attention.wqkv": "self_attn.qkv",
            "attention.wo": "self_attn.o_proj",
            "feed_forward.w1": "mlp.gate_proj",
            "feed_forward.w3": "mlp.up_proj",
            "feed_forward.w2": "mlp.down_proj",
            "attention_norm": "input_layernorm",
            "ffn_norm": "post_attention_layernorm",
        },
    ),
}
_IN_LAYER = re.compile(
    r"(vision_model\.encoder|language_model\.model)\.layers\.(\d+)\.(.+?)(\.weight|\.bias)?"
)
_OUTSIDE = re.compile(r"(.+?)(\.weight|\.bias)?")
_HEAD = re.compile(r"mlpscore\.(.+)")
_LORA = re.compile(r"(.+)\.lora_([AB])(?:\.[^.]+)?\.weight")
_IGNORED = re.compile(r".*rotary_emb\.(inv_freq|cos_cached|sin_cached)")


class Released(NamedTuple):
    """What a released tensor is.

    Attributes:
        layer: our name of the tensor; for an adapter, of the linear layer that it adapts.
        lora: "A" or "B" where it belongs to an adapter.
    """

    layer: str
    lora: str | None


def released(name: str) -> Released | None:
    """Reads a released tensor's name; None for buffers that a model computes itself.

    Raises:
        WeightsError: it is none that the layout has.
    """
    plain = name.replace(".base_model.model.", ".").replace(".base_layer.", ".")
    if _IGNORED.fullmatch(plain):
        return None
    if adapter := _LORA.fullmatch(plain):
        layer, which = adapter.groups()
        return Released(_renamed(f"{layer}.weight", name).removesuffix(".weight"), which)
    return Released(_renamed(plain, name), None)


def _renamed(plain: str, name: str) -> str:
    if head := _HEAD.fullmatch(plain):
        return HEAD + head[1]
    if inside := _IN_LAYER.fullmatch(plain):
        prefix, parts = _LAYERS[inside[1]]
        if inside[3] in parts:
            return f"{prefix}.{inside[2]}.{parts[inside[3]]}{inside[4] or ''}"
    elif (outside := _OUTSIDE.fullmatch(plain)) and outside[1] in _TOP:
        return f"{_TOP[outside[1]]}{outside[2] or ''}"
    raise WeightsError(f"'{name}' is no tensor of a released LMM4LMM checkpoint")


def unfused(name: str, rows: Tensor, config: InternVLConfig) -> Mapping[str, Tensor]:
    """A tensor by our name(s): those of a fused layer, whose first axis is its output, are taken apart.

    Args:
        name: as ``released`` gives it, or a layer's name followed by anything.
        rows: the tensor; for an adapter its ``B``.
        config: of the model.

    Raises:
        WeightsError: the number of rows does not fit the configuration.
    """
    if ".qkv" not in name:
        return {name: rows}
    try:
        parts = _vision_qkv(rows) if name.startswith("vision_tower.") else _language_qkv(rows, config)
        return {name.replace(".qkv", f".{part}_proj"): rows for part, rows in zip("qkv", parts, strict=True)}
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{name} of shape {list(rows.shape)} does not fit the configuration") from error


def shared(name: str, tensor: Tensor) -> Mapping[str, Tensor]:
    """The ``A`` of an adapter by our layer name(s): a fused layer's is that of all three."""
    if ".qkv" not in name:
        return {name: tensor}
    return {name.replace(".qkv", f".{part}_proj"): tensor for part in "qkv"}


def _vision_qkv(rows: Tensor) -> tuple[Tensor, ...]:
    return rows.chunk(3) if len(rows) % 3 == 0 else ()


def _language_qkv(rows: Tensor, config: InternVLConfig) -> tuple[Tensor, ...]:
    text = config.text_config
    group = text.num_attention_heads // text.num_key_value_heads
    by_head = rows.view(text.num_key_value_heads, group + 2, text.head_dim, *rows.shape[1:])
    return (
        by_head[:, :group].flatten(0, 2),
        by_head[:, group].flatten(0, 1),
        by_head[:, group + 1].flatten(0, 1),
    )
