"""Quantised weights. Runs where torchao is installed, as it is by ``make setup``."""

import pytest
import torch
from torch import nn

from lmm4lmm.core.errors import MissingExtraError, UnknownNameError
from lmm4lmm.model.quantized import quantizer


def test_int8_stays_near_and_takes_less() -> None:
    pytest.importorskip("torchao", reason="the [quantized] extra is not installed")
    torch.manual_seed(0)
    layer = nn.Linear(256, 512, bias=False).requires_grad_(False)
    states = torch.randn(64, 256)
    exact, norm = layer(states), nn.LayerNorm(256)
    make = quantizer("int8")
    make(layer)
    make(norm)
    assert isinstance(norm.weight, nn.Parameter)
    with torch.inference_mode():
        near = layer(states)
    assert 0 < (near - exact).abs().mean() / exact.abs().mean() < 0.02
    stored = layer.weight.qdata  # type: ignore[attr-defined]
    assert stored.dtype == torch.int8


def test_unknown_kinds_and_a_missing_library_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="int8"):
        quantizer("int3")
    monkeypatch.setitem(__import__("sys").modules, "torchao.quantization", None)
    with pytest.raises(MissingExtraError, match="quantized"):
        quantizer("int8")
