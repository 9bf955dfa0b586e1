"""The ``config.json`` that the reference's trainer writes beside its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random_checkpoint import Shape

CHANNELS = 3


def config_of(shape: Shape, rank: int) -> dict[str, object]:
    """For a checkpoint of this shape with LoRA of this rank."""

    def module(file: str, name: str) -> str:
        return f"{file}.{name}"

    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {
            "AutoConfig": module("configuration_internvl_chat", "InternVLChatConfig"),
            "AutoModel": module("modeling_internvl_chat", "InternVLChatModel"),
        },
        "downsample_ratio": shape.downsample_ratio,
        "dynamic_image_size": True,
        "force_image_size": shape.image_size,
        "llm_config": {
            "architectures": ["InternLM2ForCausalLM"],
            "attn_implementation": "flash_attention_2",
            "bias": False,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "hidden_act": "silu",
            "hidden_size": shape.hidden,
            "intermediate_size": shape.intermediate,
            "max_position_embeddings": 32768,
            "model_type": "internlm2",
            "num_attention_heads": shape.heads,
            "num_hidden_layers": shape.layers,
            "num_key_value_heads": shape.kv_heads,
            "pad_token_id": 2,
            "rms_norm_eps": 1e-05,
            "rope_scaling": {"factor": 2.0, "type": "dynamic"},
            "rope_theta": 1000000,
            "tie_word_embeddings": False,
            "torch_dtype": "bfloat16",
            "vocab_size": shape.vocabulary,
        },
        "max_dynamic_patch": 6,
        "min_dynamic_patch": 1,
        "model_type": "internvl_chat",
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": -1,
        "template": "internlm2-chat",
        "torch_dtype": "bfloat16",
        "use_backbone_lora": rank,
        "use_llm_lora": rank,
        "use_thumbnail": True,
        "vision_config": {
            "architectures": ["InternVisionModel"],
            "hidden_act": "gelu",
            "hidden_size": shape.vision_hidden,
            "image_size": shape.image_size,
            "intermediate_size": shape.vision_intermediate,
            "layer_norm_eps": 1e-06,
            "model_type": "intern_vit_6b",
            "norm_type": "layer_norm",
            "num_attention_heads": shape.vision_heads,
            "num_channels": CHANNELS,
            "num_hidden_layers": shape.vision_layers,
            "patch_size": shape.patch,
            "qk_normalization": shape.qk_normalization,
            "qkv_bias": True,
            "torch_dtype": "bfloat16",
            "use_flash_attn": True,
        },
    }
