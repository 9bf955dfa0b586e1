"""Official checkpoints on transformers' own InternVL classes, LoRA unmerged in PEFT's modules.

A mapping of the benchmark's own, kept apart from ``lmm4lmm.model.official`` on purpose: two mappings
that give the golden scores check each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import torch
from peft import LoraConfig, inject_adapter_in_model
from safetensors import safe_open
from torch import Tensor, nn
from transformers import InternVLConfig, InternVLForConditionalGeneration, InternVLVisionConfig, LlamaConfig
from transformers.initialization import no_init_weights

WHOLE = {
    "vision_model.embeddings.class_embedding": "model.vision_tower.embeddings.cls_token",
    "vision_model.embeddings.position_embedding": "model.vision_tower.embeddings.position_embeddings",
    "vision_model.embeddings.patch_embedding": "model.vision_tower.embeddings.patch_embeddings.projection",
    "language_model.model.tok_embeddings": "model.language_model.embed_tokens",
    "language_model.model.norm": "model.language_model.norm",
    "language_model.output": "lm_head",
    "mlp1.0": "model.multi_modal_projector.layer_norm",
    "mlp1.1": "model.multi_modal_projector.linear_1",
    "mlp1.3": "model.multi_modal_projector.linear_2",
}
IN_A_LAYER = {
    "attn.proj": "attention.projection_layer",
    "attn.q_norm": "attention.q_norm",
    "attn.k_norm": "attention.k_norm",
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "ls1": "lambda_1",
    "ls2": "lambda_2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w3": "mlp.up_proj",
    "feed_forward.w2": "mlp.down_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
FUSED = {"attn.qkv": "attention", "attention.wqkv": "self_attn"}
LAYERS = {
    "vision_model.encoder.layers.": "model.vision_tower.encoder.layer.",
    "language_model.model.layers.": "model.language_model.layers.",
}
TARGETS = {
    "vision_tower": ["q_proj", "k_proj", "v_proj", "projection_layer", "fc1", "fc2"],
    "language_model": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}


class ScoreHead(nn.Module):
    """Linear and ReLU in turn, a ReLU last too. The checkpoints' ``ln1`` belongs to no step of the forward."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, hidden: Tensor) -> Tensor:
        """``hidden`` [B, H] to scores [B]."""
        for layer in self.layers:
            hidden = torch.relu(layer(hidden))
        return hidden[:, 0]


def load(folder: Path) -> tuple[InternVLForConditionalGeneration, ScoreHead | None]:
    """A full model in float32 in eval mode, LoRA beside the weights, and its score head (none for the QA model).

    Weights are copied one tensor at a time, so that loading takes no second model's worth of memory.

    Raises:
        ValueError: a parameter of the model got no weight, or a tensor found no place.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with no_init_weights():
        model = InternVLForConditionalGeneration(native_config(config, folder))
    if config["use_llm_lora"]:
        rank = config["use_llm_lora"]
        for part, targets in TARGETS.items():
            lora = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=targets)
            inject_adapter_in_model(lora, getattr(model.model, part))
    parameters = dict(model.named_parameters())
    language = config["llm_config"]
    group = language["num_attention_heads"] // language["num_key_value_heads"]
    one_head = language["hidden_size"] // language["num_attention_heads"]
    of_head, filled = {}, set()
    for name, tensor in saved(folder):
        if name.startswith("mlpscore."):
            of_head[name.removeprefix("mlpscore.")] = tensor
            continue
        for place, rows in places(name, tensor, group, one_head):
            parameters[place].data.copy_(rows)
            filled.add(place)
    if missing := parameters.keys() - filled:
        raise ValueError(f"{folder}: no weight for {sorted(missing)[:3]} and {len(missing)} in all")
    return model.eval().requires_grad_(False), score_head(of_head)


def native_config(config: dict, folder: Path) -> InternVLConfig:
    """The native configuration that computes what this official one does."""
    eye, language = config["vision_config"], config["llm_config"]
    added = json.loads((folder / "added_tokens.json").read_text(encoding="utf-8"))
    vision = InternVLVisionConfig(
        **{key: eye[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads")},
        **{key: eye[key] for key in ("intermediate_size", "image_size", "patch_size", "layer_norm_eps")},
        norm_type=eye["norm_type"],
        hidden_act=eye["hidden_act"],
        attention_bias=eye["qkv_bias"],
        use_qk_norm=eye["qk_normalization"],
    )
    keys = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    text = LlamaConfig(
        **{key: language[key] for key in keys},
        **{key: language[key] for key in ("intermediate_size", "vocab_size", "rms_norm_eps")},
        max_position_embeddings=language["max_position_embeddings"],
        # "dynamic" scaling changes nothing below max_position_embeddings
        rope_parameters={"rope_type": "default", "rope_theta": float(language["rope_theta"])},
        hidden_act=language["hidden_act"],
        attention_bias=language["bias"],
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    return InternVLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=added["<IMG_CONTEXT>"],
        downsample_ratio=config["downsample_ratio"],
        tie_word_embeddings=False,
        attn_implementation="sdpa",
    )


def saved(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the shards under its name without PEFT's wrapping, then those of ``lora_weights.pth``."""
    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                yield unwrapped(name), file.get_tensor(name)
    if (folder / "lora_weights.pth").exists():
        last = torch.load(folder / "lora_weights.pth", weights_only=True)
        yield from ((unwrapped(name), tensor) for name, tensor in last.items())


def unwrapped(name: str) -> str:
    return name.replace(".base_model.model.", ".", 1)


def places(name: str, tensor: Tensor, group: int, one_head: int) -> Iterator[tuple[str, Tensor]]:
    """Where in the native model the rows of an official tensor go; q, k and v share their LoRA A.

    Raises:
        ValueError: it has no place.
    """
    layer, kind = name, ""
    for ending in (
        ".base_layer.weight",
        ".base_layer.bias",
        ".lora_A.default.weight",
        ".lora_B.default.weight",
        ".weight",
        ".bias",
    ):
        if name.endswith(ending):
            layer, kind = name.removesuffix(ending), ending
            break
    if layer in WHOLE:
        yield WHOLE[layer] + kind, tensor
        return
    for before, after in LAYERS.items():
        if layer.startswith(before):
            number, _, part = layer.removeprefix(before).partition(".")
            if part in IN_A_LAYER:
                yield f"{after}{number}.{IN_A_LAYER[part]}{kind}", tensor
                return
            if part in FUSED:
                if "lora_A" in kind:
                    rows = (tensor, tensor, tensor)
                elif part == "attn.qkv":
                    rows = tensor.chunk(3)
                else:
                    rows = grouped(tensor, group, one_head)
                for letter, values in zip("qkv", rows, strict=True):
                    yield f"{after}{number}.{FUSED[part]}.{letter}_proj{kind}", values
                return
    raise ValueError(f"no place for the tensor '{name}'")


def grouped(tensor: Tensor, group: int, one_head: int) -> tuple[Tensor, Tensor, Tensor]:
    """InternLM2's rows [kv head x (queries of its group, key, value) x head width, in], as q, k and v."""
    rows = tensor.view(-1, group + 2, one_head, tensor.shape[-1])
    queries, keys, values = rows.split([group, 1, 1], dim=1)
    return tuple(part.reshape(-1, tensor.shape[-1]) for part in (queries, keys, values))


def score_head(tensors: dict[str, Tensor]) -> ScoreHead | None:
    if not tensors:
        return None
    weights = sorted(name for name in tensors if name.startswith("fc") and name.endswith(".weight"))
    widths = [tensors[weights[0]].shape[1], *(tensors[name].shape[0] for name in weights)]
    head = ScoreHead(widths)
    for layer, name in zip(head.layers, weights, strict=True):
        layer.weight.data.copy_(tensors[name])
        layer.bias.data.copy_(tensors[name.replace("weight", "bias")])
    return head.eval().requires_grad_(False)
