"""How much memory a large model needs, and how much there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmm4lmm.core.memory import available_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

HALF = torch.bfloat16
WORKSPACE = 10**9
"""Bytes beside the weights for a batch of one image and its activations, rounded up."""


def shapes(config: PreTrainedConfig) -> Mapping[str, Tensor]:
    """Every tensor that a base of this configuration has, without its numbers (on torch's meta device).

    The language model's output matrix is not among them.
    """
    from transformers import AutoModel
    from transformers.initialization import no_init_weights

    with torch.device("meta"), no_init_weights():
        network = AutoModel.from_config(config)
    return dict(network.named_parameters())


def parameters(config: PreTrainedConfig) -> int:
    """How many numbers a base has, its output matrix included."""
    text = config.get_text_config()
    inside = sum(one.numel() for one in shapes(config).values())
    return inside + int(text.vocab_size) * int(text.hidden_size)


def bytes_needed(parameters: int, dtype: torch.dtype) -> int:
    """What a model of that many parameters takes while it scores: its weights, and one image's activations."""
    return parameters * dtype.itemsize + WORKSPACE


def bytes_free(device: str) -> int | None:
    """What is free there, in bytes; None where that is unknown."""
    where = torch.device(device)
    if where.type == "cuda":
        return torch.cuda.mem_get_info(where)[0]
    return available_bytes()
