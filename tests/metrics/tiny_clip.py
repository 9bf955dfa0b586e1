"""CLIP and SigLIP with random weights, two layers, 32 wide, in the layout of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

START, END, PAD = "<|startoftext|>", "<|endoftext|>", "<pad>"
ROOM = 32
"""Tokens that these read; the real ones read 77 and 64."""


def tokenizer(*, start: bool) -> PreTrainedTokenizerFast:
    """Bytes, lower case, with the marks that CLIP (both) or SigLIP (the end alone) puts around a text."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    words = ["a photo of a cat on a launch pad", "a rocket", "a cup of coffee on a wooden table"] * 20
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=[PAD, START, END])
    made.train_from_iterator(words, trainer)
    ids = [(token, made.token_to_id(token)) for token in (START, END)]
    single = f"{START} $A {END}" if start else f"$A {END}"
    made.post_processor = processors.TemplateProcessing(single=single, special_tokens=ids)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=START, eos_token=END, pad_token=PAD, model_max_length=ROOM
    )


def write_clip(folder: Path, kind: str = "clip") -> PreTrainedModel:
    """Writes a folder; returns transformers' own model of it."""
    words = tokenizer(start=kind == "clip")
    text: dict[str, Any] = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": ROOM,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    torch.manual_seed(3)
    model: PreTrainedModel
    if kind == "clip":
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))
        pixels = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    else:
        model = SiglipModel(SiglipConfig(text_config=text | {"projection_size": 32}, vision_config=vision))
        pixels = SiglipImageProcessorPil(size={"height": 28, "width": 28})
    for parameter in model.parameters():  # else texts hardly differ
        parameter.data += torch.randn_like(parameter) * 0.1
    model.eval().save_pretrained(folder)
    words.save_pretrained(folder)
    pixels.save_pretrained(folder)
    return model
