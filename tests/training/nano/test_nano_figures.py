from __future__ import annotations

from math import nan
from pathlib import Path

import numpy as np
import pytest

from lmm4lmm.core.records import Item
from lmm4lmm.training.examples import Example
from lmm4lmm.training.judging import Predictions
from lmm4lmm.training.nano.figures import WORLD, Said, held_out, said_of, with_another_picture


def row(source: str, number: int, task: str, **targets: float) -> Example:
    item = Item(
        id=f"{source}/{number}",
        path=Path(f"{source}/{number // 2}.png"),
        image=f"{source}/{number // 2}.png",
        prompt=f"prompt {number}",
        task=f"{source}: {task}" if task else "counting",
    )
    return Example(item, variant=str(number), **targets)


@pytest.fixture
def rows() -> list[Example]:
    photos = [
        row(
            "coco_mini",
            n,
            "right match" if n % 2 == 0 else "swapped match",
            correspondence=60.0,
            answer=1.0 - n % 2,
        )
        for n in range(24)
    ]
    scenes = [row("nlvr", n, "scene match", answer=float(n % 3 == 0)) for n in range(12)]
    return [*photos, *scenes]


def test_each_row_keeps_its_texts_and_targets_and_gets_a_picture_of_its_source(rows):
    lent = with_another_picture(rows, np.random.default_rng(0))
    assert [one.item.id for one in lent] == [one.item.id for one in rows]
    assert [one.item.prompt for one in lent] == [one.item.prompt for one in rows]
    targets = [[(one.correspondence, one.answer) for one in some] for some in (lent, rows)]
    np.testing.assert_array_equal(*targets)
    assert all(
        one.item.path.parts[0] == mine.item.path.parts[0] for one, mine in zip(lent, rows, strict=True)
    )
    pictures = [(one.item.image, one.variant) for one in rows]
    assert sorted((one.item.image, one.variant) for one in lent) == sorted(pictures)
    assert sum((one.item.image, one.variant) != kept for one, kept in zip(lent, pictures, strict=True)) > 25


def test_figures_tell_a_perfect_reader_from_a_blind_one(rows):
    perfect = {
        one.item.id: Said(one.item.id, correspondence=90.0 * ("right" in one.item.task), answer=one.answer)
        for one in rows
    }
    found = held_out(rows, perfect)
    assert found == {
        "correspondence auc, coco_mini": 1.0,
        "answer balanced accuracy, coco_mini": 1.0,
        "answer balanced accuracy, nlvr": 1.0,
    }
    blind = {one.item.id: Said(one.item.id, correspondence=50.0, answer=0.7) for one in rows}
    assert set(held_out(rows, blind).values()) == {0.5}


def test_in_the_synthetic_world_only_a_picture_with_its_own_prompt_counts():
    own = [row("w", n, "", correspondence=float(n)) for n in range(12)]
    other = [
        Example(
            Item(id=f"{n}-1", path=Path("x"), image="x", prompt="p", task="counting"), correspondence=50.0
        )
        for n in range(12)
    ]
    said = {one.item.id: Said(one.item.id, correspondence=one.correspondence) for one in own}
    said |= {one.item.id: Said(one.item.id, correspondence=float(n)) for n, one in enumerate(other)}
    assert held_out([*own, *other], said) == {f"correspondence srcc, {WORLD}": 1.0}


def test_what_was_not_predicted_is_none():
    columns = {"perception": np.array([50.0]), "correspondence": np.array([nan]), "answer": np.array([0.25])}
    one = row("nlvr", 0, "scene match")
    assert said_of([one], Predictions(columns)) == {one.item.id: Said(one.item.id, 50.0, None, 0.25)}
