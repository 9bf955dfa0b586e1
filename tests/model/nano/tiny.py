"""nano, small enough to build in a test: real code, random weights."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaModel

from lmm4lmm.model.nano.assembly import FROZEN
from lmm4lmm.model.nano.brisque import Brisque
from lmm4lmm.model.nano.language import LowerLlama
from lmm4lmm.model.nano.naturalness import FEATURES
from lmm4lmm.model.nano.network import NanoNetwork
from lmm4lmm.model.nano.processing import Texts
from lmm4lmm.model.nano.scene import ImageFeatures
from lmm4lmm.model.nano.vision import (
    CELL_WIDTH,
    CELLS,
    PLACE_WIDTH,
    PLACES,
    STATISTICS_WIDTH,
    EfficientNetLite0,
    VisionFeatures,
)

HIDDEN, WORDS = 32, 50


def tiny_model(seed: int = 0) -> NanoNetwork:
    """Seven layers, 32 wide, 50 words; the eye has its real shape. No part is at a start value that hides it."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=64,
        num_hidden_layers=7,  # one more than nano reads
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=WORDS,
        initializer_range=0.3,
    )
    model = NanoNetwork(EfficientNetLite0(), Brisque(3), LowerLlama(LlamaModel(config)), hidden=HIDDEN)
    with torch.no_grad():
        model.vision._fc.weight.mul_(20)  # else every class is as probable as any other
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if name.startswith(FROZEN):
                continue
            if name.endswith("scale"):
                value.uniform_(0.5, 1.5)
            elif value.ndim < 2:  # biases, norms, means, thresholds
                value.add_(torch.randn_like(value) * 0.2)
        model.scene.class_states.normal_()
        for head in (model.perception_head, model.correspondence_head, model.answer_head):
            head.layers[-1].weight.normal_(std=0.3)
    return model.eval().requires_grad_(False)


def random_features(batch: int, seed: int = 1) -> ImageFeatures:
    """Features as the eye could have given them."""
    draw = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, generator=draw) * 3

    eye = VisionFeatures(some(PLACES, PLACE_WIDTH), some(CELLS, CELL_WIDTH), some(STATISTICS_WIDTH))
    return ImageFeatures(eye, some(FEATURES), some(1)[:, 0] - 1.5)


def chosen(features: ImageFeatures, *rows: int) -> ImageFeatures:
    """Features of some images."""
    index = torch.tensor(rows)
    return ImageFeatures(features.eye.rows(index), features.naturalness[index], features.opinion[index])


def some_texts() -> list[Texts]:
    """Four items of unlike lengths: both texts, both, no question, no prompt."""
    return [
        Texts((7, 8, 9), (10, 11)),
        Texts((12,), (13, 14, 15, 16, 17)),
        Texts((18, 19, 20, 21), ()),
        Texts((), (22, 23)),
    ]
