"""Folders in the hub's layout with random weights: two layers, 64 wide, a tokenizer of a few hundred tokens."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    InternVLConfig,
    InternVLForConditionalGeneration,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

FAMILIES = ("internvl", "internvl_qwen3", "internvl_mistral", "qwen2_5_vl", "qwen3_vl", "smolvlm", "idefics3")
"""Our names. InternVL takes several language models; Mistral's class is one that ``PlainDecoder`` doesn't know."""

_CHAT = ("<|im_start|>", "<|im_end|>")
_QWEN = (*_CHAT, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_SMOL = (
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)),
)
SPECIAL = {
    "internvl": (*_CHAT, "<img>", "</img>", "<IMG_CONTEXT>"),
    "internvl_qwen3": (*_CHAT, "<img>", "</img>", "<IMG_CONTEXT>"),
    "internvl_mistral": (*_CHAT, "<img>", "</img>", "<IMG_CONTEXT>"),
    "qwen2_5_vl": _QWEN,
    "qwen3_vl": _QWEN,
    "smolvlm": _SMOL,
    "idefics3": _SMOL,
}
IMAGE = {
    name: next(t for t in ("<IMG_CONTEXT>", "<|image_pad|>", "<image>") if t in SPECIAL[name])
    for name in SPECIAL
}

_SENTENCES = (
    *("Yes", "yes", " Yes", " yes", "No", "no", " No", " no", "\n") * 40,
    *("How would you rate the quality of this image?", "Is there a tree? Answer yes or no.") * 20,
    *("system user assistant User Assistant You are a helpful assistant. words : |",) * 20,
)


@cache
def tokenizer(family: str) -> Tokenizer:
    """Bytes, a few merges, and the family's special tokens behind them."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(_SENTENCES, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet))
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL[family]])
    made.add_tokens([AddedToken("<tool_call>", special=False, normalized=False)])
    return made


def write_folder(family: str, folder: Path) -> PreTrainedModel:
    """Writes everything that a folder of the hub holds; returns transformers' own whole model."""
    reader = tokenizer(family)
    image = reader.token_to_id(IMAGE[family])
    torch.manual_seed(5)
    model = _MODELS[family](reader.get_vocab_size() + 6, image).eval()
    for parameter in model.parameters():  # else every norm is one and every bias nought
        parameter.data += torch.randn_like(parameter) * 0.05
    model.save_pretrained(folder)
    reader.save(str(folder / "tokenizer.json"))
    image_processor(family).save_pretrained(folder)
    return model


def image_processor(family: str) -> Any:
    """The family's, for small images."""
    if family.startswith("internvl"):
        return GotOcr2ImageProcessorPil(
            size={"height": 28, "width": 28},
            max_patches=6,
            image_mean=IMAGENET_DEFAULT_MEAN,
            image_std=IMAGENET_DEFAULT_STD,
        )
    if family == "qwen2_5_vl":
        return Qwen2VLImageProcessorPil(
            patch_size=14, size={"shortest_edge": 28 * 28 * 2, "longest_edge": 28 * 28 * 30}
        )
    if family == "qwen3_vl":
        return Qwen2VLImageProcessorPil(
            patch_size=16,
            size={"shortest_edge": 32 * 32 * 2, "longest_edge": 32 * 32 * 30},
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        )
    kind = SmolVLMImageProcessorPil if family == "smolvlm" else Idefics3ImageProcessorPil
    return kind(size={"longest_edge": 84}, max_image_size={"longest_edge": 28})


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A soft random picture."""
    rng = torch.Generator().manual_seed(seed)
    small = torch.randint(0, 256, (6, 5, 3), generator=rng, dtype=torch.uint8).numpy()
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


_TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
_VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def _internvl(language: str, vocabulary: int, image: int) -> PreTrainedModel:
    text = {**_TEXT, "model_type": language, "vocab_size": vocabulary, "head_dim": 16}
    vision = {**_VISION, "image_size": [28, 28], "patch_size": [7, 7]}
    tied = language == "qwen2"
    return InternVLForConditionalGeneration(
        InternVLConfig(
            text_config={**text, "tie_word_embeddings": tied},
            vision_config=vision,
            image_token_id=image,
            tie_word_embeddings=tied,
        )
    )


def _qwen2_5_vl(vocabulary: int, image: int) -> PreTrainedModel:
    text = {
        **_TEXT,
        "vocab_size": vocabulary,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "patch_size": 14,
        "window_size": 56,
        "out_hidden_size": 64,
        "fullatt_block_indexes": [1],
    }
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config=text, vision_config=vision, image_token_id=image, tie_word_embeddings=True
        )
    )


def _qwen3_vl(vocabulary: int, image: int) -> PreTrainedModel:
    text = {
        **_TEXT,
        "vocab_size": vocabulary,
        "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 2, 2], "mrope_interleaved": True},
    }
    vision = {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "patch_size": 16,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    }
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text, vision_config=vision, image_token_id=image)
    )


def _smol(model: Any, config: Any, vocabulary: int, image: int) -> PreTrainedModel:
    text = {**_TEXT, "model_type": "llama", "vocab_size": vocabulary}
    vision = {**_VISION, "image_size": 28, "patch_size": 7}
    found: PreTrainedModel = model(
        config(text_config=text, vision_config=vision, image_token_id=image, pad_token_id=0, scale_factor=2)
    )
    return found


_MODELS = {
    "internvl": lambda size, image: _internvl("qwen2", size, image),
    "internvl_qwen3": lambda size, image: _internvl("qwen3", size, image),
    "internvl_mistral": lambda size, image: _internvl("mistral", size, image),
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "smolvlm": lambda size, image: _smol(SmolVLMForConditionalGeneration, SmolVLMConfig, size, image),
    "idefics3": lambda size, image: _smol(Idefics3ForConditionalGeneration, Idefics3Config, size, image),
}
