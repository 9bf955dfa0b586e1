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
from lmm4lmm.training.nano.pictures import Picture, Side

RIGHT, SWAPPED, HALF = 60.0, 26.0, 43.0
"""Correspondence of a picture with its own prompt, with another's, and with both in one."""
_LEANS = {"right": 0.5, "half": 0.35, "swapped": 0.2}
"""Points of correspondence that a point of perception is worth: people who see a flawed image find less of the prompt
in it. Over EvalMi-50K the slope of one mean opinion score on the other is .63 (own prompts; r = .592)."""
_MIDDLE = 50.0
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
    """One prompt and one question about a picture, with targets; what is NaN is masked.

    Attributes:
        correspondence: 0 to 100.
        answer: 1 yes, 0 no.
        weights: of correspondence and answer, 0 to 1.
        kind: for figures by kind: "right", "swapped", "half", "scene"; and "match" or "object" questions.
    """

    prompt: str
    question: str
    correspondence: float
    answer: float
    weights: tuple[float, float]
    kind: str


class Teacher:
    """Draws lessons about the pictures of one side of the split.

    Args:
        pictures: all of them.
        side: whose prompts and objects are used.
    """

    def __init__(self, pictures: Sequence[Picture], side: Side) -> None:
        self._prompts: dict[str, list[str]] = defaultdict(list)
        self._objects: dict[str, list[str]] = defaultdict(list)
        for picture in pictures:
            if picture.side == side and not picture.alter.name:
                self._prompts[picture.source] += _own_prompts(picture)
                self._objects[picture.source] += sorted(_objects(picture))

    def lesson(
        self, picture: Picture, rng: np.random.Generator, *, right: bool, quality: float | None = None
    ) -> Lesson:
        """One lesson about a picture, with its own prompt or another; ``quality``: its label, 0 to 100."""
        if picture.source == "nlvr":
            truth = float(picture.row["label"])
            match = RIGHT if truth else SWAPPED
            return Lesson(_own_prompts(picture)[0], MATCH_QUESTION, match, truth, (0.3, 1.0), "scene match")
        prompt, target, kind = self._prompt(picture, right, rng)
        question, answer = self._question(picture, kind, rng)
        certain = _CERTAIN.get(picture.source, 1.0) if kind == "right" else 1.0
        match = target + _LEANS[kind] * ((_MIDDLE if quality is None else quality) - _MIDDLE)
        about = "match" if question == MATCH_QUESTION else "object"
        if kind == "half" and about == "match":
            answer = 0.0
        return Lesson(
            prompt,
            question,
            match,
            answer,
            (certain, certain if about == "match" else 1.0),
            f"{kind} {about}",
        )

    def _prompt(self, picture: Picture, right: bool, rng: np.random.Generator) -> tuple[str, float, str]:
        own = _own_prompts(picture)
        mine = own[rng.integers(len(own))]
        if right:
            return mine, RIGHT, "right"
        other = self._other_prompt(picture, rng)
        if picture.source != "anatomy_errors" and rng.random() < 0.15:
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

    def _question(self, picture: Picture, kind: str, rng: np.random.Generator) -> tuple[str, float]:
        present = _objects(picture)
        if not present or rng.random() < 0.4:
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


def _own_prompts(picture: Picture) -> list[str]:
    row: Mapping[str, object] = picture.row
    if picture.source == "nlvr":
        return [str(row["sentence"]).strip()]
    if "captions" in row:
        return [str(caption).strip() for caption in row["captions"]]  # type: ignore[attr-defined]
    if "label" in row and "wnid" in row:
        return [template.format(row["label"]) for template in _PHOTO]
    return [str(row.get("prompt", ""))]


def _objects(picture: Picture) -> set[str]:
    if "objects" in picture.row:
        return {str(o["category"]) for o in picture.row["objects"]}
    return {str(picture.row["label"])} if "wnid" in picture.row else set()
