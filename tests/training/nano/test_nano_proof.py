"""The short proof: nano learns a small world whose truth is known, and nothing from labels dealt out at random.

The long one is ``benchmarks/proof.py``; its figures stand in docs/nano.md.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.training.examples import Example

pytest.importorskip("accelerate")

PROMPTS, GENERATORS, AGAIN = 136, 4, 2


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, nano_base_folder: Path) -> Path:
    """A small world, and in ``features`` what the eye saw of it: looked at once for both tests."""
    from lmm4lmm.training.synthetic.world import world
    from lmm4lmm.training.synthetic.writing import write

    folder = tmp_path_factory.mktemp("proof")
    write(world(3, prompts=PROMPTS, generators=GENERATORS, size=(256, 256)), folder, again=AGAIN)
    (folder / "features").mkdir()
    return folder


def examples_of(drawn: Path) -> list[Example]:
    from lmm4lmm.training.rows import read_examples

    return list(read_examples(drawn / "manifest.jsonl", drawn / "human.jsonl", DIMENSIONS).examples)


def trained(drawn: Path, folder: Path, examples: list[Example], *, steps: int) -> dict[str, Any]:
    """``training.json`` of a short run from nothing.

    Seeds and first values differ: after 240 steps correspondence came to .23 and .33 with the network of 0.3 (seeds
    2504 and 1), to .10 with a view of its own for matching (seed 1), which passes .2 after 400.
    """
    from lmm4lmm.training.nano.learner import open_nano_learner
    from lmm4lmm.training.recipes import NANO
    from lmm4lmm.training.run import run
    from lmm4lmm.training.splitting import SplitPlan

    folder.mkdir()
    (folder / "features").symlink_to(drawn / "features")
    recipe = replace(NANO, steps=steps, batch=128, rows_at_once=128, validate_every=60, seed=1)
    learner = open_nano_learner(recipe, folder, start="blank")
    made = run(learner, recipe, examples, SplitPlan(validation=0.1, test=0.2), folder, lambda _: None)
    return dict(made.facts)


@pytest.mark.slow
def test_learns_what_is_so(drawn: Path, tmp_path: Path) -> None:
    facts = trained(drawn, tmp_path / "run", examples_of(drawn), steps=400)
    test = facts["test"]
    assert test["perception"]["srcc"] > 0.6
    assert test["correspondence"]["srcc"] > 0.15  # some 300 rows: chance stays within .12
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
    test = trained(drawn, tmp_path / "run", dealt, steps=120)["test"]
    assert abs(test["perception"]["srcc"]) < 0.35  # about 100 images: two deviations are .2
    assert abs(test["correspondence"]["srcc"]) < 0.25
    assert 0.38 < test["answer"]["balanced_accuracy"] < 0.62
