"""Eight rows on small pictures, and a few steps of plain training on them."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

import torch
from tiny_bases import picture
from torch import Tensor
from torch.nn import functional as F

from lmm4lmm.core.records import Item
from lmm4lmm.training.examples import Example
from lmm4lmm.training.large.learner import LargeLearner
from lmm4lmm.training.recipes import Recipe

PROMPTS = ("a red ball", "two cats on a mat " * 3, "a tree", "the sea at night", "x", "a house", "dog", "y z")
SIZES = ((60, 60), (100, 50), (40, 90), (60, 60), (56, 56), (30, 44), (90, 60), (60, 60))


def examples(folder: Path) -> list[Example]:
    """Targets of all three kinds; some rows lack one."""
    found = []
    for row, (prompt, (width, height)) in enumerate(zip(PROMPTS, SIZES, strict=True)):
        path = folder / f"{row}.png"
        if not path.exists():
            picture(width, height, row).save(path)
        question = None if row == 3 else f"Is there {prompt.strip()}?"
        item = Item(id=str(row), path=path, image=path.name, prompt=prompt, question=question)
        found.append(
            Example(
                item,
                perception=float((row * 37) % 90 + 5),
                correspondence=nan if row == 2 else float((row * 53) % 90 + 5),
                answer=float(row % 2),
            )
        )
    return found


def batch(learner: LargeLearner, rows: Sequence[Example]) -> dict[str, Any]:
    return learner.collate([learner.sample(one) for one in rows])


def loss_of(outputs: dict[str, Tensor], rows: Sequence[Example]) -> Tensor:
    """Mean over what is there: tokens, absolute and Gaussian errors in units of 15 points, answers."""
    terms = []
    if "token_loss" in outputs:
        terms.append(outputs["token_loss"])
    for name in ("perception", "correspondence", "answer"):
        if name not in outputs:
            continue
        wanted = torch.tensor([one.target(name) for one in rows])
        there = ~(wanted.isnan() | outputs[name].isnan())
        given, wanted = outputs[name][there], wanted[there]
        if name == "answer":
            terms.append(F.binary_cross_entropy_with_logits(given, wanted, reduction="none"))
            continue
        error = (given - wanted) / 15
        terms.append(error.abs())
        if f"{name}_std" in outputs:
            spread = outputs[f"{name}_std"][there] / 15
            terms.append(0.1 * (0.5 * (error / spread) ** 2 + spread.log()))
    return torch.cat(terms).mean()


def train(learner: LargeLearner, rows: Sequence[Example], recipe: Recipe, steps: int = 30) -> list[float]:
    """Plain AdamW on all rows at once; the loss before every step and after the last, without dropout."""
    optimiser = torch.optim.AdamW(learner.parameter_groups(recipe))
    inputs, losses = batch(learner, rows), []
    for _ in range(steps):
        loss = loss_of(learner.module(**inputs), rows)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        losses.append(loss_of(learner.module(**inputs), rows).item())
    return losses
