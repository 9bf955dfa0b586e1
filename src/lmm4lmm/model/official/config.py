"""``config.json`` of the released layout to the configuration of transformers' native classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.official.tiles import TileSettings

if TYPE_CHECKING:
    from transformers import InternVLConfig

_LANGUAGE = "InternLM2ForCausalLM"


@dataclass(frozen=True)
class OfficialConfig:
    """What a released checkpoint says of itself.

    Attributes:
        native: of the model, for transformers' classes.
        tiling: how images are cut.
    """

    native: InternVLConfig
    tiling: TileSettings


def read_config(folder: Path) -> OfficialConfig:
    """The configuration of a released checkpoint.

    Raises:
        WeightsError: it is missing, damaged, or of a model that is not InternVL 2.5 on InternLM2.
    """
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error
    if not is_official(values):
        found = values.get("model_type") if isinstance(values, dict) else type(values).__name__
        raise WeightsError(f"{path}: not a released LMM4LMM checkpoint (found model_type {found!r})")
    try:
        return _converted(values, path)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} lacks or misstates {error}") from error


def is_official(values: object) -> bool:
    """Whether a ``config.json`` is of the released layout."""
    return isinstance(values, Mapping) and values.get("model_type") == "internvl_chat"


def _converted(values: Mapping[str, Any], path: Path) -> OfficialConfig:
    language, vision = values["llm_config"], values["vision_config"]
    if _LANGUAGE not in (language.get("architectures") or [_LANGUAGE]):
        raise WeightsError(f"{path}: the language model is {language['architectures']}, not {_LANGUAGE}")
    if values.get("ps_version", "v2") != "v2":
        raise WeightsError(f"{path}: ps_version {values['ps_version']!r} is not supported, only 'v2'")
    return OfficialConfig(
        _native(values, language, vision), TileSettings.from_config(values, source=str(path))
    )


def _native(
    values: Mapping[str, Any], language: Mapping[str, Any], vision: Mapping[str, Any]
) -> InternVLConfig:
    from transformers import InternVLConfig, InternVLVisionConfig, LlamaConfig

    tower = InternVLVisionConfig(
        hidden_size=vision["hidden_size"],
        num_hidden_layers=vision["num_hidden_layers"],
        num_attention_heads=vision["num_attention_heads"],
        attention_bias=vision.get("qkv_bias", True),
        use_qk_norm=vision.get("qk_normalization", False),
        intermediate_size=vision["intermediate_size"],
        hidden_act=vision.get("hidden_act", "gelu"),
        norm_type=vision.get("norm_type", "layer_norm"),
        layer_norm_eps=vision.get("layer_norm_eps", 1e-6),
        image_size=vision["image_size"],
        patch_size=vision["patch_size"],
        num_channels=vision.get("num_channels", 3),
        use_mean_pooling=True,  # which means: no norm after the last layer
    )
    text = LlamaConfig(
        vocab_size=language["vocab_size"],
        hidden_size=language["hidden_size"],
        intermediate_size=language["intermediate_size"],
        num_hidden_layers=language["num_hidden_layers"],
        num_attention_heads=language["num_attention_heads"],
        num_key_value_heads=language["num_key_value_heads"],
        hidden_act=language.get("hidden_act", "silu"),
        max_position_embeddings=language["max_position_embeddings"],
        rms_norm_eps=language["rms_norm_eps"],
        attention_bias=language.get("bias", False),
        mlp_bias=False,
        rope_parameters=_rope(language),
        pad_token_id=language.get("pad_token_id"),
        bos_token_id=language.get("bos_token_id"),
        eos_token_id=language.get("eos_token_id"),
        tie_word_embeddings=False,
    )
    return InternVLConfig(
        vision_config=tower,
        text_config=text,
        downsample_ratio=values["downsample_ratio"],
        vision_feature_layer=values.get("select_layer", -1),
        tie_word_embeddings=False,
    )


def _rope(language: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"rope_type": "default", "rope_theta": float(language.get("rope_theta", 10000))}
    if scaling := language.get("rope_scaling"):
        found |= {
            "rope_type": scaling.get("rope_type") or scaling["type"],
            "factor": float(scaling["factor"]),
        }
    return found
