"""Trains nano's first version from the folder of shared development data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file

from lmm4lmm.core import files
from lmm4lmm.model import nano, nano_base
from lmm4lmm.model.processing import TextReader
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.training.features import FeatureCache
from lmm4lmm.training.loop import Recipe, Trainer
from lmm4lmm.training.pictures import Picture, all_pictures

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
    model = nano.load_base(dtype=torch.bfloat16)
    start_from_words(model, reader, pictures)
    trainer = Trainer(model, reader, cache.load(), pictures, recipe, out, say)
    validation = trainer.run()
    save_file(trainer.trained_state(), out / nano.TRAINED_FILE)
    base = nano_base.manifest()
    facts = nano.Facts(
        version=VERSION,
        lora=recipe.lora,
        base=base.fingerprint if base else "",
        sha256=files.sha256(out / nano.TRAINED_FILE),
        self_test=None,
        validation=validation,
    )
    write_facts(out, facts)
    scoring, _ = nano.load_trained(out)
    facts = msgspec.structs.replace(facts, self_test=nano.run_self_test(scoring, reader))
    write_facts(out, facts)
    return facts


def write_facts(folder: Path, facts: nano.Facts) -> None:
    """Writes ``facts.json``."""
    files.write_atomically(folder / nano.FACTS_FILE, msgspec.json.format(msgspec.json.encode(facts)) + b"\n")


@torch.no_grad()
def start_from_words(model: QualityModel, reader: TextReader, pictures: Sequence[Picture]) -> None:
    """Starts the class embeddings at the names' own word embeddings, and the queries at words that say what is asked.

    Class numbers are the rank of the WordNet id, as in ILSVRC 2012.
    """
    words = model.language.get_input_embeddings().weight.float()  # type: ignore[operator]

    def embedding(text: str) -> torch.Tensor:
        mean: torch.Tensor = words[reader.read_words(text)].mean(0)
        return mean

    names = {p.row["wnid"]: p.row["label"] for p in pictures if "wnid" in p.row}
    for number, wnid in enumerate(sorted(names)):
        model.projector.class_embedding[number] = embedding(f" {names[wnid]}")
    model.queries[0] = embedding(" image quality score")
    model.queries[1] = embedding(" text match score")
    scale = words.std()
    last = model.projector.detail[-1].get_parameter("weight")
    torch.nn.init.normal_(last, std=float(scale) / last.shape[1] ** 0.5)
