"""Outlines of the things of the synthetic world.

An outline is a list of (polygon [N, 2], whether it fills or cuts), drawn in order, within the unit disc; x goes
right and y down, as in pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lmm4lmm.training.synthetic.vocabulary import FACE

Points: TypeAlias = npt.NDArray[np.float64]
Outline: TypeAlias = tuple[tuple[Points, bool], ...]


def outline(shape: str, mood: str | None = None) -> Outline:
    """The outline of a thing; ``mood`` matters to faces alone."""
    return _face(mood or "happy") if shape == FACE else _outline(shape)


@cache
def _outline(shape: str) -> Outline:
    return _MAKERS[shape]()


def _dense(corners: Sequence[Sequence[float]] | Points, step: float = 0.08) -> Points:
    """The polygon with points along its edges, so that it can be bent."""
    points = np.asarray(corners, dtype=np.float64)
    pieces = []
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        n = max(1, math.ceil(float(np.hypot(*(end - start))) / step))
        pieces.append(start + (end - start) * (np.arange(n) / n)[:, None])
    return np.concatenate(pieces)


def _fill(*corners: Sequence[float]) -> tuple[Points, bool]:
    return _dense(corners), True


def _cut(*corners: Sequence[float]) -> tuple[Points, bool]:
    return _dense(corners), False


def _arc(x: float, y: float, radius: float, start: float = 0, end: float = 360, flat: float = 1.0) -> Points:
    n = max(8, int(abs(end - start) / 6))
    angles = np.radians(np.linspace(start, end, n, endpoint=abs(end - start) < 360))
    return np.stack([x + radius * np.cos(angles), y + flat * radius * np.sin(angles)], 1)


def _regular(n: int, radius: float = 0.98) -> Points:
    angles = np.radians(np.arange(n) * 360 / n - 90)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], 1)


def _star() -> Outline:
    points = _regular(10)
    points[1::2] *= 0.42
    return ((_dense(points), True),)


def _cross() -> Outline:
    a, b = 0.9, 0.3
    corners = [
        (-b, -a),
        (b, -a),
        (b, -b),
        (a, -b),
        (a, b),
        (b, b),
        (b, a),
        (-b, a),
        (-b, b),
        (-a, b),
        (-a, -b),
    ]
    return (_fill(*corners, (-b, -b)),)


def _heart() -> Outline:
    t = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return ((np.stack([x / 17.5, y / 17.5 - 0.05], 1), True),)


def _crescent() -> Outline:
    outer, inner = _arc(0, 0, 0.95, 60, 300), _arc(0.44, 0, 0.823, 270, 90)
    return ((np.concatenate([outer, inner]), True),)


def _drop() -> Outline:
    return ((_dense(np.concatenate([_arc(0, 0.35, 0.6, -25, 205), [[0.0, -0.98]]])), True),)


def _house() -> Outline:
    return (
        _fill((-0.95, -0.12), (0, -0.9), (0.95, -0.12), (0.7, -0.12), (0.7, 0.8), (-0.7, 0.8), (-0.7, -0.12)),
        _cut((-0.1, 0.8), (-0.1, 0.2), (0.22, 0.2), (0.22, 0.8)),
        _cut((-0.5, 0.42), (-0.5, 0.08), (-0.24, 0.08), (-0.24, 0.42)),
    )


def _tree() -> Outline:
    layers = [_fill((0, top), (half, top + 0.75), (-half, top + 0.75)) for top, half in _LAYERS]
    return (*layers, _fill((-0.13, 0.5), (0.13, 0.5), (0.13, 0.98), (-0.13, 0.98)))


_LAYERS = ((-0.98, 0.45), (-0.6, 0.62), (-0.15, 0.78))


def _fish() -> Outline:
    body = _arc(0.18, 0, 0.76, flat=0.62)
    return (
        (body, True),
        _fill((-0.4, 0), (-0.98, -0.5), (-0.84, 0), (-0.98, 0.5)),
        (_arc(0.58, -0.12, 0.09), False),
    )


def _sailboat() -> Outline:
    return (
        _fill((-0.9, 0.4), (0.9, 0.4), (0.55, 0.82), (-0.55, 0.82)),
        _fill((-0.03, 0.42), (-0.03, -0.95), (0.05, -0.95), (0.05, 0.42)),
        _fill((0.14, -0.8), (0.78, 0.26), (0.14, 0.26)),
        _fill((-0.12, -0.6), (-0.12, 0.26), (-0.62, 0.26)),
    )


def _mushroom() -> Outline:
    cap = np.concatenate([_arc(0, 0.05, 0.95, 180, 360, flat=0.92), [[0.95, 0.1], [-0.95, 0.1]]])
    dots = [
        (_arc(x, y, r), False) for x, y, r in ((-0.4, -0.3, 0.13), (0.1, -0.5, 0.14), (0.48, -0.18, 0.11))
    ]
    return ((_dense(cap), True), _fill((-0.26, 0.08), (0.26, 0.08), (0.34, 0.88), (-0.34, 0.88)), *dots)


def _cup() -> Outline:
    return (
        (_arc(0.5, 0.0, 0.45), True),
        (_arc(0.5, 0.0, 0.26), False),
        _fill((-0.8, -0.65), (0.5, -0.65), (0.42, 0.5), (0.2, 0.75), (-0.5, 0.75), (-0.72, 0.5)),
    )


def _flower() -> Outline:
    angles = np.radians(np.arange(6) * 60)
    petals = [(_arc(0.58 * math.cos(a), 0.58 * math.sin(a), 0.38), True) for a in angles]
    return (*petals, (_arc(0, 0, 0.4), True), (_arc(0, 0, 0.24), False))


def _umbrella() -> Outline:
    top = np.concatenate(
        [
            _arc(0, 0.05, 0.95, 180, 360),
            *(_arc(x, 0.05, 0.317, 0, -180, flat=0.5) for x in (0.633, 0, -0.633)),
        ]
    )
    hook = np.concatenate([_arc(0.18, 0.72, 0.24, 180, 0), _arc(0.18, 0.72, 0.12, 0, 180)])
    return ((top, True), _fill((-0.06, -0.4), (0.06, -0.4), (0.06, 0.74), (-0.06, 0.74)), (hook, True))


@cache
def _face(mood: str) -> Outline:
    parts = [(_arc(0, 0, 0.97), True), *((_arc(x, -0.22, 0.13), False) for x in (-0.36, 0.36))]
    if mood == "happy":
        mouth = np.concatenate([_arc(0, 0.08, 0.6, 10, 170), _arc(0, 0.08, 0.4, 165, 15)])
    elif mood == "surprised":
        mouth = _arc(0, 0.45, 0.26, flat=1.15)
    else:
        mouth = np.concatenate([_arc(0, 0.85, 0.55, 200, 340), _arc(0, 0.85, 0.38, 335, 205)])
    parts.append((mouth, False))
    if mood == "angry":
        for side in (-1, 1):
            parts.append(
                _cut((side * 0.72, -0.68), (side * 0.14, -0.36), (side * 0.14, -0.22), (side * 0.72, -0.52))
            )
    return tuple(parts)


_MAKERS: dict[str, Callable[[], Outline]] = {
    "circle": lambda: ((_arc(0, 0, 0.92), True),),
    "square": lambda: (_fill((-0.78, -0.78), (0.78, -0.78), (0.78, 0.78), (-0.78, 0.78)),),
    "triangle": lambda: ((_dense(_regular(3)), True),),
    "star": _star,
    "hexagon": lambda: ((_dense(_regular(6)), True),),
    "ring": lambda: ((_arc(0, 0, 0.95), True), (_arc(0, 0, 0.55), False)),
    "cross": _cross,
    "heart": _heart,
    "crescent": _crescent,
    "arrow": lambda: (
        _fill((-0.95, -0.22), (0.2, -0.22), (0.2, -0.62), (0.95, 0), (0.2, 0.62), (0.2, 0.22), (-0.95, 0.22)),
    ),
    "diamond": lambda: (_fill((0, -0.98), (0.62, 0), (0, 0.98), (-0.62, 0)),),
    "drop": _drop,
    "house": _house,
    "tree": _tree,
    "fish": _fish,
    "sailboat": _sailboat,
    "mushroom": _mushroom,
    "cup": _cup,
    "flower": _flower,
    "umbrella": _umbrella,
}
