"""The simulation behind docs/scale.md: it agrees with the arithmetic, and its table is the document's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "scale_simulation", ROOT / "benchmarks" / "scale_simulation.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scale_simulation"] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_rates_are_those_of_the_slowest_part(simulation: ModuleType) -> None:
    found = {name: simulation.simulate(plant, 6000, 1) for name, plant in simulation.cases().items()}
    for name, plant in simulation.cases().items():
        assert found[name].rate == pytest.approx(min(plant.limits().values()), rel=0.05), name
        assert found[name].bottleneck == plant.bottleneck(), name
    assert {one.bottleneck for one in found.values()} == {"store", "readers", "GPUs"}


def test_what_waits_is_bounded(simulation: ModuleType) -> None:
    plant = simulation.Plant(gpus=1, buffer=20)
    assert 20 <= simulation.simulate(plant, 500, 0).most_waiting <= 20 + plant.readers


def test_the_table_of_the_document_is_the_simulation_s(simulation: ModuleType) -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    for name, plant in simulation.cases().items():
        rate = simulation.simulate(plant, 20_000, 0).rate
        assert f"| {name} | {rate:.1f} | {min(plant.limits().values()):.1f} |" in page
