"""Rows to train the shipped nano on: altered pictures with made labels, and a synthetic world; each with its side."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.records import DIMENSIONS, Item
from lmm4lmm.model.nano import assembly, brisque_features
from lmm4lmm.training.examples import Example
from lmm4lmm.training.learner import Say
from lmm4lmm.training.nano.lessons import Teacher
from lmm4lmm.training.nano.pictures import Picture, Side, all_pictures
from lmm4lmm.training.rows import read_examples
from lmm4lmm.training.splitting import SplitPlan, split
from lmm4lmm.training.synthetic.world import world
from lmm4lmm.training.synthetic.writing import write

WORLD_SEED, WORLD_PROMPTS, WORLD_GENERATORS, AGAIN = 101, 680, 8, 5
LEVEL_SHARE = 0.5
"""How much of a quality label is the made level; the rest is BRISQUE's opinion, on the same scale."""
_CLEAN, _SLOPE = 62.0, 0.55
"""What BRISQUE 0 stands for, and the points that one of BRISQUE's costs."""

Key: TypeAlias = tuple[str, str]
"""An image, relative to the folder of shared data, and the name of what is done to it."""


@dataclass(frozen=True)
class Sided:
    """A row with its side of the split."""

    example: Example
    side: Side


def shipped_rows(data: Path, work: Path, say: Say) -> list[Sided]:
    """All rows, in a fixed order.

    Args:
        data: the folder of shared data.
        work: keeps the world's images and the teacher's scores, so that a second call is quick.
        say: told what is going on.

    Raises:
        InputError: data are missing.
        WeightsError: nano's base is not here.
    """
    pictures = all_pictures(data)
    quality = qualities(pictures, work / "brisque.jsonl", say)
    say(f"drawing a synthetic world of {WORLD_PROMPTS * WORLD_GENERATORS:,} images")
    return [*_of_pictures(pictures, quality), *_of_world(work / "world")]


def qualities(pictures: Sequence[Picture], kept: Path, say: Say) -> dict[Key, float]:
    """The perception label of every altered picture that has a level, 0 to 100, by image and alteration."""
    rated = {key_of(one): one for one in pictures if one.level is not None}
    opinions = measured_once(list(rated.values()), _taught, kept, say, what="asking BRISQUE", digits=3)
    return {key: _label(one.level or 0.0, opinions[key][0]) for key, one in rated.items()}


def measured_once(
    pictures: Sequence[Picture],
    measure: Callable[[Picture], tuple[float, ...]],
    kept: Path,
    say: Say,
    *,
    what: str,
    digits: int,
) -> dict[Key, tuple[float, ...]]:
    """Numbers of pictures, in all processes that there is room for; what was measured before is not measured again.

    Args:
        pictures: each image and alteration once.
        measure: a function of a module, since other processes call it.
        kept: JSON lines of image, alteration and numbers; added to.
        say: told how far it is.
        what: is being done, for ``say``.
        digits: of the numbers that are kept.
    """
    known = _read(kept)
    missing = [one for one in pictures if key_of(one) not in known]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool, kept.open("a") as log:
        if (before := kept.read_bytes()) and not before.endswith(b"\n"):
            log.write("\n")  # a killed run left half a line
        found = pool.map(measure, missing, chunksize=16)
        for number, (one, values) in enumerate(zip(missing, found, strict=True)):
            if number % 2000 == 0:
                say(f"{what}: {number:,} of {len(missing):,}")
            known[key_of(one)] = values
            log.write(json.dumps([*key_of(one), *(round(value, digits) for value in values)]) + "\n")
    return known


def key_of(picture: Picture) -> Key:
    """The image, and what was done to it."""
    return picture.image, picture.alter.name


def _label(level: float, opinion: float) -> float:
    of_brisque = _CLEAN - _SLOPE * float(np.clip(opinion, -10, 100))
    return LEVEL_SHARE * level + (1 - LEVEL_SHARE) * of_brisque


def _of_pictures(pictures: Sequence[Picture], quality: Mapping[Key, float]) -> Iterator[Sided]:
    sides: tuple[Side, ...] = ("train", "validation", "test")
    teachers = {side: Teacher(pictures, side) for side in sides}
    for picture in pictures:
        name = picture.alter.name
        rng = np.random.default_rng(list(f"{picture.source}/{picture.row['id']}/{name}".encode()))
        label = quality.get(key_of(picture))
        for number in range(1 if picture.source == "nlvr" else 2):
            lesson = teachers[picture.side].lesson(picture, rng, right=number == 0, quality=label)
            item = Item(
                id=f"{picture.source}/{picture.row['id']}/{name or 'clean'}/{number}",
                path=picture.path,
                image=picture.image,
                prompt=lesson.prompt,
                generator=picture.generator,
                task=f"{picture.source}: {lesson.kind}",
                question=lesson.question,
            )
            example = Example(
                item,
                perception=nan if label is None else label,
                correspondence=lesson.correspondence,
                answer=lesson.answer,
                weights=(picture.certain, *lesson.weights),
                together=(f"{picture.source}: {picture.group}",),
                alter=picture.alter if name else None,
                variant=name,
            )
            yield Sided(example, picture.side)


def _of_world(folder: Path) -> Iterator[Sided]:
    write(world(WORLD_SEED, prompts=WORLD_PROMPTS, generators=WORLD_GENERATORS), folder, again=AGAIN)
    rows = read_examples(folder / "manifest.jsonl", folder / "human.jsonl", DIMENSIONS)
    examples = rows.examples
    images = [one.item.image for one in examples]
    sides = split(examples, SplitPlan(seed=WORLD_SEED), images)
    for side in ("train", "validation", "test"):
        for row in getattr(sides, side):
            yield Sided(examples[row], side)


def _read(kept: Path) -> dict[Key, tuple[float, ...]]:
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        return {}
    lines = [line for line in kept.read_text("utf-8").splitlines() if line.endswith("]")]
    return {(image, name): tuple(values) for image, name, *values in map(json.loads, lines)}


_teacher = lru_cache(maxsize=1)(assembly.load_brisque)


@torch.inference_mode()
def _taught(picture: Picture) -> tuple[float]:
    image = read_image(load_bytes(picture.path), name=str(picture.path))
    features = torch.from_numpy(brisque_features.features(picture.alter(image)))
    return (float(_teacher()(features[None])),)
