"""Safetensors files of ours, read by the format's own library."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.shards import INDEX_FILE, ShardWriter, write_shards

KINDS = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_dtype_comes_back_bit_for_bit(tmp_path: Path, kind: torch.dtype) -> None:
    values = (torch.randn(3, 5, generator=torch.manual_seed(0)) * 100).to(kind)
    given = {"a": values, "transposed": values.T, "scalar": values[0, 0], "none": values[:0]}
    with ShardWriter(tmp_path / "x.safetensors", given) as writer:
        for name, value in given.items():
            writer.add(name, value)
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == given.keys()
    assert all(torch.equal(found[name], value) and found[name].dtype == kind for name, value in given.items())


def test_names_may_hold_anything(tmp_path: Path) -> None:
    names = ['"quoted"', "猫.weight", "a b/c\\d", "x" * 500]
    with ShardWriter(tmp_path / "x.safetensors", names) as writer:
        for number, name in enumerate(names):
            writer.add(name, torch.full((2,), float(number)))
    assert load_file(tmp_path / "x.safetensors").keys() == set(names)


def test_a_file_that_was_not_closed_is_read_by_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    writer = ShardWriter(path, ["a"])
    writer.add("a", torch.ones(1000))
    writer.__exit__(RuntimeError, RuntimeError(), None)
    with pytest.raises(SafetensorError):
        load_file(path)


def test_what_readers_could_not_align_is_refused(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "x.safetensors", ["a", "b"]) as writer:
        writer.add("a", torch.ones(3, dtype=torch.bfloat16))
        with pytest.raises(ValueError, match="aligned"):
            writer.add("b", torch.ones(1))
    with (
        ShardWriter(tmp_path / "y.safetensors", ["a"]) as writer,
        pytest.raises(WeightsError, match="complex"),
    ):
        writer.add("a", torch.ones(3, dtype=torch.complex64))


def test_shards_are_no_larger_than_asked_and_hold_one_dtype(tmp_path: Path) -> None:
    given = {
        f"w{n}": torch.full((5, 5), float(n)).to((torch.float32, torch.bfloat16)[n % 2]) for n in range(20)
    }
    write_shards(tmp_path, {name: partial(torch.clone, value) for name, value in given.items()}, largest=250)
    index = json.loads((tmp_path / INDEX_FILE).read_text())
    paths = sorted(tmp_path.glob("*.safetensors"))
    assert [path.name for path in paths] == [f"model-{n:05}-of-00007.safetensors" for n in range(1, 8)]
    assert index["metadata"]["total_size"] == sum(value.nbytes for value in given.values())
    found = {}
    for path in paths:
        held = load_file(path)
        assert sum(value.nbytes for value in held.values()) <= 250
        assert len({value.dtype for value in held.values()}) == 1
        assert all(index["weight_map"][name] == path.name for name in held)
        found |= held
    assert all(torch.equal(found[name], value) for name, value in given.items())
    assert len(found) == 20
