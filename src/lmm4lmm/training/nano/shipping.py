"""Trains the nano that lies in this package, from the folder of shared development data and a synthetic world."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch

from lmm4lmm.core import files
from lmm4lmm.model.nano import assembly as nano
from lmm4lmm.model.nano import base as nano_base
from lmm4lmm.model.nano.network import NanoNetwork
from lmm4lmm.model.nano.processing import TextReader
from lmm4lmm.training.examples import Example
from lmm4lmm.training.judging import predict
from lmm4lmm.training.learner import Say
from lmm4lmm.training.nano.figures import (
    WORLD,
    held_out,
    is_right,
    predictions,
    said_of,
    source_of,
    with_another_picture,
)
from lmm4lmm.training.nano.learner import NanoLearner, write_facts
from lmm4lmm.training.nano.rows import Sided, shipped_rows
from lmm4lmm.training.nano.weighing import weigh_evidence
from lmm4lmm.training.recipes import Recipe
from lmm4lmm.training.run import run
from lmm4lmm.training.splitting import SplitPlan

CONTROL = "control.json"
"""The held-out figures when each row gets another row's picture: what they come to without looking."""


@dataclass(frozen=True)
class Shipped:
    """A trained nano.

    Attributes:
        folder: of the result.
        facts: what belongs to it, with the figures on held-out pictures.
    """

    folder: Path
    facts: nano.Facts


def train_nano(data: Path, out: Path, recipe: Recipe, *, say: Say = print) -> Shipped:
    """Trains nano anew and judges it; called again after a stop, it goes on.

    Args:
        data: the folder with ``imagenet_sample``, ``coco_mini`` and the rest.
        out: receives the result, and in ``work`` what is needed to go on.
        recipe: of the form ``unified``.
        say: told what is going on.

    Raises:
        InputError: data are missing, or ``out`` holds another run.
        WeightsError: the base or the teacher can't be had.
    """
    out.mkdir(parents=True, exist_ok=True)
    if nano_base.manifest() is None:
        nano_base.pull(say=say)
    rows = shipped_rows(data, out / "work", say)
    splits = out / "work" / "splits.csv"
    with splits.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "split"))
        writer.writerows((one.example.item.id, one.side) for one in rows)
    torch.manual_seed(recipe.seed)
    network, reader = nano.load_base(), nano.text_reader()
    start_from_words(network, reader, class_names(rows))
    learner = NanoLearner(network, reader, recipe, out, "blank")
    examples = [one.example for one in rows]
    run(learner, recipe, examples, SplitPlan(), out, say, split_file=splits)
    usable = predictions(out)  # of all rows that could be read
    validation, test = (
        [one.example for one in rows if one.side == side and one.example.item.id in usable]
        for side in ("validation", "test")
    )
    _weigh(learner, network, validation, say)
    learner.write(out)

    def judged(some: Sequence[Example]) -> dict[str, float]:
        return held_out(some, said_of(some, predict(learner, some, recipe.rows_at_once)))

    facts = msgspec.structs.replace(nano.read_facts(out), validation=judged(test))
    write_facts(out, facts)
    control = judged(with_another_picture(test, np.random.default_rng(0)))
    files.write_atomically(out / CONTROL, msgspec.json.format(msgspec.json.encode(control)) + b"\n")
    return Shipped(out, facts)


def _weigh(learner: NanoLearner, network: NanoNetwork, validation: Sequence[Example], say: Say) -> None:
    """On pictures of this world only: in the synthetic one class names say nothing."""
    of_pictures = [one for one in validation if source_of(one) not in (WORLD, "nlvr")]
    pictures = [one for one in of_pictures if is_right(one) is not None]
    right = [bool(is_right(one)) for one in pictures]
    found = weigh_evidence(learner, network, pictures, [source_of(one) for one in pictures], right)
    say(f"learned {found[0]:.2f}, evidence " + ", ".join(f"{weight:.2f}" for weight in found[1:]))


def install(trained: Path, target: Path) -> None:
    """Copies what scoring needs of a result: how a release is made."""
    for name in (nano.TRAINED_FILE, nano.FACTS_FILE):
        shutil.copyfile(trained / name, target / name)
    with files.atomic_path(target / "training_log.jsonl") as temporary:
        lines = (trained / "log.jsonl").read_text("utf-8").splitlines()
        kept = [line for number, line in enumerate(lines) if number % 20 == 0 or '"validation"' in line]
        temporary.write_text("\n".join(kept) + "\n", "utf-8")


def class_names(rows: Sequence[Sided]) -> list[str]:
    """The 1,000 names of ImageNet's classes, in the order of the eye's outputs: that of the WordNet ids."""
    found: dict[str, str] = {}
    for one in rows:
        item = one.example.item
        if item.image.startswith("imagenet_sample/"):
            manifest = item.path.parents[len(Path(item.image).parts) - 2] / "manifest.jsonl"
            for line in manifest.read_text("utf-8").splitlines():
                row = json.loads(line)
                found[row["wnid"]] = row["label"]
            break
    return [found[wnid] for wnid in sorted(found)]


@torch.no_grad()
def start_from_words(network: NanoNetwork, reader: TextReader, names: Sequence[str]) -> None:
    """Sets what is measured and not learned: the class names' states, their mean and deviation, the first map."""
    texts = [tuple(reader.read_words(f" {name}")) for name in names]
    found = network.language.encoded(texts)
    states = [words.float().chunk(2, -1)[1] for words in found]
    every = torch.cat(states)
    network.scene.class_states.copy_(torch.stack([state.mean(0) for state in states]))
    network.grounding.mean.copy_(every.mean(0))
    network.grounding.scale.copy_(every.std(0) + 1e-4)
    network.grounding.start_from(network.scene.class_states)
