"""Colour plates: a digit in dots that people with a colour deficiency may not see.

After Ishihara's idea (pseudo-isochromatic plates): digit and ground differ in hue only, while the lightness of
each dot is drawn at random. The plates are our own drawings on screens that nobody calibrated. They tell whether a
display and a pair of eyes show the differences that the study is about; they are no medical test.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

SIZE = 200
"""Width and height of the drawing, in its own units."""
CELL = 14
"""No two dots whose centres are further apart than this touch."""

DIGITS = {
    2: ("01110", "10001", "00001", "00110", "01000", "10000", "11111"),
    3: ("11110", "00001", "00001", "01110", "00001", "00001", "11110"),
    4: ("00010", "00110", "01010", "10010", "11111", "00010", "00010"),
    5: ("11111", "10000", "11110", "00001", "00001", "10001", "01110"),
    6: ("01110", "10000", "10000", "11110", "10001", "10001", "01110"),
    7: ("11111", "00001", "00010", "00100", "00100", "01000", "01000"),
    8: ("01110", "10001", "10001", "01110", "10001", "10001", "01110"),
    9: ("01110", "10001", "10001", "01111", "00001", "00001", "01110"),
}
"""Shapes of 5 x 7 cells; 0 and 1 are left out, because they are mistaken for a ring and a line."""


@dataclass(frozen=True)
class Colours:
    """Hues (degrees) and lightnesses (per cent) of digit and ground."""

    digit: tuple[int, int]
    ground: tuple[int, int]
    lightness: tuple[int, int]
    digit_lightness: tuple[int, int]


KINDS = (
    # Seen by everyone: the digit is darker. Who misses it did not look, or the display is unfit.
    Colours((205, 225), (28, 48), (62, 78), (26, 36)),
    # Red and green of like lightness.
    Colours((8, 20), (88, 112), (46, 64), (46, 64)),
    Colours((96, 120), (22, 34), (46, 64), (46, 64)),
    # Blue-violet and grey-green.
    Colours((262, 285), (150, 168), (48, 64), (48, 64)),
)


@dataclass(frozen=True)
class Dot:
    """A dot and its colour."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True)
class Plate:
    """One plate: the digit to be read, and the dots that show it."""

    digit: int
    dots: tuple[Dot, ...]


def digits(seed: int, count: int) -> tuple[int, ...]:
    """The digits behind a seed: what the rater should type, never sent to the browser."""
    rng = random.Random(f"digits {seed}")
    return tuple(rng.sample(sorted(DIGITS), k=min(count, len(DIGITS))))


@lru_cache(maxsize=64)
def plates(seed: int, count: int) -> tuple[Plate, ...]:
    """Plates of the kinds in turn, the one that everybody sees first.

    Args:
        seed: the same seed gives the same plates.
        count: how many, at most 8.
    """
    rng = random.Random(f"dots {seed}")
    found = digits(seed, count)
    return tuple(Plate(digit, _dots(digit, KINDS[n % len(KINDS)], rng)) for n, digit in enumerate(found))


def _dots(digit: int, colours: Colours, rng: random.Random) -> tuple[Dot, ...]:
    """Dots that don't touch, thrown until hardly any finds a place."""
    placed: list[Dot] = []
    near: dict[tuple[int, int], list[Dot]] = defaultdict(list)  # by cells as wide as two of the largest dots
    for radius, tries in ((6.4, 500), (4.6, 900), (3.2, 1400)):
        for _ in range(tries):
            angle, reach = rng.uniform(0, 2 * math.pi), (SIZE / 2 - 4 - radius) * math.sqrt(rng.random())
            x, y = SIZE / 2 + reach * math.cos(angle), SIZE / 2 + reach * math.sin(angle)
            cell = int(x // CELL), int(y // CELL)
            if any((x - d.x) ** 2 + (y - d.y) ** 2 < (radius + d.radius + 0.8) ** 2 for d in near[cell]):
                continue
            dot = Dot(round(x, 1), round(y, 1), radius, _colour(digit, x, y, colours, rng))
            placed.append(dot)
            for right, down in product((-1, 0, 1), repeat=2):
                near[cell[0] + right, cell[1] + down].append(dot)
    return tuple(placed)


def _colour(digit: int, x: float, y: float, colours: Colours, rng: random.Random) -> str:
    inside = _inside(digit, x, y)
    hues = colours.digit if inside else colours.ground
    lightness = colours.digit_lightness if inside else colours.lightness
    return f"hsl({rng.randint(*hues)} {rng.randint(42, 58)}% {rng.randint(*lightness)}%)"


def _inside(digit: int, x: float, y: float) -> bool:
    """Whether a place lies on the digit, whose cells are 17 units wide and high."""
    column, row = int((x - 57.5) // 17), int((y - 40.5) // 17)
    return 0 <= column < 5 and 0 <= row < 7 and DIGITS[digit][row][column] == "1"
