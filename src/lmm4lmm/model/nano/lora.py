"""Low-rank adapters: added for training by PEFT, folded into the weights for scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmm4lmm.core.errors import MissingExtraError, WeightsError

_A, _B = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class LoraShape:
    """Rank, scale and place of an adapter (Hu et al. 2021, arXiv 2106.09685).

    Attributes:
        rank: r, the inner width.
        alpha: the update is scaled by alpha / r.
        targets: last part of the names of the linear layers that are adapted.
        dropout: on the adapter's input, in training.
        first_layer: layers below it are not adapted.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("q_proj", "v_proj", "up_proj", "down_proj")
    dropout: float = 0.05
    first_layer: int = 0


def add_lora(model: nn.Module, shape: LoraShape) -> None:
    """Adds trainable adapters to ``model`` in place and freezes everything else in it.

    Layers below ``shape.first_layer`` get none.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("training with LoRA", "lmm") from error
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        target_modules=_places(model, shape),
        lora_dropout=shape.dropout,
    )
    inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)


def _places(model: nn.Module, shape: LoraShape) -> list[str]:
    """Full names of the linear layers to adapt, of which the number after "layers" says how deep they are."""
    names = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    return [
        name
        for name in names
        if name.rpartition(".")[2] in shape.targets
        and int(name.partition("layers.")[2].partition(".")[0]) >= shape.first_layer
    ]


def lora_state(model: nn.Module) -> dict[str, Tensor]:
    """The adapters' tensors by plain names: ``<layer>.lora_A.weight`` [r, in], ``<layer>.lora_B.weight`` [out, r]."""
    return {
        name.replace(".default.", "."): value.detach()
        for name, value in model.state_dict().items()
        if ".lora_" in name
    }


@torch.no_grad()
def merge_lora(model: nn.Module, state: Mapping[str, Tensor], shape: LoraShape) -> None:
    """Adds ``alpha / r * B A`` to each adapted weight in place: the same function, at no cost when scoring.

    Raises:
        WeightsError: a layer is missing, or shapes don't fit.
    """
    for name in [key.removesuffix(_A) for key in state if key.endswith(_A)]:
        try:
            weight = model.get_parameter(f"{name}.weight")
            update = state[name + _B].float() @ state[name + _A].float()
            weight.add_(update.to(weight), alpha=shape.alpha / shape.rank)
        except (AttributeError, KeyError, RuntimeError) as error:
            raise WeightsError(
                f"the adapter of layer '{name}' does not fit the base model: {error}"
            ) from error
