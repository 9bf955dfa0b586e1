"""Linear layers whose weights lie as oneDNN wants them: on a processor in float32, 1.3 to 1.5 times as fast.

Torch multiplies float32 matrices by MKL, which lays the weight out anew for each product. oneDNN, which torch ships
too and its compiler uses, keeps weights in its own order. The sums are the same ones in another order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_ROWS = 1024  # what the order is chosen for; any number of rows works
_WIDTH = 64  # of the trial product


class PackedLinear(nn.Module):
    """A linear layer for inference on a processor, in float32.

    Args:
        layer: the plain layer; its weight is copied into the other order and not kept.

    Attributes:
        weight: [out, in] of the right shape and dtype without content, for code that asks for these.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.bias = layer.bias
        self.weight = torch.zeros((), dtype=layer.weight.dtype).expand(layer.weight.shape)
        self._packed = _operator("_reorder_linear_weight")(layer.weight.detach(), _ROWS)
        self._linear = _operator("_linear_pointwise")

    def forward(self, states: Tensor, activation: str = "none") -> Tensor:
        """[..., out] of states [..., in]; oneDNN applies an activation as it writes the product down."""
        out: Tensor = self._linear(states, self._packed, self.bias, activation, [], "")
        return out

    def joined(self, states: Tensor, other: Tensor, how: str) -> Tensor:
        """The product, joined with another tensor of its shape: ``add`` or ``mul``."""
        out: Tensor = self._linear.binary(states, other, self._packed, self.bias, how)
        return out


def linear_silu(layer: nn.Module, states: Tensor) -> Tensor:
    """SiLU of a linear layer, plain or packed."""
    found: Tensor = layer(states, "swish") if isinstance(layer, PackedLinear) else F.silu(layer(states))
    return found


def linear_times(layer: nn.Module, states: Tensor, other: Tensor) -> Tensor:
    """A linear layer, plain or packed, times a tensor."""
    found: Tensor = (
        layer.joined(states, other, "mul") if isinstance(layer, PackedLinear) else layer(states) * other
    )
    return found


def linear_plus(layer: nn.Module, states: Tensor, other: Tensor) -> Tensor:
    """A linear layer, plain or packed, plus a tensor."""
    found: Tensor = (
        layer.joined(states, other, "add") if isinstance(layer, PackedLinear) else layer(states) + other
    )
    return found


def pack(network: nn.Module, *, keep: Collection[str] = ()) -> int:
    """Packs the linear layers of a network in place; does nothing where that is impossible or no gain.

    Args:
        network: on a processor in float32, else it is left alone.
        keep: names of parameters that somebody exchanges: their layers stay plain.

    Returns:
        How many layers were packed.
    """
    names = [name for name, layer in network.named_modules() if _packable(layer)]
    names = [name for name in names if not _parameters(name) & set(keep)]
    if not names or not works():
        return 0
    for name in names:  # one by one, so that no more than one layer is there twice
        parent, _, leaf = name.rpartition(".")
        place = network.get_submodule(parent)
        setattr(place, leaf, PackedLinear(getattr(place, leaf)))
    return len(names)


def works() -> bool:
    """Whether this build of torch has the operators, and they give what a plain product gives."""
    try:
        draw = torch.Generator().manual_seed(0)
        layer = nn.Linear(_WIDTH, _WIDTH).requires_grad_(False)
        states = torch.randn(3, _WIDTH, generator=draw)
        packed, plain = PackedLinear(layer), F.linear(states, layer.weight, layer.bias)
        pairs = (
            (packed(states), plain),
            (packed(states, "swish"), F.silu(plain)),
            (packed.joined(states, states, "mul"), plain * states),
            (packed.joined(states, states, "add"), plain + states),
        )
        return all(torch.allclose(found, expected, atol=1e-4) for found, expected in pairs)
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False


def _operator(name: str) -> Any:
    return getattr(torch.ops.mkldnn, name)


def _packable(layer: nn.Module) -> bool:
    if not isinstance(layer, nn.Linear) or type(layer.weight) not in (nn.Parameter, Tensor):
        return False  # a quantised weight is neither
    return layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32


def _parameters(name: str) -> set[str]:
    """A layer's parameters by the names that adapters know them by: a wrapped one is called as its wrapper."""
    plain = name.removesuffix(".plain")
    return {f"{plain}.weight", f"{plain}.bias"}
