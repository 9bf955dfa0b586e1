"""``lmm4lmm train nano``: what it passes on to nano's own training, which is a fake here, and what it prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lmm4lmm.training.recipes import RECIPES, RECIPES_OF_NANO

Run = Callable[..., Any]


class Shipping:
    """In place of nano's own training: notes what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.raises: type[BaseException] | None = None

    def train_nano(
        self, data: Path, out: Path, recipe: Any, *, say: Callable[[str], None]
    ) -> SimpleNamespace:
        self.calls.append((data, out, recipe))
        if self.raises is not None:
            raise self.raises
        say("looking")
        facts = SimpleNamespace(validation={"held-out prompts: AUC": 0.8125}, sha256="abc")
        return SimpleNamespace(folder=out, facts=facts)


@pytest.fixture
def shipping(monkeypatch: pytest.MonkeyPatch) -> Shipping:
    fake = Shipping()
    module = ModuleType("shipping")
    vars(module)["train_nano"] = fake.train_nano
    monkeypatch.setitem(sys.modules, "lmm4lmm.training.nano.shipping", module)
    return fake


NANO = ("train", "nano", "--data", "pictures", "-o", "out")


def test_the_recipe_nano_is_nanos_own_with_what_was_changed(cli: Run, shipping: Shipping) -> None:
    ended = cli(*NANO, "--set", "steps=9", "--set", "rate=0.5", "--steps", "3", "--seed", "7")
    assert ended.code == 0, ended.err
    expected = replace(RECIPES_OF_NANO["unified"], steps=3, seed=7, rate=0.5)
    assert shipping.calls == [(Path("pictures"), Path("out"), expected)]
    assert expected.batch != RECIPES["unified"].batch
    assert "held-out prompts: AUC" in ended.out
    assert "0.812" in ended.out
    assert "looking" in ended.err
    assert "--metric out -o scores.jsonl" in ended.err


def test_the_recipe_nano_reads_a_file_of_settings(cli: Run, shipping: Shipping, tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs the extra [train]")
    changes = tmp_path / "changes.yaml"
    changes.write_text("epochs: 2\nseed: 1\n")
    found = json.loads(cli(*NANO, "--config", changes, "--seed", "5", "--json").out)
    assert found == {"folder": "out", "validation": {"held-out prompts: AUC": 0.8125}, "sha256": "abc"}
    assert shipping.calls[0][2] == replace(RECIPES_OF_NANO["unified"], epochs=2.0, seed=5)


def test_the_recipe_nano_refuses_settings_that_are_none(cli: Run, shipping: Shipping) -> None:
    ended = cli(*NANO, "--set", "rat=1")
    assert (ended.code, shipping.calls) == (2, [])
    assert "rate" in ended.err


def test_a_stop_of_the_recipe_nano_says_how_to_go_on(cli: Run, shipping: Shipping) -> None:
    shipping.raises = KeyboardInterrupt
    ended = cli(*NANO)
    assert ended.code == 130
    assert "Run the same command again to go on." in ended.err
