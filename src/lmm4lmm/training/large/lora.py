"""Low-rank adapters in a large base, by PEFT: which layers get them, and their tensors by plain names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.checkpoint import LowRank
from lmm4lmm.training.recipes import Lora

_LANGUAGE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_NAME = "default"  # PEFT's, of its only adapter


@dataclass(frozen=True)
class Pair:
    """One layer's adapter, as it is trained.

    Attributes:
        a: [r, inputs], float32.
        b: [outputs, r], float32.
        scale: of their product.
    """

    a: nn.Parameter
    b: nn.Parameter
    scale: float


def adapted_layers(base: Base, lora: Lora | None) -> list[str]:
    """Names of the linear layers that a recipe adapts: attention and MLP of both parts; never the projector."""
    if lora is None:
        return []
    places, found = base.places, []
    for name, part in base.network.named_modules():
        if not isinstance(part, nn.Linear) or _within(name, places.projector):
            continue
        in_language = lora.language and _within(name, (places.language,)) and name.endswith(_LANGUAGE)
        if in_language or (lora.vision and _within(name, (places.vision,))):
            found.append(name)
    return found


def add_lora(base: Base, lora: Lora | None, start: Mapping[str, LowRank], seed: int) -> dict[str, Pair]:
    """Puts adapters into a base's network, in place; nothing else of it is trained afterwards.

    Args:
        lora: what the recipe wants.
        start: the adapters to begin with. A layer that has one and is not in the recipe keeps it, frozen.
        seed: decides what begins at random.

    Returns:
        Every layer's adapter; those that are not trained don't require gradients.

    Raises:
        InputError: the start has a higher rank than the recipe.
        WeightsError: the start does not fit the base.
    """
    trained = adapted_layers(base, lora)
    layers = sorted({*trained, *start})
    base.network.requires_grad_(False)
    if not layers:
        return {}
    first = next(iter(start.values()), None)
    had = max((low.a.shape[0] for low in start.values()), default=0)
    if lora is not None and had > lora.rank:
        raise InputError(
            f"the base was adapted with rank {had} before, the recipe has lora.rank={lora.rank}; "
            f"lora.rank={had} goes on from there"
        )
    rank = lora.rank if lora is not None else had
    alpha = lora.alpha if lora is not None else rank * (first.scale if first is not None else 1.0)
    _inject(base.network, layers, rank, alpha, lora.dropout if lora is not None else 0.0, seed)
    found = {name: _pair(base.network, name) for name in layers}
    for name, low in start.items():
        _begin(found[name], low, name)
    for name in trained:
        found[name].a.requires_grad_(True)
        found[name].b.requires_grad_(True)
    return found


def _inject(
    network: nn.Module, layers: Sequence[str], rank: int, alpha: float, dropout: float, seed: int
) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("training with LoRA", "lmm") from error
    linear = {name for name, part in network.named_modules() if isinstance(part, nn.Linear)}
    if odd := sorted(set(layers) - linear):
        raise WeightsError(f"an adapter names {odd[0]}, which is no linear layer of the base")
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(layers), lora_dropout=dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, network)
    network.requires_grad_(False)


def _pair(network: nn.Module, name: str) -> Pair:
    layer: Any = network.get_submodule(name)
    # PEFT gives them the base's dtype; in bfloat16 most steps of training would be rounded away.
    a, b = layer.lora_A[_NAME].float().weight, layer.lora_B[_NAME].float().weight
    return Pair(a, b, float(layer.scaling[_NAME]))


@torch.no_grad()
def _begin(pair: Pair, low: LowRank, name: str) -> None:
    rank = low.a.shape[0]
    if pair.a.shape[1:] != low.a.shape[1:] or pair.b.shape[:1] != low.b.shape[:1]:
        raise WeightsError(f"the adapter of {name} does not fit the base's layer")
    pair.b.zero_()  # what lies beyond the start's rank adds nothing yet
    pair.a[:rank] = low.a.to(pair.a)
    pair.b[:, :rank] = low.b.to(pair.b) * (low.scale / pair.scale)


def _within(name: str, places: Sequence[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)
