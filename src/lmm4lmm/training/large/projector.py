"""The projector as something to train: float32, whatever the network around it computes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.checkpoint import VOCABULARY


@torch.no_grad()
def replace_tensors(network: nn.Module, replaced: Mapping[str, Tensor]) -> None:
    """Puts an adapter's tensors into the network's own places.

    Raises:
        InputError: it has an output matrix of its own, which training can't go on from.
        WeightsError: one does not fit.
    """
    if VOCABULARY in replaced:
        raise InputError(f"{VOCABULARY} was replaced in this checkpoint; training can't start from it")
    own = dict(network.named_parameters())
    for name, value in replaced.items():
        if name not in own or own[name].shape != value.shape:
            raise WeightsError(f"{name} of the checkpoint to start from does not fit the base")
        own[name].copy_(value)


def train_projector(base: Base) -> dict[str, nn.Parameter]:
    """Makes a base's projector trainable, in float32.

    Returns:
        Its parameters by their names in the network.
    """
    network, dtype = base.network, base.dtype
    found: dict[str, nn.Parameter] = {}
    for name, part in _projectors(base):
        part.float().requires_grad_(True)
        found |= {f"{name}.{leaf}": value for leaf, value in part.named_parameters()}
        if dtype != torch.float32:
            part.register_forward_pre_hook(_widened, with_kwargs=True)
            part.register_forward_hook(_Narrowed(dtype))
    if not found:
        raise WeightsError(f"{type(network).__name__} has no projector where it should be")
    return found


def _projectors(base: Base) -> Iterator[tuple[str, nn.Module]]:
    """The modules that are called; a list of modules never is."""
    modules = dict(base.network.named_modules())
    for name in base.places.projector:
        part = modules.get(name)
        if isinstance(part, nn.ModuleList):
            yield from ((f"{name}.{index}", one) for index, one in enumerate(part))
        elif part is not None:
            yield name, part


def _widened(_: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
    return tuple(map(_wide, args)), {name: _wide(value) for name, value in kwargs.items()}


def _wide(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value


class _Narrowed:
    """Gives the network around the projector the dtype that it computes in."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    def __call__(self, _: nn.Module, __: Any, out: Tensor) -> Tensor:
        return out.to(self._dtype)
