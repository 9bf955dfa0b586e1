"""Ways to get a wish wrong: each kind of fact has one change that makes it false, and false in the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lmm4lmm.training.synthetic.facts import Fact, edits
from lmm4lmm.training.synthetic.staging import possible
from lmm4lmm.training.synthetic.vocabulary import (
    CLOSE,
    COLOURS,
    CONTAINERS,
    FAR,
    GEOMETRIC,
    LIGHTS,
    LOOK_ALIKE,
    MOODS,
    MOST,
    OPPOSITE,
    PICTOGRAMS,
    PLACES,
    PLAIN,
    STYLES,
    TEXTURES,
    WORDS,
)
from lmm4lmm.training.synthetic.wishes import Group, Wish


def falsify(fact: Fact, wish: Wish, asked_for: Wish, rng: np.random.Generator) -> Wish:
    """The wish with one claim made false, if nothing else is in the way.

    Args:
        fact: a claim of ``asked_for``.
        wish: what would be drawn so far; it may already differ from what was asked for.
        asked_for: what the prompt says.
        rng: decides how.

    Returns:
        A wish that can be drawn with everything told apart. The same one where the claim is false already.
    """
    index = next((n for n, group in enumerate(wish.groups) if group.shape == fact.subject), -1)
    if fact.group >= 0 and index < 0:
        return wish
    change = _CHANGES[fact.kind]
    for _ in range(40):
        changed = change(fact, wish, index, asked_for, rng)
        if possible(changed):
            return changed
    return wish


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _other(choices: Sequence[str], wrong: str | None, rng: np.random.Generator) -> str:
    return _pick([choice for choice in choices if choice != wrong], rng)


def _missing(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    """Left out, or another shape in its place."""
    group = wish.groups[index]
    leave_out = len(wish.groups) > 1 and rng.random() < 0.55
    if leave_out:
        return replace(wish, groups=(*wish.groups[:index], *wish.groups[index + 1 :]), relation=None)
    family: Sequence[str] = CONTAINERS if wish.relation == "inside" and index == 1 else GEOMETRIC
    if group.shape in PICTOGRAMS or (rng.random() < 0.25 and wish.relation != "inside"):
        family = PICTOGRAMS
    taken = asked_for.shapes() | wish.shapes()
    taken |= LOOK_ALIKE if taken & LOOK_ALIKE else set()
    other = _pick([shape for shape in family if shape not in taken], rng)
    return wish.with_group(index, replace(group, shape=other, mood=None))


def _present(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    """What must not be there is there."""
    if len(wish.groups) > 1 or any(group.view for group in wish.groups):
        return wish
    return replace(wish, groups=(*wish.groups, Group(fact.subject)), without=None)


def _miscounted(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    group = wish.groups[index]
    step = int(rng.choice([-2, -1, -1, 1, 1, 2]))
    count = min(max(group.count + step, 1), MOST + 2)
    return wish.with_group(index, replace(group, count=count if count != group.count else group.count + 1))


def _miscoloured(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    """Another colour; with two coloured groups often each other's."""
    if len(wish.groups) == 2 and rng.random() < 0.4:
        one, two = wish.groups
        if one.colour and two.colour and one.colour != two.colour:
            swapped = (replace(one, colour=two.colour), replace(two, colour=one.colour))
            return replace(wish, groups=swapped)
    group = wish.groups[index]
    taken = [other.colour for other in wish.groups if other is not group]
    colours = [colour for colour in COLOURS if colour != fact.value and colour not in taken]
    return wish.with_group(index, replace(group, colour=_pick(colours, rng)))


def _retextured(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    texture = PLAIN if rng.random() < 0.5 else _other(TEXTURES, fact.value, rng)
    return wish.with_group(index, replace(wish.groups[index], texture=texture))


def _resized(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    view = None if rng.random() < 0.3 else CLOSE if fact.value == FAR else FAR
    return wish.with_group(index, replace(wish.groups[index], view=view))


def _moody(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    return wish.with_group(index, replace(wish.groups[index], mood=_other(MOODS, fact.value, rng)))


def _swapped(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    if wish.relation is None:
        return wish
    others = [relation for relation in OPPOSITE if relation != fact.value]
    opposite = OPPOSITE.get(fact.value)
    return replace(wish, relation=opposite if opposite and rng.random() < 0.6 else _pick(others, rng))


def _misspelt(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    """One to three letters wrong, another word, or none where there is something else to see."""
    chance = rng.random()
    if chance < 0.08 and wish.groups:
        return replace(wish, word=None)
    if chance < 0.2:
        return replace(wish, word=_other(WORDS, fact.value, rng))
    text = fact.value
    while text in (fact.value, "") or (text in WORDS and edits(text, fact.value) < 2):
        text = fact.value
        for _ in range(int(rng.integers(1, 4))):
            text = _slip(text, rng)
    return replace(wish, word=text)


def _slip(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text)))
    letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[int(rng.integers(26))]
    ways = [text[:at] + letter + text[at + 1 :], text[: at + 1] + text[at:]]
    if len(text) > 2:
        ways += [text[:at] + text[at + 1 :], text[:at] + text[at : at + 2][::-1] + text[at + 2 :]]
    return _pick(ways, rng)


def _elsewhere(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    return replace(wish, place=_other(PLACES, fact.value, rng))


def _relit(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    return replace(wish, light=_other(LIGHTS, fact.value, rng))


def _restyled(fact: Fact, wish: Wish, index: int, asked_for: Wish, rng: np.random.Generator) -> Wish:
    return replace(wish, style=_other(STYLES, fact.value, rng))


_CHANGES: dict[str, Callable[[Fact, Wish, int, Wish, np.random.Generator], Wish]] = {
    "present": _missing,
    "absent": _present,
    "count": _miscounted,
    "colour": _miscoloured,
    "texture": _retextured,
    "view": _resized,
    "mood": _moody,
    "relation": _swapped,
    "word": _misspelt,
    "place": _elsewhere,
    "light": _relit,
    "style": _restyled,
}
