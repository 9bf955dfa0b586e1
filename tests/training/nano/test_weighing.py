"""How far learned and grounded are trusted, on a tiny network whose evidence is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lmm4lmm.core.records import Item
from lmm4lmm.model.nano.grounding import FEATURES
from lmm4lmm.model.nano.heads import Head
from lmm4lmm.model.nano.reader import FOUND
from lmm4lmm.training.examples import Example
from lmm4lmm.training.nano.weighing import weigh_evidence

WAIST = 4
N = 400


class Told:
    """A learner whose rows have a feature that the head reads, and evidence; scores as nano makes them."""

    def __init__(self, learned: np.ndarray, evidence: np.ndarray) -> None:
        self.inputs = torch.zeros(len(learned), FOUND + FEATURES + WAIST)
        self.inputs[:, 0] = torch.from_numpy(learned)
        self.inputs[:, FOUND : FOUND + FEATURES] = torch.from_numpy(evidence)
        head = Head(FOUND + FEATURES + WAIST, 2)
        head.layers = torch.nn.Sequential(torch.nn.Linear(FOUND + FEATURES + WAIST, 2))
        with torch.no_grad():
            head.layers[0].weight.zero_()
            head.layers[0].weight[0, 0] = 1.0
            head.layers[0].bias.zero_()
        liking = torch.nn.Linear(1, 2)
        torch.nn.init.zeros_(liking.weight)
        torch.nn.init.zeros_(liking.bias)
        self.network = SimpleNamespace(
            correspondence_head=head, liking=liking, match_evidence=torch.zeros(FEATURES)
        )
        head.requires_grad_(False)
        liking.requires_grad_(False)
        self.module = _Module(self)

    def sample(self, example: Example) -> int:
        return int(example.item.id)

    def collate(self, rows: list[int]) -> dict[str, torch.Tensor]:
        return {"rows": torch.tensor(rows)}


class _Module:
    def __init__(self, told: Told) -> None:
        self._told = told

    def eval(self) -> None:
        pass

    def __call__(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        inputs, network = self._told.inputs[rows], self._told.network
        raw = network.correspondence_head(inputs)[:, 0]
        raw = raw + inputs[:, FOUND : FOUND + FEATURES] @ network.match_evidence
        return {"correspondence": 100 * raw.sigmoid()}


def rows_of(right: np.ndarray) -> list[Example]:
    return [
        Example(
            Item(id=str(n), path=Path("x"), image="x", prompt="p"), correspondence=70.0 if is_right else 30.0
        )
        for n, is_right in enumerate(right)
    ]


def weighed(learned: np.ndarray, evidence: np.ndarray, right: np.ndarray) -> tuple[list[float], np.ndarray]:
    told = Told(learned.astype(np.float32), evidence.astype(np.float32))
    rows = rows_of(right)
    found = weigh_evidence(told, told.network, rows, ["a", "b"] * (len(rows) // 2), right.tolist())  # type: ignore[arg-type]
    said = told.module(torch.arange(len(rows)))["correspondence"].numpy()
    return found, said


@pytest.fixture
def right() -> np.ndarray:
    return np.random.default_rng(0).random(N) < 0.5


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_who_is_right_is_trusted_and_who_guesses_is_not(right):
    knows, guesses = right * 2.0 - 1 + 0.3 * noise(1, N), noise(2, N)
    by_learned, _ = weighed(knows, noise(3, N, FEATURES), right)
    by_evidence, said = weighed(guesses, (right * 2.0 - 1)[:, None] + 0.3 * noise(4, N, FEATURES), right)
    assert by_learned[1:] == pytest.approx([0.0] * FEATURES)
    assert min(by_evidence[1:]) > 0.8 * by_evidence[0]  # the most that it may have, three times
    assert said[right].mean() > said[~right].mean() + 20


def test_the_scale_is_that_of_the_targets(right):
    """Whoever shouts is quietened: 70 and 30 are log odds of .85 and -.85."""
    _, said = weighed(8.0 * (right * 2.0 - 1), noise(3, N, FEATURES), right)
    assert said[right].mean() == pytest.approx(70, abs=1)
    assert said[~right].mean() == pytest.approx(30, abs=1)


def test_a_few_rows_change_nothing(right):
    few = right[:20]
    found, said = weighed(few * 2.0 - 1, noise(3, 20, FEATURES), few)
    assert found == [1.0, 0.0, 0.0, 0.0]
    assert said[few].mean() == pytest.approx(100 / (1 + np.exp(-1)), abs=0.1)
