"""What is asked of a picture and what the answer should be: captions, swapped captions, questions.

Right prompts are the picture's own; wrong ones are other pictures' prompts of the same source and the same side of
the split, so that nothing but the match tells them apart. COCO's negative objects are drawn as often as its
positive ones, so that "no" can't be read off the question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmm4lmm.questions.questions import MATCH_QUESTION
from lmm4lmm.training.pictures import Picture

MATCH = {
    "imagenet_sample": 64.0,
    "coco_mini": 66.0,
    "drawbench_sd": 54.0,
    "early_generators": 50.0,
    "anatomy_errors": 60.0,
}
SWAPPED, HALF = 27.0, 44.0
_CERTAIN = {"drawbench_sd": 0.5, "early_generators": 0.7}
"""How much a right prompt on a source is worth: old generators often miss what was asked of them."""
_PHOTO = (
    "a photo of a {}",
    "a {}",
    "a picture of a {}",
    "there is a {} in the image",
    "a close-up photo of a {}",
)
_PRESENT = (
    "Does the image contain a {}?",
    "Does the image contain {}?",
    "Is there a {} in the image?",
    "Does the image show a {}?",
)
_BOTH = "Does the image contain both {} and {}?"


@dataclass(frozen=True)
class Lesson:
    """One sequence with its targets; None is masked.

    Attributes:
        picture: index of the picture.
        perception, correspondence: targets on the 0 to 100 scale.
        answer: 1 yes, 0 no.
        weights: of the three targets, 0 to 1.
        kind: for validation by kind, say "swapped".
    """

    picture: int
    prompt: str
    question: str
    perception: float | None
    correspondence: float | None
    answer: float | None
    weights: tuple[float, float, float]
    kind: str


class Teacher:
    """Draws lessons from pictures.

    Args:
        pictures: all of them; lessons name them by index.
        side: whether lessons are for held-out pictures.
    """

    def __init__(self, pictures: Sequence[Picture], *, held_out: bool) -> None:
        self.pictures = pictures
        self.indices = [i for i, picture in enumerate(pictures) if picture.held_out == held_out]
        self._prompts: dict[str, list[str]] = defaultdict(list)
        self._objects: dict[str, list[str]] = defaultdict(list)
        for index in self.indices:
            picture = pictures[index]
            if picture.fault == "":
                self._prompts[picture.source] += _own_prompts(picture)
                self._objects[picture.source] += sorted(_objects(picture))

    def lesson(self, index: int, rng: np.random.Generator, *, matched: bool | None = None) -> Lesson:
        """One lesson about a picture; ``matched`` fixes whether its prompt is right, else a draw decides."""
        picture = self.pictures[index]
        if picture.source == "nlvr":
            truth = float(picture.row["label"])
            question = f"Is this true of the image: {picture.row['sentence'].strip().rstrip('.')}?"
            return Lesson(
                index, "colored shapes in three boxes", question, None, None, truth, (0, 0, 1), "nlvr"
            )
        right = bool(rng.random() < 0.5) if matched is None else matched
        prompt, target, kind = self._prompt(picture, right, rng, plain=matched is not None)
        certain = _CERTAIN.get(picture.source, 1.0) if kind == "right" else 1.0
        loss = (picture.level / 5) * 12 if kind == "right" else 0.0
        question, answer = self._question(picture, kind, prompt, rng, plain=matched is not None)
        weights = (picture.quality_weight, certain, certain if question == MATCH_QUESTION else 1.0)
        return Lesson(index, prompt, question, picture.quality, target - loss, answer, weights, kind)

    def _prompt(
        self, picture: Picture, right: bool, rng: np.random.Generator, *, plain: bool
    ) -> tuple[str, float, str]:
        own = _own_prompts(picture)
        mine = own[rng.integers(len(own))]
        if right:
            return mine, MATCH[picture.source], "right"
        other = self._other_prompt(picture, rng)
        if not plain and picture.source != "anatomy_errors" and rng.random() < 0.2:
            pair = [mine.rstrip("."), other.rstrip(".")]
            rng.shuffle(pair)
            return " and ".join(pair), HALF, "half"
        return other, SWAPPED, "swapped"

    def _other_prompt(self, picture: Picture, rng: np.random.Generator) -> str:
        own, pool = set(_own_prompts(picture)), self._prompts[picture.source]
        for _ in range(50):
            other = pool[rng.integers(len(pool))]
            if other not in own:
                return other
        return "a diagram of the inside of a clock"

    def _question(
        self, picture: Picture, kind: str, prompt: str, rng: np.random.Generator, *, plain: bool
    ) -> tuple[str, float]:
        present = _objects(picture)
        if plain or not present or rng.random() < 0.35:
            return MATCH_QUESTION, float(kind == "right")
        mine = rng.permutation(sorted(present)).tolist()
        pool = self._objects[picture.source]
        others = [pool[k] for k in rng.integers(len(pool), size=50) if pool[k] not in present] or ["zeppelin"]
        yes = bool(rng.random() < 0.5)
        if len(mine) > 1 and rng.random() < 0.25:
            pair = mine[:2] if yes else [mine[0], others[0]]
            return _BOTH.format(*rng.permutation(pair)), float(yes)
        template = _PRESENT[rng.integers(len(_PRESENT))]
        return template.format(mine[0] if yes else others[0]), float(yes)


def object_lessons(teacher: Teacher, rng: np.random.Generator) -> list[Lesson]:
    """One yes and one no question about objects for each clean picture of photographs: balanced by construction."""
    lessons = []
    for index in teacher.indices:
        picture = teacher.pictures[index]
        if picture.fault or picture.source not in {"coco_mini", "imagenet_sample"}:
            continue
        for wanted in (1.0, 0.0):
            for _ in range(200):
                lesson = teacher.lesson(index, rng)
                if lesson.question != MATCH_QUESTION and lesson.answer == wanted:
                    lessons.append(lesson)
                    break
    return lessons


def _own_prompts(picture: Picture) -> list[str]:
    row: Mapping[str, object] = picture.row
    if "captions" in row:
        return [str(caption).strip() for caption in row["captions"]]  # type: ignore[attr-defined]
    if "label" in row and "wnid" in row:
        return [template.format(row["label"]) for template in _PHOTO]
    return [str(row.get("prompt", ""))]


def _objects(picture: Picture) -> set[str]:
    if "objects" in picture.row:
        return {str(o["category"]) for o in picture.row["objects"]}
    return {str(picture.row["label"])} if "wnid" in picture.row else set()
