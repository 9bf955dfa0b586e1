"""Prompts of the synthetic world: a wish for each of the tasks, its wording and its question.

The tasks are EvalMi-50K's 20. What this world has for each:

========================  ====================================================================================
single_class              one kind of thing
two_class                 two kinds of thing
counting                  one to six of a kind
colors                    one or two coloured things
position                  left of, right of, above, below, inside
shapes                    a geometric form
texture                   striped, dotted, checked or speckled things
scene                     one of five places as the backdrop
style                     flat, outlined, shaded or sketchy
OCR                       a word, spelt right
emotion                   the mood of a face, as a pictogram: the feeling of a person is beyond this world
Linguistic Structures     negation: "but no star", "without any"; also a picture with none at all
view                      close-up or far away; viewpoints such as "from above" are beyond a flat world
World Knowledge           colours and numbers behind common knowledge ("as many as a dog has legs")
imagination               everyday things where they are never found, in colours that they never have
time and light            day, sunset or night over a place
complex                   several of these at once
========================  ====================================================================================

Three have no honest counterpart, since there are no people here, and none is faked: HOI, human, face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lmm4lmm.training.synthetic.choices import pair_of, perhaps, pick
from lmm4lmm.training.synthetic.facts import Fact, facts_of
from lmm4lmm.training.synthetic.staging import possible
from lmm4lmm.training.synthetic.vocabulary import (
    CLOSE,
    COLOURS,
    CONTAINERS,
    FACE,
    FAR,
    GEOMETRIC,
    LIGHTS,
    LOOK_ALIKE,
    MOODS,
    MOST,
    PICTOGRAMS,
    PLACES,
    RELATIONS,
    SHAPES,
    STYLES,
    TEXTURES,
    WORDS,
    stream,
)
from lmm4lmm.training.synthetic.wishes import Group, Wish
from lmm4lmm.training.synthetic.wording import ask, word

NO_COUNTERPART = ("HOI", "human", "face")
_MAIN: dict[str, tuple[str, ...]] = {
    "single_class": ("present",),
    "two_class": ("present",),
    "counting": ("count",),
    "colors": ("colour",),
    "position": ("relation",),
    "shapes": ("present",),
    "texture": ("texture",),
    "scene": ("place",),
    "style": ("style",),
    "OCR": ("word",),
    "emotion": ("mood",),
    "Linguistic Structures": ("absent",),
    "view": ("view",),
    "World Knowledge": ("colour", "count"),
    "imagination": ("relation",),
    "time and light": ("light",),
}
"""Task -> the kinds of fact that its question is about."""


@dataclass(frozen=True)
class Prompt:
    """A prompt with its truth.

    Attributes:
        number: its place in the world, from 0.
        task: one of ``TASKS``.
        text: the wording.
        wish: what it asks for.
        facts: the single claims.
        question: yes/no.
        asked: the claims that the question is about.
        denied: whether "yes" means that they do not hold ("Is there a star?" of a prompt without one).
    """

    number: int
    task: str
    text: str
    wish: Wish
    facts: tuple[Fact, ...]
    question: str
    asked: tuple[Fact, ...]
    denied: bool

    @property
    def group(self) -> str:
        """Equal for prompts that mean the same: what must not straddle a split."""
        return self.wish.key()


@lru_cache(maxsize=4096)
def prompt(seed: int, number: int) -> Prompt:
    """The prompt of this number: tasks take turns, chance within the task comes from seed and number alone."""
    task = TASKS[number % len(TASKS)]
    rng = stream(seed, "prompt", number)
    while True:
        wish = _WISHES[task](rng)
        if possible(wish) and not wish.shapes() >= LOOK_ALIKE:
            break
    facts = facts_of(wish)
    asked = _asked(task, facts, rng)
    denied = asked[0].kind == "absent" and bool(rng.random() < 0.5)
    text = word(wish, rng, riddle=task == "World Knowledge")
    return Prompt(number, task, text, wish, facts, ask(asked, wish, rng, denied=denied), asked, denied)


def _asked(task: str, facts: Sequence[Fact], rng: np.random.Generator) -> tuple[Fact, ...]:
    if task == "complex":
        telling = [fact for fact in facts if fact.kind != "present"]
        chosen = sorted(rng.choice(len(telling), size=2, replace=False).tolist())
        return tuple(telling[n] for n in chosen)
    return tuple(fact for fact in facts if fact.kind in _MAIN[task])


def _colour(rng: np.random.Generator, chance: float = 1.0) -> str | None:
    return perhaps(tuple(COLOURS), rng, chance)


def _single(rng: np.random.Generator) -> Wish:
    group = Group(pick(SHAPES, rng), colour=_colour(rng, 0.4))
    return Wish((group,), place=perhaps(PLACES, rng, 0.3))


def _both(rng: np.random.Generator) -> Wish:
    one, two = pair_of(SHAPES, rng)
    return Wish((Group(one, colour=_colour(rng, 0.25)), Group(two)), place=perhaps(PLACES, rng, 0.2))


def _counting(rng: np.random.Generator) -> Wish:
    group = Group(pick(SHAPES, rng), int(rng.integers(1, MOST + 1)), True, colour=_colour(rng, 0.4))
    return Wish((group,), place=perhaps(PLACES, rng, 0.15))


def _colors(rng: np.random.Generator) -> Wish:
    one, two = pair_of(SHAPES, rng)
    groups = (Group(one, colour=_colour(rng)), Group(two, colour=_colour(rng)))
    return Wish(groups[: 1 + int(rng.random() < 0.55)], style=perhaps(STYLES, rng, 0.15))


def _position(rng: np.random.Generator) -> Wish:
    relation = pick(RELATIONS, rng)
    one, two = pair_of(SHAPES, rng)
    if relation == "inside":
        one, two = pick([shape for shape in GEOMETRIC if shape not in CONTAINERS], rng), pick(CONTAINERS, rng)
    return Wish((Group(one, colour=_colour(rng, 0.4)), Group(two, colour=_colour(rng, 0.4))), relation)


def _shapes(rng: np.random.Generator) -> Wish:
    return Wish((Group(pick(GEOMETRIC, rng), colour=_colour(rng, 0.5)),), style=perhaps(STYLES, rng, 0.3))


def _texture(rng: np.random.Generator) -> Wish:
    group = Group(pick(_BROAD, rng), colour=_colour(rng, 0.6), texture=pick(TEXTURES, rng))
    more = (Group(pick([s for s in SHAPES if s != group.shape], rng)),) if rng.random() < 0.3 else ()
    return Wish((group, *more))


_BROAD = (
    "circle",
    "square",
    "triangle",
    "hexagon",
    "heart",
    "drop",
    "house",
    "fish",
    "mushroom",
    "cup",
    "diamond",
)
"""Shapes with enough area for a texture to be seen."""


def _scene(rng: np.random.Generator) -> Wish:
    groups = () if rng.random() < 0.2 else (Group(pick(SHAPES, rng), colour=_colour(rng, 0.4)),)
    return Wish(groups, place=pick(PLACES, rng), light=perhaps(LIGHTS, rng, 0.2))


def _style(rng: np.random.Generator) -> Wish:
    group = Group(pick(SHAPES, rng), colour=_colour(rng, 0.5))
    more = (Group(pick([s for s in SHAPES if s != group.shape], rng)),) if rng.random() < 0.4 else ()
    return Wish((group, *more), style=pick(STYLES, rng))


def _ocr(rng: np.random.Generator) -> Wish:
    groups = (Group(pick(SHAPES, rng), colour=_colour(rng, 0.4)),) if rng.random() < 0.7 else ()
    return Wish(groups, word=pick(WORDS, rng))


def _emotion(rng: np.random.Generator) -> Wish:
    return Wish(
        (Group(FACE, colour=_colour(rng, 0.6), mood=pick(MOODS, rng)),), place=perhaps(PLACES, rng, 0.4)
    )


def _linguistic(rng: np.random.Generator) -> Wish:
    one, two = pair_of(SHAPES, rng)
    if rng.random() < 0.2:
        return Wish(place=pick(PLACES, rng), without=one)
    return Wish((Group(one, colour=_colour(rng, 0.5)),), place=perhaps(PLACES, rng, 0.2), without=two)


def _view(rng: np.random.Generator) -> Wish:
    group = Group(pick(SHAPES, rng), colour=_colour(rng, 0.5), view=pick((CLOSE, FAR), rng))
    return Wish((group,), place=perhaps(PLACES, rng, 0.3))


def _knowledge(rng: np.random.Generator) -> Wish:
    if rng.random() < 0.5:
        return Wish(
            (Group(pick(SHAPES, rng), colour=pick(sorted(set(COLOURS) - {"turquoise", "purple"}), rng)),)
        )
    return Wish((Group(pick(SHAPES, rng), int(rng.integers(2, MOST + 1)), True),))


def _imagination(rng: np.random.Generator) -> Wish:
    one, two = pair_of(PICTOGRAMS, rng)
    odd = ("pink", "purple", "turquoise", "black", "yellow", "blue")
    groups = (Group(one, colour=pick(odd, rng)), Group(two, colour=perhaps(odd, rng, 0.4)))
    return Wish(groups, "above", place=perhaps(PLACES, rng, 0.4))


def _light(rng: np.random.Generator) -> Wish:
    groups = () if rng.random() < 0.25 else (Group(pick(SHAPES, rng), colour=_colour(rng, 0.3)),)
    return Wish(groups, place=perhaps(PLACES, rng, 0.5), light=pick(LIGHTS, rng))


def _complex(rng: np.random.Generator) -> Wish:
    wish = _position(rng)
    groups = tuple(replace(group, colour=group.colour or _colour(rng)) for group in wish.groups)
    extra = rng.integers(4)
    if wish.relation != "inside" and rng.random() < 0.5:
        first = replace(groups[0], count=int(rng.integers(2, 5)), counted=True)
        groups = (first, groups[1])
    if extra == 0:
        return Wish(groups, wish.relation, style=pick(STYLES, rng))
    if extra == 1:
        return Wish(groups, wish.relation, place=pick(PLACES, rng))
    if extra == 2 and wish.relation in ("left of", "right of"):
        return Wish(groups, wish.relation, word=pick(WORDS, rng))
    return Wish(groups, wish.relation)


_WISHES: dict[str, Callable[[np.random.Generator], Wish]] = {
    "single_class": _single,
    "two_class": _both,
    "counting": _counting,
    "colors": _colors,
    "position": _position,
    "shapes": _shapes,
    "texture": _texture,
    "scene": _scene,
    "style": _style,
    "OCR": _ocr,
    "emotion": _emotion,
    "Linguistic Structures": _linguistic,
    "view": _view,
    "World Knowledge": _knowledge,
    "imagination": _imagination,
    "time and light": _light,
    "complex": _complex,
}
TASKS = tuple(_WISHES)
"""The 17 of EvalMi-50K's 20 tasks that this world can honestly express, in the release's names and order."""
