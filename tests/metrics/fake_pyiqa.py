"""A module in the place of pyiqa, whose real one needs torchvision: as much of its form as we use (0.1.16)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

RANGES = {"plain": "0, 1", "bad": "~0, ~100", "endless": "0, ~", "odd": "quality: 0, 1; rank: 0, 2"}


class Mean(torch.nn.Module):
    """The mean of all pixels, in the metric's range."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.score_range, self.lower_better = RANGES[name], name == "bad"
        self.factor = torch.nn.Parameter(torch.tensor(100.0 if name == "bad" else 1.0))

    def forward(self, target: torch.Tensor) -> torch.Tensor:
        assert target.ndim == 4
        assert 0 <= target.min() <= target.max() <= 1
        return target.mean(dim=(1, 2, 3))[:, None] * self.factor


@contextmanager
def fake_pyiqa() -> Iterator[ModuleType]:
    """``import pyiqa`` gives this, for as long as the block runs."""
    module: Any = ModuleType("pyiqa")
    module.__version__ = "0.0-fake"
    module.list_models = lambda metric_mode=None: [
        *RANGES,
        "broken",
        *([] if metric_mode else ["lpips"]),
        "fid",
        "sfid",
    ]

    def create_metric(name: str, as_loss: bool = False, device: Any = None) -> Mean:
        if name == "broken":
            raise ConnectionError("no network")
        return Mean(name).to(device)

    module.create_metric = create_metric
    before = sys.modules.get("pyiqa")
    sys.modules["pyiqa"] = module
    try:
        yield module
    finally:
        if before is None:
            del sys.modules["pyiqa"]
        else:
            sys.modules["pyiqa"] = before
