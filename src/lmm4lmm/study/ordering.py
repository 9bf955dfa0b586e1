"""The order of a session: items lean against their past places, special ones are strewn in, repeats come late."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Planned:
    """A step to be: ``slot`` where it fills one of the item's N; ``swapped``: a pair the other way round."""

    item: int
    slot: int | None
    kind: str
    swapped: bool


def arranged(
    rated: Sequence[Planned],
    leans: Mapping[int, float],
    special: Sequence[Planned],
    repeats: int,
    rng: random.Random,
    *,
    pairs: bool,
) -> list[Planned]:
    """One session in order.

    Args:
        rated: the steps that count.
        leans: by item, the running sum of its past places (-0.5 first, 0.5 last): who came late comes early now.
        special: gold and trap steps, put at random places, never first.
        repeats: how many of ``rated`` come again. A repeat stands in the later half, as far from its first showing as
            half a session.
        rng: chance.
        pairs: whether two images are shown: then a repeat shows them the other way round.
    """
    keys = {one.item: leans.get(one.item, 0.0) + rng.uniform(-0.25, 0.25) for one in rated}
    order = sorted(rated, key=lambda one: -keys[one.item])
    half = (len(order) + 1) // 2
    again = rng.sample(order[:half], min(repeats, half))
    for one in sorted(again, key=order.index, reverse=True):
        earliest = min(order.index(one) + half + 1, len(order))
        place = rng.randint(earliest, len(order))
        order.insert(place, replace(one, slot=None, kind="repeat", swapped=pairs and not one.swapped))
    for one in special:
        order.insert(rng.randint(min(1, len(order)), len(order)), one)
    return order
