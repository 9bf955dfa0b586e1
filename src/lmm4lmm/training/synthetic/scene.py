"""Scenes: what is in a picture, exactly. Facts are judged on scenes, and pictures are drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

from lmm4lmm.training.synthetic.vocabulary import CLOSE, FAR, RGB

CLOSE_FROM, FAR_TO = 0.32, 0.075
"""Radius over the picture's shorter side, from which on a thing is in close-up, and up to which it is far away."""


@dataclass(frozen=True)
class Thing:
    """One object.

    Attributes:
        shape, colour, texture: their names; ``texture`` may be "plain".
        mood: of a face, else None.
        rgb: the tone of the colour.
        x, y: its centre in pixels.
        radius: of the disc that it lies in, in pixels.
        angle: turned by so many degrees.
        melt, cut, ghost: broken structure, 0 (none) to 1: a bent outline, a displaced part, a faint double.
    """

    shape: str
    colour: str
    texture: str
    mood: str | None
    rgb: RGB
    x: float
    y: float
    radius: float
    angle: float = 0.0
    melt: float = 0.0
    cut: float = 0.0
    ghost: float = 0.0


@dataclass(frozen=True)
class Backdrop:
    """What is behind.

    Attributes:
        kind: a key of ``backdrops.PLAIN_KINDS``, or a place.
        light: "day", "sunset" or "night" where the kind is a place, else "".
        tones: the colours that it is made of.
    """

    kind: str
    light: str
    tones: tuple[RGB, ...]


@dataclass(frozen=True)
class Lettering:
    """Written letters: the text, the middle of its line in pixels, and its height."""

    text: str
    x: float
    y: float
    height: float


@dataclass(frozen=True)
class Scene:
    """One picture before its quality faults; ``seed`` decides what is random in the brush strokes."""

    width: int
    height: int
    backdrop: Backdrop
    style: str
    things: tuple[Thing, ...]
    lettering: Lettering | None
    seed: int

    def distance_of(self, thing: Thing) -> str:
        """ "close-up", "far away" or ""."""
        share = thing.radius / min(self.width, self.height)
        return CLOSE if share >= CLOSE_FROM else FAR if share <= FAR_TO else ""
