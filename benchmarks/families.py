"""What nano's perception knows of generators that it never saw: each family of kin generators is left out once.

    .venv/bin/python benchmarks/families.py FOLDER --data DATA [--variants shipped,full-reference,...]

FOLDER receives one result per variant and family, and goes on where it was; to save a quarter of an hour, let
FOLDER/features be a copy (or a link) of those that `lmm4lmm train nano --data DATA -o OUT` left in OUT. Only pictures
with a made level are used, none of the synthetic world. Perception alone is trained, by nano's own recipe.

Variants:
    shipped         labels and recipe of the shipped nano
    full-reference  the penalty of a fault is read off the picture, by MS-SSIM and VIF with the picture without the
                    fault, in place of the fault's level (needs the package torchmetrics)
    rank            and a rank loss over the pairs of a batch
    level           labels without BRISQUE's opinion

What people said of these pictures is known by generator only, so that is what is printed: SRCC over clean AI images
with their generator's published mean, over generators, and how BRISQUE does alone.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from full_reference import penalties

from lmm4lmm.core.records import Item
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.training.examples import Example
from lmm4lmm.training.nano.figures import predictions
from lmm4lmm.training.nano.learner import open_nano_learner
from lmm4lmm.training.nano.pictures import GENERATOR_QUALITY, Picture, all_pictures
from lmm4lmm.training.nano.rows import LEVEL_SHARE, Key, key_of, qualities
from lmm4lmm.training.recipes import NANO, Losses, Recipe
from lmm4lmm.training.run import PREDICTIONS, run
from lmm4lmm.training.splitting import SplitPlan

FAMILIES = {
    "stable diffusion": ("sd-1.4", "sd-1.5", "sd-2.1", "stab"),
    "midjourney, dall-e 2": ("midj", "dal2"),
    "dall-e 3, sdxl, cascade": ("dall-e-3", "sdxl", "stable-cascade"),
    "disco, latent diffusion": ("disco", "ldif"),
    "dall-e mini": ("dmin", "simu"),
    "glide": ("glid3", "mdif"),
}
PERCEPTION = replace(NANO, outputs=("perception",), losses=Losses(l1=0.5, gaussian=0.5))

Labels = Mapping[Key, float]


@dataclass(frozen=True)
class Variant:
    """What differs from the shipped nano: the labels, given pictures and BRISQUE's share of them, or the recipe."""

    labels: Callable[[Sequence[Picture], Labels, Path], Labels]
    recipe: Recipe = PERCEPTION


def as_shipped(pictures: Sequence[Picture], labels: Labels, folder: Path) -> Labels:
    """The labels of the shipped nano."""
    return labels


def by_full_reference(pictures: Sequence[Picture], labels: Labels, folder: Path) -> Labels:
    """Labels whose made half loses what MS-SSIM and VIF say, not what the fault's level says."""
    levels = penalties(pictures, folder / "full_reference.jsonl")
    return {
        key_of(one): labels[key_of(one)] + LEVEL_SHARE * (levels.get(key_of(one), one.level) - one.level)
        for one in pictures
        if one.level is not None
    }


def by_level(pictures: Sequence[Picture], labels: Labels, folder: Path) -> Labels:
    """The made level alone."""
    return {key_of(one): one.level for one in pictures if one.level is not None}


VARIANTS = {
    "shipped": Variant(as_shipped),
    "full-reference": Variant(by_full_reference),
    "rank": Variant(as_shipped, replace(PERCEPTION, losses=Losses(l1=0.5, gaussian=0.5, rank=0.5))),
    "level": Variant(by_level),
}


def main() -> None:
    """Prints a table, one row a variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    pictures = [one for one in all_pictures(asked.data) if one.level is not None]
    labels = qualities(pictures, asked.folder / "brisque.jsonl", print)
    # On the scale of the levels: what the label holds beside its share of the level.
    opinion = {
        key_of(one): (labels[key_of(one)] - LEVEL_SHARE * one.level) / (1 - LEVEL_SHARE) for one in pictures
    }
    lines = [line("BRISQUE alone", pictures, opinion, opinion)]
    for name in asked.variants.split(","):
        variant = VARIANTS[name]
        made = variant.labels(pictures, labels, asked.folder)
        found: dict[Key, float] = {}
        for number, family in enumerate(FAMILIES.values()):
            print(f"-- {name}: without {', '.join(family)}", flush=True)
            out = asked.folder / f"{name}-{number}"
            found |= predicted(pictures, made, family, variant.recipe, asked.folder, out)
        lines.append(line(name, pictures, found, opinion))
    print(
        "| variant | images | generators | within, with BRISQUE |\n| --- | --- | --- | --- |",
        *lines,
        sep="\n",
    )


def predicted(
    pictures: Sequence[Picture],
    labels: Labels,
    family: Sequence[str],
    recipe: Recipe,
    folder: Path,
    out: Path,
) -> dict[Key, float]:
    """Perception of a family's pictures by a nano that saw none of them; a finished run is not repeated."""
    examples = {key_of(one): example(one, labels[key_of(one)]) for one in pictures}
    if not (out / PREDICTIONS).exists():
        out.mkdir(parents=True, exist_ok=True)
        with (out / "split.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("id", "split"))
            for one in pictures:
                side = "test" if one.generator in family else "validation" if one.side == "test" else "train"
                writer.writerow((examples[key_of(one)].item.id, side))
        learner = open_nano_learner(recipe, folder, start="blank")
        rows = list(examples.values())
        run(learner, recipe, rows, SplitPlan(), out, print, split_file=out / "split.csv")
    said = predictions(out)
    ours = [one for one in pictures if one.generator in family and not one.alter.name]
    return {key_of(one): float(said[examples[key_of(one)].item.id].perception) for one in ours}


def example(picture: Picture, label: float) -> Example:
    """A row with perception only."""
    item = Item(
        id=f"{picture.source}/{picture.row['id']}/{picture.alter.name or 'clean'}",
        path=picture.path,
        image=picture.image,
        prompt="",
        generator=picture.generator,
    )
    return Example(
        item,
        perception=label,
        weights=(picture.certain, 0.0, 0.0),
        alter=picture.alter if picture.alter.name else None,
        variant=picture.alter.name,
    )


def line(
    name: str, pictures: Sequence[Picture], said: Mapping[Key, float], opinion: Mapping[Key, float]
) -> str:
    """A row of the table, of clean AI images whose generator has a published mean."""
    mine = [one for one in pictures if one.generator in GENERATOR_QUALITY and not one.alter.name]
    scores = np.array([said[key_of(one)] for one in mine])
    means = np.array([GENERATOR_QUALITY[one.generator] for one in mine])
    of_brisque = np.array([opinion[key_of(one)] for one in mine])
    names = np.array([one.generator for one in mine])
    each = [names == generator for generator in sorted(set(names))]
    generators = srcc(np.array([scores[of].mean() for of in each]), np.array([means[of][0] for of in each]))
    within = float(np.mean([srcc(scores[of], of_brisque[of]) for of in each if np.count_nonzero(of) > 9]))
    return f"| {name} | {srcc(scores, means):.2f} | {generators:.2f} | {within:.2f} |"


if __name__ == "__main__":
    main()
