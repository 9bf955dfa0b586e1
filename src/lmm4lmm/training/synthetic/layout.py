"""Where things stand: no two touch unless one is inside the other, and relations are plain to see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from lmm4lmm.training.synthetic.vocabulary import CLOSE, FAR
from lmm4lmm.training.synthetic.wishes import Wish

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""
_GAP = 1.22
"""Centres are at least so many times the sum of the radii apart."""


@dataclass(frozen=True)
class Spot:
    """A disc for one thing, in pixels."""

    x: float
    y: float
    radius: float


def arrange(wish: Wish, box: Box, shorter: float, rng: np.random.Generator) -> list[list[Spot]]:
    """Spots for the things of each group.

    Args:
        wish: its relation holds in the result.
        box: what the discs must stay within.
        shorter: the picture's shorter side in pixels, which sizes are shares of.
        rng: decides sizes and places.
    """
    counts = [group.count for group in wish.groups]
    if wish.relation == "inside":
        return _inside(box, rng)
    low, high = _sizes(wish, sum(counts))
    if wish.relation:
        return _apart(wish.relation, counts, box, shorter * min(low, 0.12), shorter * min(high, 0.17), rng)
    spots = _scatter(sum(counts), box, low * shorter, high * shorter, rng)
    ends = np.cumsum([0, *counts]).tolist()
    return [spots[start:end] for start, end in pairwise(ends)]


def _sizes(wish: Wish, total: int) -> tuple[float, float]:
    views = {group.view for group in wish.groups}
    if CLOSE in views:
        return 0.36, 0.42
    if FAR in views:
        return 0.05, 0.065
    return {0: (0.2, 0.2), 1: (0.17, 0.28), 2: (0.14, 0.2)}.get(total, (0.095, 0.14))


def _scatter(n: int, box: Box, low: float, high: float, rng: np.random.Generator) -> list[Spot]:
    """Discs thrown in one after the other; all shrink a little whenever there is no room for the next."""
    left, top, right, bottom = box
    largest = 0.499 * min(right - left, bottom - top)
    low, high = min(low, largest), min(high, largest)
    while True:
        common = float(rng.uniform(low, high))
        spots: list[Spot] = []
        for _ in range(60 * n):
            if len(spots) == n:
                break
            r = common * float(rng.uniform(0.92, 1.0))
            spot = Spot(float(rng.uniform(left + r, right - r)), float(rng.uniform(top + r, bottom - r)), r)
            if all(math.hypot(spot.x - o.x, spot.y - o.y) > _GAP * (r + o.radius) for o in spots):
                spots.append(spot)
        if len(spots) == n:
            return spots
        low, high = low * 0.95, high * 0.95


def _apart(
    relation: str, counts: list[int], box: Box, low: float, high: float, rng: np.random.Generator
) -> list[list[Spot]]:
    """The groups in two halves of the box with a gap between; single things about in line."""
    left, top, right, bottom = box
    sideways = relation in ("left of", "right of")
    start, end = (left, right) if sideways else (top, bottom)
    cross_start, cross_end = (top, bottom) if sideways else (left, right)
    low, high = min(low, (end - start) * 0.21), min(high, (end - start) * 0.21)
    near, far = start + 0.44 * (end - start), start + 0.56 * (end - start)
    middle = float(rng.uniform(cross_start + 1.3 * high, cross_end - 1.3 * high))
    found = []
    for count, (a, b) in zip(counts, ((start, near), (far, end)), strict=True):
        c, d = (middle - 1.3 * high, middle + 1.3 * high) if count == 1 else (cross_start, cross_end)
        half = (a, c, b, d) if sideways else (c, a, d, b)
        found.append(_scatter(count, half, low, high, rng))
    if relation in ("right of", "below"):
        found = [_moved(found[0], sideways, far - start), _moved(found[1], sideways, start - far)]
    return found


def _moved(spots: list[Spot], sideways: bool, by: float) -> list[Spot]:
    dx, dy = (by, 0.0) if sideways else (0.0, by)
    return [Spot(spot.x + dx, spot.y + dy, spot.radius) for spot in spots]


def _inside(box: Box, rng: np.random.Generator) -> list[list[Spot]]:
    tall = box[3] - box[1]
    outer = _scatter(1, box, 0.31 * tall, 0.42 * tall, rng)[0]
    r = outer.radius * float(rng.uniform(0.36, 0.44))
    dx, dy = (float(v) * 0.06 * outer.radius for v in rng.uniform(-1, 1, 2))
    return [[Spot(outer.x + dx, outer.y + dy, r)], [outer]]
