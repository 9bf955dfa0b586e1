"""From a wish to a scene: what it leaves open is chosen so that everything can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmm4lmm.training.synthetic.backdrops import (
    TOLD_APART,
    place_backdrop,
    plain_backdrop,
    settings,
    suits,
)
from lmm4lmm.training.synthetic.layout import Box, arrange
from lmm4lmm.training.synthetic.scene import Backdrop, Lettering, Scene, Thing
from lmm4lmm.training.synthetic.vocabulary import (
    COLOURS,
    FACE,
    MOODS,
    PICTOGRAMS,
    PLAIN,
    STYLES,
    distance,
    shade_of,
)
from lmm4lmm.training.synthetic.wishes import Wish

SIZES = ((256, 256), (320, 320), (384, 384), (448, 448), (512, 512), (448, 320), (320, 448), (512, 384))
_UPRIGHT = {*PICTOGRAMS, FACE, "square", "diamond", "arrow", "cross"}
"""Would be taken for something else if turned far."""


@dataclass(frozen=True)
class Wear:
    """Broken structure of the things in a scene, 0 to 1 each; see ``Thing``."""

    melt: float = 0.0
    cut: float = 0.0
    ghost: float = 0.0


def stage(wish: Wish, wear: Wear, rng: np.random.Generator, *, size: tuple[int, int] | None = None) -> Scene:
    """A scene in which everything that the wish asks for holds.

    Args:
        wish: with colours that suit its place and light (``possible``).
        wear: how broken the things are.
        rng: decides what is left open.
        size: width and height in pixels; else one of ``SIZES``.
    """
    width, height = size or SIZES[rng.integers(len(SIZES))]
    shorter = min(width, height)
    colours, backdrop = _colours_and_backdrop(wish, rng)
    style = wish.style or _style(wish, rng)
    box, lettering = _lettering(wish, width, height, rng)
    things = []
    for group, colour, spots in zip(wish.groups, colours, arrange(wish, box, shorter, rng), strict=True):
        mood = (group.mood or MOODS[rng.integers(len(MOODS))]) if group.shape == FACE else None
        turn = 8 if group.shape in _UPRIGHT else 20
        for spot in spots:
            thing = Thing(
                shape=group.shape,
                colour=colour,
                texture=group.texture or PLAIN,
                mood=mood,
                rgb=shade_of(colour, rng),
                x=spot.x,
                y=spot.y,
                radius=spot.radius,
                angle=float(rng.uniform(-turn, turn)),
                melt=wear.melt,
                cut=wear.cut,
                ghost=wear.ghost,
            )
            things.append(thing)
    if wish.relation == "inside":
        things.reverse()  # the outer one is drawn first
    return Scene(width, height, backdrop, style, tuple(things), lettering, int(rng.integers(2**31)))


def possible(wish: Wish) -> bool:
    """Whether a scene can show the wish with everything told apart."""
    named = [group.colour for group in wish.groups if group.colour]
    if len(set(named)) < len(named):
        return wish.relation != "inside"
    if wish.relation == "inside" and len(named) == 2 and _alike(named[0], named[1]):
        return False
    found = settings(named, wish.place, wish.light) if wish.place or wish.light else [("", "")]
    return any(
        len(named) == len(wish.groups) or not place or any(suits(colour, place, light) for colour in COLOURS)
        for place, light in found
    )


def _alike(one: str, other: str) -> bool:
    return distance(COLOURS[one], COLOURS[other]) < 1.3 * TOLD_APART


def _colours_and_backdrop(wish: Wish, rng: np.random.Generator) -> tuple[list[str], Backdrop]:
    named = [group.colour for group in wish.groups if group.colour]
    setting = None
    if wish.place or wish.light:
        light = wish.light or ("day" if settings(named, wish.place, "day") else None)
        found = settings(named, wish.place, light)
        setting = found[rng.integers(len(found))]
    colours: list[str] = []
    for group in wish.groups:
        colours.append(group.colour or _free_colour([*named, *colours], setting, rng))
    backdrop = place_backdrop(*setting) if setting else plain_backdrop(colours, rng)
    return colours, backdrop


def _free_colour(taken: Sequence[str], setting: tuple[str, str] | None, rng: np.random.Generator) -> str:
    open_ones = [colour for colour in COLOURS if not setting or suits(colour, *setting)]
    better = [colour for colour in open_ones if not any(_alike(colour, other) for other in taken)]
    chosen = better or open_ones
    return chosen[rng.integers(len(chosen))]


def _style(wish: Wish, rng: np.random.Generator) -> str:
    """Any; pencil strokes only where no texture could be taken for them."""
    textured = any(group.texture for group in wish.groups)
    return STYLES[rng.integers(3 if textured else len(STYLES))]


def _lettering(wish: Wish, width: int, height: int, rng: np.random.Generator) -> tuple[Box, Lettering | None]:
    """Where things may be, and the word in a strip of its own."""
    margin = 0.03 * min(width, height)
    box = (margin, margin, width - margin, height - margin)
    if wish.word is None:
        return box, None
    tall = float(rng.uniform(0.16, 0.22)) * height
    if not wish.groups:
        return box, Lettering(wish.word, width / 2, float(rng.uniform(0.35, 0.65)) * height, 1.3 * tall)
    if rng.random() < 0.5:
        return (margin, margin + 1.3 * tall, *box[2:]), Lettering(wish.word, width / 2, 0.8 * tall, tall)
    return (margin, margin, box[2], box[3] - 1.3 * tall), Lettering(
        wish.word, width / 2, height - 0.8 * tall, tall
    )
