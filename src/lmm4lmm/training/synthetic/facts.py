"""Facts: the single claims that a wish makes of a picture, and whether a scene bears them out.

Correspondence is 100 times the weighted share of the claims that hold, where a wrong number and a misspelt word
count for a part (``degree``). What is wrong with a picture's quality has no say in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmm4lmm.training.synthetic.scene import Scene, Thing
from lmm4lmm.training.synthetic.wishes import Wish

WEIGHTS = {
    "present": 3.0,
    "absent": 3.0,
    "count": 2.0,
    "colour": 2.0,
    "texture": 2.0,
    "view": 2.0,
    "mood": 3.0,
    "relation": 2.5,
    "word": 4.0,
    "place": 2.5,
    "light": 2.5,
    "style": 2.5,
}
"""Kind -> how much it weighs beside the others."""


@dataclass(frozen=True)
class Fact:
    """One claim: a kind of ``WEIGHTS``, the shape that it is about ("" for the picture), and what is claimed of it.

    ``group`` is the index of the wish's group, -1 for the picture; ``other`` the second shape of a relation.
    """

    kind: str
    subject: str
    value: str
    group: int = -1
    other: str = ""


def facts_of(wish: Wish) -> tuple[Fact, ...]:
    """Every claim of a wish, in a fixed order."""
    found = []
    for index, group in enumerate(wish.groups):
        claims = {
            "present": group.shape,
            "count": str(group.count) if group.counted else None,
            "colour": group.colour,
            "texture": group.texture,
            "view": group.view,
            "mood": group.mood,
        }
        found += [Fact(kind, group.shape, value, index) for kind, value in claims.items() if value]
    if wish.relation:
        first, second = wish.groups
        found.append(Fact("relation", first.shape, wish.relation, other=second.shape))
    whole = {"word": wish.word, "place": wish.place, "light": wish.light, "style": wish.style}
    found += [Fact(kind, "", value) for kind, value in whole.items() if value]
    if wish.without:
        found.append(Fact("absent", wish.without, ""))
    return tuple(found)


def holds(fact: Fact, scene: Scene) -> bool:
    """Whether the scene bears the claim out in full."""
    return degree(fact, scene) == 1.0


def degree(fact: Fact, scene: Scene) -> float:
    """How far the scene bears the claim out: 0 or 1; in between for a number or a word that is nearly right."""
    things = [thing for thing in scene.things if thing.shape == fact.subject]
    if fact.kind == "absent":
        return float(not things)
    if fact.group >= 0:
        return _of_things(fact, things, scene) if things else 0.0
    if fact.kind == "relation":
        others = [thing for thing in scene.things if thing.shape == fact.other]
        return float(related(things, fact.value, others))
    if fact.kind == "word":
        return _spelling(fact.value, scene.lettering.text if scene.lettering else "")
    drawn = {"place": scene.backdrop.kind, "light": scene.backdrop.light, "style": scene.style}
    return float(drawn[fact.kind] == fact.value)


def correspondence(facts: Sequence[Fact], scene: Scene) -> float:
    """How well the scene is what was asked for, 0 to 100."""
    total = sum(WEIGHTS[fact.kind] for fact in facts)
    return 100.0 * sum(WEIGHTS[fact.kind] * degree(fact, scene) for fact in facts) / total


def related(things: Sequence[Thing], relation: str, others: Sequence[Thing]) -> bool:
    """Whether every one of the things stands in this relation to every one of the others."""
    return bool(things and others) and all(_pair(a, relation, b) for a in things for b in others)


def edits(one: str, other: str) -> int:
    """Letters to insert, drop or replace to turn one word into the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _of_things(fact: Fact, things: Sequence[Thing], scene: Scene) -> float:
    if fact.kind == "present":
        return 1.0
    if fact.kind == "count":
        wanted = int(fact.value)
        return max(0.0, 1 - abs(len(things) - wanted) / 3) if len(things) != wanted else 1.0
    drawn = {
        "colour": lambda thing: thing.colour,
        "texture": lambda thing: thing.texture,
        "mood": lambda thing: thing.mood,
        "view": scene.distance_of,
    }[fact.kind]
    return float(all(drawn(thing) == fact.value for thing in things))


def _pair(a: Thing, relation: str, b: Thing) -> bool:
    dx, dy = b.x - a.x, b.y - a.y
    if relation == "inside":
        return bool(a.radius < 0.5 * b.radius and dx * dx + dy * dy < (0.35 * b.radius) ** 2)
    apart = 0.9 * (a.radius + b.radius)
    return {"left of": dx, "right of": -dx, "above": dy, "below": -dy}[relation] > apart


def _spelling(wanted: str, written: str) -> float:
    return max(0.0, 1 - 2 * edits(wanted, written) / len(wanted))
