"""One base, several adapters: switching costs a few hundred assignments and copies nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.model.checkpoint import VOCABULARY, AdapterWeights, Lazy, LowRank, Readout
from lmm4lmm.model.score_head import head_of


class AdaptedLinear(nn.Module):
    """A linear layer whose low-rank update can be exchanged; without one it is the plain layer.

    Attributes:
        plain: the base's layer.
        low: the update in use; set by ``QualityModel.use``.
    """

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.plain = plain
        self.low: LowRank | None = None

    @property
    def weight(self) -> Tensor:
        """The base's weight [out, in], without the update."""
        return self.plain.weight

    def forward(self, states: Tensor) -> Tensor:
        """[..., out] of states [..., in]; computed unmerged, so half precision does not swallow a small update."""
        out: Tensor = self.plain(states)
        if self.low is None:
            return out
        a, b, scale = self.low
        narrow = F.linear(states, a)
        if torch.is_grad_enabled():
            return out + scale * F.linear(narrow, b)
        out.view(-1, b.shape[0]).addmm_(narrow.view(-1, a.shape[0]), b.T, alpha=scale)
        return out


class Adapter(nn.Module):
    """An adapter's tensors, where ``.to(device)`` finds them, and its heads.

    Heads are in float32 whatever the dtype: in bfloat16 all scores would fall on some hundred values.

    Args:
        weights: of the adapter.
        device, dtype: of everything else in it.

    Attributes:
        vocabulary: [V, H], where it has an output matrix of its own.
        gives: the dimensions that it was trained for.

    Raises:
        WeightsError: a head is not one.
    """

    def __init__(self, weights: AdapterWeights, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.readout: Readout = weights.readout
        self._scales = {layer: low.scale for layer, low in weights.lora.items()}
        self._a = _kept({layer: low.a for layer, low in weights.lora.items()}, device, dtype)
        self._b = _kept({layer: low.b for layer, low in weights.lora.items()}, device, dtype)
        replaced = dict(weights.replaced)
        self.vocabulary = replaced.pop(VOCABULARY, None)
        self._replaced = _kept(replaced, device, dtype)
        self.heads = nn.ModuleDict(
            {
                dimension: head_of({name: value.to(device, torch.float32) for name, value in tensors.items()})
                for dimension, tensors in weights.heads_by_dimension().items()
            }
        )

        self.gives: tuple[Dimension, ...] = weights.outputs or _by_readout(weights)

    @property
    def lora(self) -> dict[str, LowRank]:
        """The low-rank updates by layer."""
        return {
            layer: LowRank(self._a[_key(layer)], self._b[_key(layer)], scale)
            for layer, scale in self._scales.items()
        }

    @property
    def replaced(self) -> dict[str, nn.Parameter]:
        """The tensors that stand in for the base's, by name."""
        return {key.replace("/", "."): value for key, value in self._replaced.items()}


class Switch:
    """Puts one adapter after another into a network.

    Args:
        network: its linear layers that any adapter names are wrapped, in place.
        adapters: all there will be.

    Raises:
        WeightsError: an adapter names a layer or tensor that the network does not have, or does not fit it.
    """

    def __init__(self, network: nn.Module, adapters: Iterable[Adapter]) -> None:
        known = list(adapters)
        self._layers = {name: _wrapped(network, name) for adapter in known for name in adapter.lora}
        self._own: dict[str, tuple[nn.Module, str, nn.Parameter]] = {}
        for adapter in known:
            for name, low in adapter.lora.items():
                expected = (low.b.shape[0], low.a.shape[1])
                if tuple(self._layers[name].weight.shape) != expected:
                    raise WeightsError(f"the adapter of {name} is made for a layer of shape {expected}")
            for name, value in adapter.replaced.items():
                module, leaf, own = _parameter(network, name)
                if own.shape != value.shape:
                    raise WeightsError(
                        f"{name} is {list(value.shape)} in an adapter, {list(own.shape)} in the base"
                    )
                self._own[name] = (module, leaf, own)

    def use(self, adapter: Adapter | None) -> None:
        """From now on the network is the base with this adapter; None leaves the base alone."""
        lora, replaced = (adapter.lora, adapter.replaced) if adapter is not None else ({}, {})
        for name, layer in self._layers.items():
            layer.low = lora.get(name)
        for name, (module, leaf, own) in self._own.items():
            module._parameters[leaf] = replaced.get(name, own)


def merged(weights: AdapterWeights, base: Mapping[str, Lazy]) -> AdapterWeights:
    """The same adapter with its updates folded into copies of the layers: faster, at the memory of those layers.

    Args:
        weights: of the adapter.
        base: the base's tensors by name.
    """
    folded = {f"{layer}.weight": merged_weight(weights, layer, base) for layer in weights.lora}
    return replace(weights, lora={}, replaced={**weights.replaced, **folded})


def merged_weight(weights: AdapterWeights, layer: str, base: Mapping[str, Lazy]) -> Tensor:
    """One layer's weight [out, in] with its update folded in, float32; a weight of the adapter's own goes first."""
    name, low = f"{layer}.weight", weights.lora[layer]
    own = weights.replaced[name] if name in weights.replaced else base[name]()
    return torch.addmm(own.float(), low.b.float(), low.a.float(), alpha=low.scale)


def _by_readout(weights: AdapterWeights) -> tuple[Dimension, ...]:
    if weights.readout == "unified":
        return (*(name for name in DIMENSIONS if name in weights.heads_by_dimension()), "answer")
    return tuple(name for name in DIMENSIONS if name == weights.readout)


def _wrapped(network: nn.Module, name: str) -> AdaptedLinear:
    parent_name, _, leaf = name.rpartition(".")
    try:
        parent = network.get_submodule(parent_name)
        layer = getattr(parent, leaf)
    except AttributeError as error:
        raise WeightsError(f"an adapter names {name}, which the base does not have") from error
    if isinstance(layer, AdaptedLinear):
        return layer
    if not isinstance(layer, nn.Linear):
        raise WeightsError(f"an adapter names {name}, which is no linear layer")
    adapted = AdaptedLinear(layer)
    setattr(parent, leaf, adapted)
    return adapted


def _parameter(network: nn.Module, name: str) -> tuple[nn.Module, str, nn.Parameter]:
    parent_name, _, leaf = name.rpartition(".")
    try:
        parent = network.get_submodule(parent_name)
        if isinstance(parent, AdaptedLinear):
            parent = parent.plain
        return parent, leaf, parent.get_parameter(leaf)
    except AttributeError as error:
        raise WeightsError(f"an adapter replaces {name}, which the base does not have") from error


def _kept(tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> nn.ParameterDict:
    # Names in a ParameterDict can't hold dots.
    return nn.ParameterDict(
        {_key(name): nn.Parameter(value.to(device, dtype), False) for name, value in tensors.items()}
    )


def _key(name: str) -> str:
    return name.replace(".", "/")
