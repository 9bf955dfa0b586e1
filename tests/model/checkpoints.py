"""Random checkpoints for the tests of this room: three released folders on one base, in a folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).with_name("official")))

from random_checkpoint import Shape, write

from lmm4lmm.model.checkpoint import Checkpoint

PARTS = (("Perception", "score"), ("Correspondence", "score"), ("QA", "qa"))
"""Folder and kind of each of the three."""


def three(folder: Path, *, shards: int = 2, dtype: torch.dtype = torch.bfloat16) -> Path:
    """The three released checkpoints, as random ones, in folders with the names of the release."""
    for seed, (name, kind) in enumerate(PARTS):
        write(
            folder / f"LMM4LMM-{name}", Shape(), kind=kind, seed=seed, base_seed=0, shards=shards, dtype=dtype
        )
    return folder


def tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Every tensor of a checkpoint by a name of its own."""
    found = {f"base/{name}": read() for name, read in checkpoint.base.items()}
    for name, adapter in checkpoint.adapters.items():
        for layer, low in adapter.lora.items():
            found |= {f"{name}/{layer}.a": low.a, f"{name}/{layer}.b": low.b}
        found |= {f"{name}/replaced/{key}": value for key, value in adapter.replaced.items()}
        found |= {f"{name}/heads/{key}": value for key, value in adapter.heads.items()}
    return found
