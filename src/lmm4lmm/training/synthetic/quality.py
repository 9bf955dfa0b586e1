"""Quality faults of pictures and the perception that they leave.

The formula, a psychometric function of pooled annoyance:

    D = sqrt(sum of (weight x strength)^2),    perception = 4 + 92 / (1 + (D / 0.5)^1.7)

Strength is 0 to 1: of a fault of the whole image its penalty over that of the gravest one (``distortions``), of
broken structure what ``Thing`` says. A picture without faults has 96, one gross fault leaves about 26.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PIL import Image

from lmm4lmm.training.distortions import LEVELS, PENALTY, distort, penalty
from lmm4lmm.training.synthetic.facts import Fact
from lmm4lmm.training.synthetic.scene import Scene
from lmm4lmm.training.synthetic.staging import Wear
from lmm4lmm.training.synthetic.vocabulary import FAR, PLACES

IMAGE_FAULTS = ("blur", "noise", "jpeg", "pixelate", "cast", "exposure", "banding", "warp")
"""All of ``distortions.FAULTS`` but "shuffle", which would move things and so change what is true."""
STRUCTURE = {"melt": 0.9, "cut": 0.8, "ghost": 0.6}
"""Kinds of broken structure with their weights."""

_MOST = {"cast": 2, "exposure": 2, "banding": 3, "warp": 3}
"""Beyond these levels colours would change their names, and shapes theirs."""
_MOST_WITH_DETAIL = {**_MOST, "blur": 3, "pixelate": 3, "warp": 2, "noise": 4, "jpeg": 4}
_TINTING = {"cast", "exposure"}
_DETAIL = {"word", "texture", "mood", "view", "style"}
"""Kinds of fact that can't be seen any more in a gravely damaged picture."""


@dataclass(frozen=True)
class Fault:
    """A fault of the whole image: a name of ``IMAGE_FAULTS`` and its level, 1 to 5."""

    name: str
    level: int


def gravest(name: str, facts: Collection[Fact]) -> int:
    """The highest level of a fault, 1 to 5, that leaves these facts visible; 0 where none does."""
    delicate = any(fact.kind in _DETAIL for fact in facts)
    if name in _TINTING and any(fact.kind == "colour" for fact in facts):
        return 0
    return (_MOST_WITH_DETAIL if delicate else _MOST).get(name, LEVELS)


def visible(name: str, scene: Scene) -> bool:
    """Whether a fault can be seen in this scene at all.

    Bands need gradients, a bend needs things, and nobody knows that a tint is wrong where the right one isn't known.
    """
    if name in _TINTING:
        return scene.backdrop.kind in PLACES
    if name == "banding":
        return scene.backdrop.kind not in ("plain", "weave")
    return name != "warp" or any(scene.distance_of(thing) != FAR for thing in scene.things)


def perception(faults: Sequence[Fault], wear: Wear) -> float:
    """What people perceive, 0 to 100, by the module's formula."""
    parts = [penalty(fault.name, fault.level) / PENALTY[-1] for fault in faults]
    parts += [weight * float(getattr(wear, name)) for name, weight in STRUCTURE.items()]
    pooled = math.sqrt(sum(part * part for part in parts))
    return float(4 + 92 / (1 + (pooled / 0.5) ** 1.7))


def damage(image: Image.Image, faults: Sequence[Fault], seed: int) -> Image.Image:
    """The image with the faults, one after the other."""
    for turn, fault in enumerate(faults):
        image = distort(image, fault.name, fault.level, seed + turn)
    return image
