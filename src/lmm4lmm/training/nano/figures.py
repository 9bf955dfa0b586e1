"""Figures of the shipped nano on held-out pictures, source by source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.stats.answers import evaluate_answers
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.stats.resampling import Interval
from lmm4lmm.training.examples import Example
from lmm4lmm.training.judging import Predictions

WORLD = "synthetic world"
PHOTOGRAPHS = ("imagenet_sample", "coco_mini")


class Said(msgspec.Struct, frozen=True):
    """What a row of ``predictions.jsonl`` says."""

    id: str
    perception: float | None = None
    correspondence: float | None = None
    answer: float | None = None


def predictions(folder: Path) -> dict[str, Said]:
    """The predictions of a finished run, by id."""
    lines = (folder / "predictions.jsonl").read_bytes().splitlines()
    return {one.id: one for line in lines if line.strip() for one in [msgspec.json.decode(line, type=Said)]}


def with_another_picture(test: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    """The same rows with the picture of another row of their source: who looks must do no better than chance."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(test):
        places.setdefault(source_of(one), []).append(place)
    found = list(test)
    for mine in places.values():
        for place, other in zip(mine, rng.permutation(mine).tolist(), strict=True):
            lent = test[other]
            item = msgspec.structs.replace(test[place].item, path=lent.item.path, image=lent.item.image)
            found[place] = replace(test[place], item=item, alter=lent.alter, variant=lent.variant)
    return found


def said_of(examples: Sequence[Example], found: Predictions) -> dict[str, Said]:
    """Predictions by id."""
    columns = [found[name].tolist() for name in DIMENSIONS]
    values = [[None if isnan(value) else value for value in row] for row in zip(*columns, strict=True)]
    return {one.item.id: Said(one.item.id, *row) for one, row in zip(examples, values, strict=True)}


def held_out(test: Sequence[Example], found: Mapping[str, Said]) -> dict[str, float]:
    """Figures by source: SRCC of scores with their labels, AUC of right against other prompts, balanced accuracy of
    answers. Chance is 0 for SRCC and .5 for the others. An image counts once for perception, and in the synthetic
    world only with its own prompt.
    """
    out: dict[str, float | None] = {}
    for source in sorted({source_of(one) for one in test}):
        rows = [(one, found[one.item.id]) for one in test if source_of(one) == source]
        first = [(one, said) for one, said in rows if _is_first(one)]
        out[f"perception srcc, {source}"] = _srcc((said.perception, one.perception) for one, said in first)
        if source == WORLD:
            rows = first
            out[f"correspondence srcc, {source}"] = _srcc(
                (said.correspondence, one.correspondence) for one, said in rows
            )
        elif source != "nlvr":
            pairs = [(said.correspondence, is_right(one)) for one, said in rows]
            out[f"correspondence auc, {source}"] = _answers(
                (s and s / 100, float(t)) for s, t in pairs if t is not None
            )[1]
        out[f"answer balanced accuracy, {source}"] = _answers(
            (said.answer, one.answer) for one, said in rows
        )[0]
        if source in PHOTOGRAPHS:
            objects = [(said.answer, one.answer) for one, said in rows if _task(one).endswith("object")]
            out[f"answer balanced accuracy, {source} objects"] = _answers(objects)[0]
    return {name: round(value, 4) for name, value in out.items() if value is not None}


def is_right(example: Example) -> bool | None:
    """Whether the prompt is the picture's own; None where it is half so."""
    return None if "half" in _task(example) else "right" in _task(example)


def _task(example: Example) -> str:
    return example.item.task or ""


def source_of(example: Example) -> str:
    """Where a row is from: a folder of shared data, or the synthetic world."""
    source, colon, _ = _task(example).partition(": ")
    return source if colon else WORLD


def _is_first(example: Example) -> bool:
    """Whether it is the first of the rows of its image."""
    if source_of(example) == WORLD:
        return "-" not in example.item.id
    return example.item.id.endswith("/0")


def _srcc(pairs: Iterable[tuple[float | None, float]]) -> float | None:
    known = [(p, t) for p, t in pairs if p is not None and t == t]
    if len(known) < 10:
        return None
    said, truth = np.array(known).T
    return _number(srcc(said, truth))


def _answers(pairs: Iterable[tuple[float | None, float]]) -> tuple[float | None, float | None]:
    """Balanced accuracy and AUC; None where one of the answers never occurs."""
    known = [(p, t) for p, t in pairs if p is not None and t == t]
    if len({t for _, t in known}) < 2:
        return None, None
    said, truth = np.array(known).T
    found = evaluate_answers(said, truth, prompts=None, rng=np.random.default_rng(0), resamples=10)
    return _number(found.balanced_accuracy), _number(found.auc)


def _number(value: Any) -> float | None:
    plain = value.value if isinstance(value, Interval) else value
    return None if plain is None else float(plain)
