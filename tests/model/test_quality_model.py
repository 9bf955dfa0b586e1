"""Base, adapters and switching."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parent / "official"))
from random_checkpoint import Shape, write

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.bases.internvl import InternVL
from lmm4lmm.model.checkpoint import AdapterWeights, Checkpoint, LowRank
from lmm4lmm.model.loading import LoadOptions, build
from lmm4lmm.model.official.reading import read_checkpoint

LAYER = "language_model.layers.1.mlp.up_proj"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("released")
    return read_checkpoint({"perception": write(folder / "p", Shape(), kind="score", seed=1, base_seed=0)})


def with_adapter(checkpoint: Checkpoint, weights: AdapterWeights) -> Checkpoint:
    return replace(checkpoint, adapters={"perception": weights})


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_no_state(checkpoint: Checkpoint, side: str) -> None:
    model = build(checkpoint)
    base = model.base
    assert isinstance(base, InternVL)
    draw = torch.Generator().manual_seed(0)
    seen = base.see(torch.randint(0, 255, (3, 56, 56, 3), generator=draw, dtype=torch.uint8))
    features = [seen[:1].flatten(0, 1), seen[1:].flatten(0, 1)]
    rows = [
        [
            *base.dialogue.stem(base.reader, [base.image_token] * len(found)),
            *base.text("word " * (3 + 9 * row), "yes"),
        ]
        for row, found in enumerate(features)
    ]
    longest = max(len(row) for row in rows)
    ids = torch.full((2, longest), 2)
    mask = torch.zeros(2, longest, dtype=torch.long)
    for index, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(longest - len(row), longest)
        ids[index, place], mask[index, place] = torch.tensor(row), 1
    model.use("perception")
    with torch.inference_mode():
        together = base.hidden(ids, mask, features)
        for index, row in enumerate(rows):
            alone = base.hidden(torch.tensor([row]), torch.ones(1, len(row)), [features[index]])[0]
            torch.testing.assert_close(together[index][mask[index].bool()], alone, atol=1e-5, rtol=1e-5)
    assert not together[mask == 0].any()


def test_an_adapter_of_a_layer_that_is_not_there_is_an_error(checkpoint: Checkpoint) -> None:
    low = LowRank(torch.zeros(2, 64), torch.zeros(128, 2), 2.0)
    for name, reason in (
        ("language_model.layers.9.mlp.up_proj", "does not have"),
        ("language_model.layers.0.mlp", "no linear layer"),
        ("language_model.layers.0.mlp.down_proj", "made for a layer of shape"),
    ):
        with pytest.raises(WeightsError, match=reason):
            build(with_adapter(checkpoint, AdapterWeights("answer", {name: low})))


def test_a_replacement_of_another_shape_is_an_error(checkpoint: Checkpoint) -> None:
    for name, reason in (
        ("multi_modal_projector.linear_2.bias", "in an adapter"),
        ("language_model.nothing.weight", "does not have"),
    ):
        with pytest.raises(WeightsError, match=reason):
            build(with_adapter(checkpoint, AdapterWeights("answer", replaced={name: torch.zeros(3)})))


def test_a_head_must_be_one(checkpoint: Checkpoint) -> None:
    heads = dict(checkpoint.adapters["perception"].heads)
    for broken, reason in (
        ({k: v for k, v in heads.items() if "fc3" not in k}, "fc3|fc5|no "),
        (heads | {"perception.gate.weight": torch.zeros(1)}, "no known use"),
        ({k: v for k, v in heads.items() if "fc5" not in k}, "one number"),
    ):
        with pytest.raises(WeightsError, match=reason):
            build(with_adapter(checkpoint, AdapterWeights("perception", heads=broken)))


def test_gradients_flow_through_an_adapted_layer(checkpoint: Checkpoint) -> None:
    model = build(checkpoint, LoadOptions(pack=False))
    model.use("perception")
    layer = model.base.network.get_submodule(LAYER)
    states = torch.randn(5, 64, requires_grad=True)
    assert layer.low is not None
    a, b, scale = layer.low
    expected = states @ (layer.weight + scale * b @ a).T
    torch.testing.assert_close(layer(states), expected, atol=1e-5, rtol=1e-5)
    layer(states).sum().backward()
    assert states.grad is not None
    with torch.inference_mode():
        torch.testing.assert_close(layer(states.detach()), expected, atol=1e-5, rtol=1e-5)
