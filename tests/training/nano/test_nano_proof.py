"""The short proof: nano learns a small world whose truth is known, and nothing from labels dealt out at random.

The long one is ``benchmarks/proof.py``; its figures stand in docs/nano.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.training.examples import Example
from lmm4lmm.training.synthetic.world import Record, World, world
from lmm4lmm.training.synthetic.writing import write

pytest.importorskip("accelerate")

PROMPTS, GENERATORS, AGAIN = 680, 4, 5
TASKS = ("scene", "time and light")
"""What is learnt first: after 150 steps answers have an AUC of .85. Other tasks, and how well a prompt fits on a
scale, take the long proof: correspondence is here no further from chance than seeds and processors are apart."""


class Easy(World):
    """A world's records of these tasks alone; nothing else of it is drawn."""

    def __iter__(self) -> Iterator[Record]:
        return (record for record in super().__iter__() if record.prompt.task in TASKS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, nano_base_folder: Path) -> Path:
    """A small world, and in ``features`` what the eye saw of it: looked at once for both tests."""
    folder = tmp_path_factory.mktemp("proof")
    whole = world(3, prompts=PROMPTS, generators=GENERATORS, size=(256, 256))
    write(Easy(**vars(whole)), folder, again=AGAIN)
    (folder / "features").mkdir()
    return folder


def examples_of(drawn: Path) -> list[Example]:
    from lmm4lmm.training.rows import read_examples

    return list(read_examples(drawn / "manifest.jsonl", drawn / "human.jsonl", DIMENSIONS).examples)


def trained(drawn: Path, folder: Path, examples: list[Example], *, steps: int) -> dict[str, Any]:
    """``training.json`` of a short run from nothing."""
    from lmm4lmm.training.nano.learner import open_nano_learner
    from lmm4lmm.training.recipes import NANO
    from lmm4lmm.training.run import run
    from lmm4lmm.training.splitting import SplitPlan

    folder.mkdir()
    (folder / "features").symlink_to(drawn / "features")
    recipe = replace(NANO, steps=steps, batch=64, rows_at_once=64, validate_every=60, seed=1)
    learner = open_nano_learner(recipe, folder, start="blank")
    made = run(learner, recipe, examples, SplitPlan(validation=0.1, test=0.2), folder, lambda _: None)
    return dict(made.facts)


@pytest.mark.slow
def test_learns_what_is_so(drawn: Path, tmp_path: Path) -> None:
    facts = trained(drawn, tmp_path / "run", examples_of(drawn), steps=150)
    test = facts["test"]
    assert test["perception"]["srcc"] > 0.4  # some 36 images: two deviations of chance are .33
    assert test["answer"]["auc"] > 0.65  # some 145 rows: three are .15
    assert facts["skipped_rows"] == 0


@pytest.mark.slow
def test_learns_nothing_from_shuffled_labels(drawn: Path, tmp_path: Path) -> None:
    """The test of the test: the same run with the labels of other rows is at chance."""
    examples = examples_of(drawn)
    order = np.random.default_rng(0).permutation(len(examples))
    names = ("perception", "perception_std", "correspondence", "correspondence_std", "answer")
    dealt = [
        replace(one, **{name: getattr(examples[other], name) for name in names})
        for one, other in zip(examples, order, strict=True)
    ]
    test = trained(drawn, tmp_path / "run", dealt, steps=60)["test"]
    assert abs(test["perception"]["srcc"]) < 0.5
    assert 0.35 < test["answer"]["auc"] < 0.65
