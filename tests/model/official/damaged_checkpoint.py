"""What can be wrong with a written checkpoint, for tests of what finds it."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from random_checkpoint import INDEX, PTH, shard_files, tensor_names, write_json
from safetensors.torch import load_file, save_file
from torch import Tensor


def zero_lora_b(folder: Path) -> None:
    """Every LoRA B becomes zero, in the shards and in ``lora_weights.pth``: adapters that do nothing."""

    def zeroed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {n: torch.zeros_like(t) if ".lora_B." in n else t for n, t in tensors.items()}

    for path in shard_files(folder):
        _rewrite(path, zeroed)
    if (folder / PTH).exists():
        torch.save(zeroed(torch.load(folder / PTH, weights_only=True)), folder / PTH)


def constant_head(folder: Path) -> None:
    """The head's last weight becomes zero: every image gets the bias, about 50."""
    last = max(name for name in tensor_names(folder) if name.startswith("mlpscore.fc"))
    last = last.replace(".bias", ".weight")
    for path in shard_files(folder):
        _rewrite(path, lambda t: t | {last: torch.zeros_like(t[last])} if last in t else t)


def drop_tensor(folder: Path, name: str) -> None:
    """Takes one tensor out of its shard and out of the index.

    Raises:
        KeyError: no shard has it.
    """
    if name not in tensor_names(folder):
        raise KeyError(name)
    for path in shard_files(folder):
        _rewrite(path, lambda tensors: {n: t for n, t in tensors.items() if n != name})
    _edit_index(folder, lambda where: where.pop(name))


def add_tensor(folder: Path, name: str) -> None:
    """Adds a tensor of seven zeros to the last shard and to the index."""
    path = shard_files(folder)[-1]
    _rewrite(path, lambda tensors: tensors | {name: torch.zeros(7)})
    _edit_index(folder, lambda where: where.update({name: path.name}))


def evil_pickle(folder: Path) -> Path:
    """A ``lora_weights.pth`` that makes a file when it is unpickled without care; returns that file's path."""
    marker = folder / "the_pickle_ran"
    (folder / PTH).write_bytes(pickle.dumps(_Evil(marker), protocol=2))
    return marker


@dataclass(frozen=True)
class _Evil:
    marker: Path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.marker),)


def truncated_shard(folder: Path) -> Path:
    """Cuts the last shard to half its bytes, as a download that stopped; returns its path."""
    path = shard_files(folder)[-1]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def _rewrite(path: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    save_file(change(tensors), path, metadata={"format": "pt"})


def _edit_index(folder: Path, change: Callable[[dict[str, str]], object]) -> None:
    path = folder / INDEX
    if path.exists():
        index = json.loads(path.read_text(encoding="utf-8"))
        change(index["weight_map"])
        write_json(path, index)
