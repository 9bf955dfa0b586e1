"""Packed linear layers against plain ones."""

import pytest
import torch
from torch import nn

from lmm4lmm.model.packed import PackedLinear, pack, works


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(96, 160), nn.ReLU(), nn.Linear(160, 24, bias=False), nn.Linear(24, 24)]
    return nn.Sequential(*layers).requires_grad_(False)


def test_products_are_those_of_plain_layers(network: nn.Sequential) -> None:
    expected = {rows: network(torch.ones(rows, 96) * torch.arange(96)) for rows in (1, 7, 300)}
    assert works(), "this build of torch lacks oneDNN's operators; scoring then runs on plain layers"
    assert pack(network) == 3
    with torch.inference_mode():
        for rows, plain in expected.items():
            found = network(torch.ones(rows, 96) * torch.arange(96))
            torch.testing.assert_close(found, plain, atol=1e-4, rtol=1e-5)
        three_axes = network(torch.randn(2, 5, 96))
    assert three_axes.shape == (2, 5, 24)


def test_layers_that_somebody_exchanges_stay_plain(network: nn.Sequential) -> None:
    assert pack(network, keep={"0.bias"}) == 2
    assert type(network[0]) is nn.Linear
    assert isinstance(network[2], PackedLinear)


def test_other_dtypes_stay_plain(network: nn.Sequential) -> None:
    assert pack(network.to(torch.bfloat16)) == 0


def test_without_the_operators_nothing_changes(
    network: nn.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(name: str) -> None:
        raise AttributeError(name)

    monkeypatch.setattr("lmm4lmm.model.packed._operator", gone)
    assert not works()
    assert pack(network) == 0
    assert type(network[0]) is nn.Linear


def test_a_wrong_product_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackedLinear, "forward", lambda self, states: states * 0)
    assert not works()
