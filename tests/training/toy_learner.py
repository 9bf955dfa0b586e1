"""A learner of a few hundred weights: its "images" are numbers in the item's path, its text the prompt's length."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lmm4lmm.core.errors import ImageError, WeightsError
from lmm4lmm.core.records import Item
from lmm4lmm.training.checkpoints import gathered
from lmm4lmm.training.engine import fit
from lmm4lmm.training.examples import Example
from lmm4lmm.training.recipes import Losses, Recipe

WIDTH = 6


class ToyModule(nn.Module):
    """All three outputs from one hidden layer; a frozen "base" that no checkpoint may hold."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.base = nn.Linear(WIDTH, 64)
        self.base.requires_grad_(False)
        self.projector = nn.Linear(64, 16)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(16, 5)

    def forward(self, features: Tensor, asked: Tensor) -> dict[str, Tensor]:
        out = self.head(self.drop(torch.tanh(self.projector(torch.tanh(self.base(features))))))
        out = out.float()
        hide = torch.full_like(out[:, 0], nan)
        return {
            "perception": 50 + 15 * out[:, 0],
            "perception_std": 15 * nn.functional.softplus(out[:, 1]) + 1,
            "correspondence": torch.where(asked, 50 + 15 * out[:, 2], hide),
            "correspondence_std": torch.where(asked, 15 * nn.functional.softplus(out[:, 3]) + 1, hide),
            "answer": torch.where(asked, out[:, 4], hide),
        }


class ToyLearner:
    """See the module. ``unreadable`` are ids of items whose image can't be read."""

    metric = "toy"
    base = "a toy"

    def __init__(
        self, seed: int = 0, dropout: float = 0.0, unreadable: Sequence[str] = (), identity: str = "toy-1"
    ) -> None:
        torch.manual_seed(0)  # the base is always the same
        self.base_identity = identity
        self.module: nn.Module = ToyModule(dropout)
        torch.manual_seed(seed)
        self.module.projector.reset_parameters()
        self.module.head.reset_parameters()
        self.unreadable = set(unreadable)
        self.read: list[str] = []

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        return [
            {"params": list(self.module.projector.parameters()), "lr": recipe.lora_rate},
            {"params": list(self.module.head.parameters()), "lr": recipe.rate},
        ]

    def look(self, examples: Sequence[Example], say) -> dict[str, str]:
        return {}

    def size(self, example: Example) -> int:
        return len(example.item.prompt)

    def sample(self, example: Example) -> tuple[Tensor, bool]:
        if example.item.id in self.unreadable:
            raise ImageError(f"{example.item.path}: torn")
        self.read.append(example.item.id)
        return torch.tensor(features(example.item.id)), bool(example.item.prompt)

    def collate(self, samples: Sequence[Any]) -> dict[str, Any]:
        return {
            "features": torch.stack([sample[0] for sample in samples]),
            "asked": torch.tensor([sample[1] for sample in samples]),
        }

    def trained(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.module.named_parameters() if p.requires_grad}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        own = self.trained()
        if set(own) != set(state):
            raise WeightsError("other names")
        with torch.no_grad():
            for name, value in state.items():
                own[name].copy_(value)

    def write(self, folder: Path) -> None:
        torch.save({name: value.detach() for name, value in self.trained().items()}, folder / "toy.pt")


def features(identity: str) -> np.ndarray:
    """What the toy sees of an item."""
    return np.random.default_rng(int(identity)).standard_normal(WIDTH).astype(np.float32)


def examples(count: int, first: int = 0, masked: bool = True) -> list[Example]:
    """Rows whose targets follow from their features; with ``masked``, a third has each of three sets of targets."""
    rows = []
    for number in range(first, first + count):
        seen = features(str(number))
        prompt = "word " * (1 + number % 7) + str(number)
        kind = number % 3 if masked else -1
        # unevenly spread: later rows have fewer correspondence targets
        has_match = kind in (-1, 1) and (not masked or number % 5 > 0)
        item = Item(
            id=str(number),
            path=Path(f"{number}.png"),
            image=f"{number}.png",
            prompt=prompt if kind != 0 else "",
            generator=f"g{number % 4}",
            task=("counting", "colors")[number % 2],
            question="Is it?" if kind in (-1, 2) else None,
        )
        rows.append(
            Example(
                item,
                perception=float(50 + 12 * seen[0]) if kind != 2 else nan,
                perception_std=10.0 if kind != 2 else nan,
                correspondence=float(50 + 12 * seen[1]) if has_match else nan,
                correspondence_std=10.0 if has_match else nan,
                answer=float(seen[2] > 0) if kind in (-1, 2) else nan,
                weights=(1.0 + number % 2, 1.0, 0.5),
            )
        )
    return rows


def recipe(**changes: Any) -> Recipe:
    """Short, with every term that does not need words."""
    settings: dict[str, Any] = {
        "name": "unified",
        "form": "unified",
        "outputs": ("perception", "correspondence", "answer"),
        "losses": Losses(l1=0.5, gaussian=1.0, answer=2.0),
        "head": "gaussian",
        "steps": 20,
        "batch": 8,
        "rows_at_once": 4,
        "rate": 1e-2,
        "lora_rate": 5e-3,
        "warmup": 0.1,
        "validate_every": 5,
    }
    return Recipe(**(settings | changes))


def main() -> None:
    """Fits in a process of its own: ``toy_learner.py FOLDER SETTINGS``, for tests that kill it or start several.

    SETTINGS is JSON: ``recipe`` (changes), ``rows``, ``dropout``, ``unreadable``, ``options`` of the Trainer, and
    ``die``: the forward pass of training in which the process ends without a word.
    """
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    changes = settings.get("recipe", {})
    if "losses" in changes:
        changes["losses"] = Losses(**changes["losses"])
    learner = ToyLearner(dropout=settings.get("dropout", 0.0), unreadable=settings.get("unreadable", ()))
    die, passes = settings.get("die"), itertools.count(1)

    def end(module: nn.Module, *_: Any) -> None:
        if module.training and next(passes) == die:
            os._exit(137)

    learner.module.register_forward_pre_hook(end)
    fitted = fit(
        learner,
        recipe(**changes),
        examples(settings.get("rows", 40)),
        examples(23, first=1000),
        folder,
        lambda text: None,
        trainer_options=settings.get("options"),
    )
    with gathered(learner.module):
        if int(os.environ.get("RANK", "0")) == 0:
            learner.write(folder)
    if int(os.environ.get("RANK", "0")) == 0:
        (folder / "fitted.json").write_text(
            json.dumps(
                {"best_step": fitted.best_step, "score": fitted.best_score, "failed": dict(fitted.failed)}
            )
        )
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
