"""Figures on held-out prompts and sources, each with the chance level it has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lmm4lmm.model.nano.network import ImageFeatures, NanoNetwork
from lmm4lmm.model.nano.processing import TextReader, Texts
from lmm4lmm.questions.questions import MATCH_QUESTION
from lmm4lmm.stats.answers import AnswerAgreement, evaluate_answers
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.stats.resampling import Interval
from lmm4lmm.training.lessons import Lesson, Teacher, object_lessons

_BATCH = 32
_PHOTOS = ("imagenet_sample", "coco_mini")
_MADE = ("drawbench_sd", "early_generators", "anatomy_errors")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Outputs of the lessons asked, [N] each."""

    perception: Floats
    correspondence: Floats
    answer: Floats


def texts_of(lessons: Sequence[Lesson], reader: TextReader) -> list[Texts]:
    """Token ids of lessons."""
    return [reader.read(lesson.prompt, lesson.question) for lesson in lessons]


def select(features: ImageFeatures, rows: Sequence[int]) -> ImageFeatures:
    """Some rows of cached features, in float32."""
    index = torch.tensor(rows)
    return ImageFeatures(features.cells[index].float(), features.statistics[index])


@torch.inference_mode()
def predict(
    model: NanoNetwork,
    reader: TextReader,
    features: ImageFeatures,
    lessons: Sequence[Lesson],
    *,
    shallow: bool = False,
) -> Predictions:
    """What the model says of lessons, in their order; batched by length."""
    texts = texts_of(lessons, reader)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i].prompt) + len(texts[i].question))
    out = np.zeros((3, len(lessons)))
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        found = model(
            select(features, [lessons[i].picture for i in rows]), [texts[i] for i in rows], shallow=shallow
        )
        out[0, rows] = found.perception.score.float().numpy()
        out[1, rows] = found.correspondence.score.float().numpy()
        out[2, rows] = found.answer.float().numpy()
    return Predictions(*out)


def validation_lessons(teacher: Teacher, seed: int = 7, most: int | None = None) -> list[Lesson]:
    """A fixed set: every held-out picture with a right and a wrong prompt, and questions about objects."""
    rng = np.random.default_rng(seed)
    lessons = []
    for index in teacher.indices:
        picture = teacher.pictures[index]
        if picture.source == "nlvr":
            lessons.append(teacher.lesson(index, rng))
        else:
            lessons += [teacher.lesson(index, rng, matched=matched) for matched in (True, False)]
    lessons += object_lessons(teacher, rng)
    if most is not None and len(lessons) > most:
        lessons = [lessons[i] for i in sorted(rng.choice(len(lessons), most, replace=False))]
    return lessons


def figures(teacher: Teacher, lessons: Sequence[Lesson], found: Predictions) -> dict[str, float]:
    """Validation figures by name: SRCC against weak quality labels, AUC of right against wrong prompts,
    balanced accuracy and AUC of answers. Chance is 0 for SRCC and .5 for the others.
    """
    pictures = [teacher.pictures[lesson.picture] for lesson in lessons]
    source = np.array([p.source for p in pictures])
    right = np.array([lesson.kind == "right" for lesson in lessons])
    clean = np.array([p.fault == "" for p in pictures])
    general = np.array([lesson.question == MATCH_QUESTION for lesson in lessons])
    quality = np.array([np.nan if p.quality is None else p.quality for p in pictures])
    truth = np.array([np.nan if lesson.answer is None else lesson.answer for lesson in lessons])
    p_yes = 1 / (1 + np.exp(-found.answer))
    out: dict[str, float | Interval] = {}

    photos = np.isin(source, _PHOTOS) & right & general
    made = np.isin(source, _MADE) & right & clean
    for name, rows in {"photos with faults": photos, "AI images": made}.items():
        if rows.sum() > 5:
            out[f"perception srcc, {name}"] = srcc(found.perception[rows], quality[rows])
    for name in (*_PHOTOS, *_MADE):
        rows = (source == name) & general & clean
        if len(set(right[rows])) == 2:
            out[f"correspondence auc, {name}"] = _agreement(found.correspondence[rows] / 100, right[rows]).auc
            out[f"answer auc, match, {name}"] = _agreement(p_yes[rows], right[rows]).auc
    asked = {f"{name} objects": (source == name) & ~general for name in _PHOTOS} | {"nlvr": source == "nlvr"}
    for name, rows in asked.items():
        if len(set(truth[rows])) == 2:
            answers = _agreement(p_yes[rows], truth[rows])
            out[f"answer balanced accuracy, {name}"] = answers.balanced_accuracy
            out[f"answer auc, {name}"] = answers.auc
    return {name: round(value, 4) for name, value in _values(out).items()}


def _values(found: dict[str, float | Interval]) -> dict[str, float]:
    """Plain numbers; a figure that is undefined (constant predictions) counts as not a number."""
    plain = {name: x.value if isinstance(x, Interval) else x for name, x in found.items()}
    return {name: math.nan if value is None else float(value) for name, value in plain.items()}


def _agreement(p_yes: Floats, truth: npt.NDArray[Any]) -> AnswerAgreement:
    return evaluate_answers(
        p_yes, truth.astype(float), prompts=None, rng=np.random.default_rng(0), resamples=10
    )
