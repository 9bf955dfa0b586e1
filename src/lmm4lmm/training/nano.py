"""Trains nano's first version from the folder of shared development data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file

from lmm4lmm.core import files
from lmm4lmm.model.nano import assembly as nano
from lmm4lmm.model.nano import base as nano_base
from lmm4lmm.model.nano.language import START, lower
from lmm4lmm.model.nano.network import ImageFeatures, NanoNetwork
from lmm4lmm.model.nano.processing import TextReader
from lmm4lmm.model.nano.projector import seen
from lmm4lmm.training.features import FeatureCache
from lmm4lmm.training.loop import Recipe, Trainer
from lmm4lmm.training.pictures import Picture, all_pictures
from lmm4lmm.training.validation import figures, predict, validation_lessons

VERSION = "0.1"

Say = Callable[[str], None]


def train_nano(data: Path, out: Path, recipe: Recipe, *, say: Say = print) -> nano.Facts:
    """Trains, validates and writes ``trained.safetensors`` and ``facts.json`` into ``out``; resumes what is there.

    Args:
        data: the folder with ``imagenet_sample``, ``coco_mini`` and the rest.
        out: receives features, checkpoint, log and result.
        recipe: steps, rates, seed.
        say: told what is going on.

    Raises:
        InputError: data are missing.
        WeightsError: the base has not been pulled.
    """
    pictures = all_pictures(data)
    reader = nano.text_reader()
    eye = nano.load_base()
    say(f"{len(pictures)} pictures; looking at those that were not looked at yet")
    cache = FeatureCache(out / "features", pictures)
    cache.fill(eye)
    del eye
    features = cache.load()
    model = nano.load_base(dtype=torch.bfloat16)
    start_from_words(model, reader, pictures, features)
    trainer = Trainer(model, reader, features, pictures, recipe, out, say)
    trainer.run()
    save_file(trainer.trained_state(), out / nano.TRAINED_FILE)
    facts = nano.Facts(
        version=VERSION,
        lora=recipe.lora,
        base=nano_base.require().fingerprint,
        sha256=files.sha256(out / nano.TRAINED_FILE),
        self_test=None,
        validation={},
    )
    write_facts(out, facts)
    scoring, _ = nano.load_trained(out)  # what users will run: merged, in single precision
    lessons = validation_lessons(trainer.examiner)
    facts = msgspec.structs.replace(
        facts,
        self_test=nano.run_self_test(scoring, reader),
        validation=figures(trainer.examiner, lessons, predict(scoring, reader, features, lessons)),
    )
    write_facts(out, facts)
    return facts


def write_facts(folder: Path, facts: nano.Facts) -> None:
    """Writes ``facts.json``."""
    files.write_atomically(folder / nano.FACTS_FILE, msgspec.json.format(msgspec.json.encode(facts)) + b"\n")


@torch.no_grad()
def start_from_words(
    model: NanoNetwork, reader: TextReader, pictures: Sequence[Picture], features: ImageFeatures
) -> None:
    """Sets what is not learned but measured: the class names' hidden states and the features' means and deviations.

    Class numbers are the rank of the WordNet id, as in ILSVRC 2012. The queries start at the states of words that
    say what is asked.
    """

    def states(before: str, text: str) -> torch.Tensor:
        prefix, ids = reader.read_words(before), reader.read_words(before + text)
        return lower(model.language, torch.tensor([[START, *ids]]))[0, 1 + len(prefix) :].float()

    names = {p.row["wnid"]: p.row["label"] for p in pictures if "wnid" in p.row}
    tokens = [states(" a photo of a", f" {names[wnid]}") for wnid in sorted(names)]
    model.projector.class_states.copy_(torch.stack([each.mean(0) for each in tokens]))
    every = torch.cat(tokens)
    model.grounding.mean.copy_(every.mean(0))
    model.grounding.scale.copy_(every.std(0) + 1e-4)
    words = (" image quality score", " text match score", " yes or no answer")
    model.queries.copy_(torch.stack([states(" the", text).mean(0) for text in words]))
    known = [i for i, picture in enumerate(pictures) if not picture.held_out]
    everything = seen(features.cells[known].float().mean(1), features.statistics[known])
    model.projector.seen_mean.copy_(everything.mean(0))
    model.projector.seen_scale.copy_(everything.std(0) + 1e-3)
    detail = model.projector.detail.weight
    torch.nn.init.normal_(detail, std=float(every.std()) / detail.shape[1] ** 0.5)
