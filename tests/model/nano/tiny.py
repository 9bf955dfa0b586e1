"""A quality model small enough to build in a test: real code, random weights."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaModel

from lmm4lmm.model.nano.network import ImageFeatures, NanoNetwork
from lmm4lmm.model.nano.processing import Texts
from lmm4lmm.model.nano.vision import EfficientNetLite0

HIDDEN, WORDS = 32, 50


def tiny_model(seed: int = 0) -> NanoNetwork:
    """Eight layers, 32 wide, 50 words; the eye has its real shape. No part is at a start value that hides it."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=64,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=WORDS,
        initializer_range=0.3,
    )
    model = NanoNetwork(EfficientNetLite0(), LlamaModel(config), hidden=HIDDEN, yes=[3, 4], no=[5, 6])
    torch.nn.init.normal_(model.queries)
    torch.nn.init.normal_(model.projector.class_states)
    torch.nn.init.normal_(model.projector.content.weight, std=0.1)
    torch.nn.init.normal_(model.word_evidence, std=0.1)
    torch.nn.init.ones_(model.vocabulary_weight)
    for head in (model.perception_head, model.correspondence_head, model.answer_head):
        torch.nn.init.normal_(head.state[-1].weight, std=0.2)
    return model.eval().requires_grad_(False)


def random_features(batch: int, seed: int = 1) -> ImageFeatures:
    """Features as the eye could have given them."""
    draw = torch.Generator().manual_seed(seed)
    return ImageFeatures(
        torch.rand(batch, 16, 1280, generator=draw), torch.rand(batch, 2048, generator=draw) * 3
    )


def some_texts() -> list[Texts]:
    """Three items of unlike lengths, the last without a question."""
    return [Texts((7, 8, 9), (10, 11)), Texts((12,), (13, 14, 15, 16, 17)), Texts((18, 19, 20, 21), ())]
