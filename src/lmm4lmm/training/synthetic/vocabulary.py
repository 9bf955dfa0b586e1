"""What can be said and drawn in the synthetic world: the words, and the colours that they stand for."""

from __future__ import annotations

import colorsys
import zlib
from typing import TypeAlias

import numpy as np

RGB: TypeAlias = tuple[int, int, int]

GEOMETRIC = (
    "circle",
    "square",
    "triangle",
    "star",
    "hexagon",
    "ring",
    "cross",
    "heart",
    "crescent",
    "arrow",
    "diamond",
    "drop",
)
PICTOGRAMS = ("house", "tree", "fish", "sailboat", "mushroom", "cup", "flower", "umbrella")
FACE = "face"
SHAPES = (*GEOMETRIC, *PICTOGRAMS)
CONTAINERS = ("circle", "square", "hexagon", "heart")
"""Shapes with room for another one inside."""
LOOK_ALIKE = frozenset({"circle", "hexagon"})
"""Hard to tell apart once they are bent or blurred; no prompt is about their difference."""

COLOURS: dict[str, RGB] = {
    "red": (212, 36, 38),
    "orange": (244, 134, 24),
    "yellow": (248, 216, 44),
    "green": (48, 156, 64),
    "turquoise": (48, 198, 192),
    "blue": (38, 88, 212),
    "purple": (126, 54, 172),
    "pink": (246, 138, 184),
    "brown": (118, 70, 36),
    "black": (26, 26, 28),
    "white": (248, 248, 246),
    "gray": (132, 134, 138),
}
TEXTURES = ("striped", "dotted", "checked", "speckled")
PLAIN = "plain"
STYLES = ("flat", "outlined", "shaded", "sketchy")
PLACES = ("sea", "desert", "meadow", "mountains", "city")
LIGHTS = ("day", "sunset", "night")
MOODS = ("happy", "sad", "angry", "surprised")
RELATIONS = ("left of", "right of", "above", "below", "inside")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
CLOSE, FAR = "close-up", "far away"
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
MOST = 6
"""The largest count that a prompt asks for; a generator that miscounts may draw two more."""

_WORDS = """
    OPEN SALE HELLO WELCOME COFFEE BREAD MUSIC DREAM PEACE SUMMER WINTER GARDEN MARKET HOTEL EXIT STOP TAXI
    PIZZA BAKERY CINEMA RADIO ROBOT TIGER PANDA EAGLE ORANGE LEMON HONEY SUGAR FRESH QUIET HAPPY LUCKY MAGIC
    STAR MOON OCEAN RIVER FOREST STONE CLOUD STORM LIGHT SHADOW MIRROR WINDOW BRIDGE STREET PLANET ROCKET
    SCHOOL DOCTOR ARTIST PIRATE KNIGHT CASTLE DRAGON VELVET COTTON SILVER GOLDEN FUTURE TRAVEL TICKET POSTER
    LETTER NUMBER QUEST BRAVE CLEAN SMART SPEED FOCUS BLOOM GIANT JUMBO KOALA ZEBRA VIDEO PHOTO PAPER HOUSE
"""
WORDS = tuple(_WORDS.split())


def stream(*keys: int | str) -> np.random.Generator:
    """A generator of chance of its own for every tuple of keys; the same on every machine."""
    return np.random.default_rng([zlib.crc32(key.encode()) if isinstance(key, str) else key for key in keys])


def shade_of(colour: str, rng: np.random.Generator) -> RGB:
    """One of the tones that people give this name: hue within 5 degrees, saturation and value within a tenth."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in COLOURS[colour]))
    hue += float(rng.uniform(-5, 5)) / 360
    saturation = min(1.0, saturation * float(rng.uniform(0.92, 1.08)))
    value = min(1.0, value * float(rng.uniform(0.93, 1.05)))
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def distance(one: RGB, other: RGB) -> float:
    """How far apart two colours look, 0 to about 765: the "redmean" weighting of RGB differences."""
    red = (one[0] + other[0]) / 2
    dr, dg, db = (a - b for a, b in zip(one, other, strict=True))
    total = (2 + red / 256) * dr * dr + 4 * dg * dg + (2 + (255 - red) / 256) * db * db
    return float(total**0.5)


def plural(shape: str) -> str:
    """The noun for several of them."""
    return {"fish": "fish", "cross": "crosses"}.get(shape, f"{shape}s")


def with_article(phrase: str) -> str:
    """The phrase after "a" or "an"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
