"""Many ways to say the same: wishes as prompts, facts as yes/no questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmm4lmm.training.synthetic.facts import Fact
from lmm4lmm.training.synthetic.vocabulary import CLOSE, NUMBERS, plural, with_article
from lmm4lmm.training.synthetic.wishes import Group, Wish

_FRAMES = (
    "{}",
    "{}",
    "a picture of {}",
    "an image of {}",
    "an illustration that shows {}",
    "please draw {}",
    "a simple image with {}",
    "{}, high quality",
)
_CLOSING = (", nothing else in the picture", "", "", "")
_RELATIONS: dict[str, tuple[str, ...]] = {
    "left of": ("{a} to the left of {b}", "{a} on the left side of {b}", "{b} with {a} on its left"),
    "right of": ("{a} to the right of {b}", "{a} on the right side of {b}", "{b} with {a} on its right"),
    "above": ("{a} above {b}", "{a} directly over {b}", "{b} with {a} above it"),
    "below": ("{a} below {b}", "{a} underneath {b}", "{b} with {a} beneath it"),
    "inside": ("{a} inside {b}", "{a} in the middle of {b}", "{b} with {a} inside it"),
}
_DREAMS = (
    "{a} floating above {b}",
    "{a} flying over {b}, as in a dream",
    "a dreamlike scene: {a} hovering above {b}",
    "in a fantasy world, {a} hangs in the air above {b}",
)
_PLACES: dict[str, tuple[str, ...]] = {
    "sea": ("by the sea", "in front of the ocean", "at the open sea"),
    "desert": ("in a desert", "among sand dunes", "in a sandy desert"),
    "meadow": ("in a meadow", "on a grassy field", "in a green meadow"),
    "mountains": ("in front of mountains", "in the mountains", "with a mountain range behind"),
    "city": ("in a city", "in front of a city skyline", "with tall buildings behind"),
}
_LIGHTS: dict[str, tuple[str, ...]] = {
    "day": ("in bright daylight", "by day", "at noon under a blue sky"),
    "sunset": ("at sunset", "in the evening glow", "at dusk under an orange sky"),
    "night": ("at night", "under a starry night sky", "in the dark of night"),
}
_STYLES: dict[str, tuple[str, ...]] = {
    "flat": ("in flat design", "in a flat vector style", "as flat art without outlines or shading"),
    "outlined": ("with bold outlines", "in a cartoon style with thick outlines", "with thick contour lines"),
    "shaded": ("with soft 3D shading", "in a shaded style with drop shadows", "softly lit, with shadows"),
    "sketchy": ("as a pencil sketch", "in a sketchy hand-drawn style", "like a rough pencil drawing"),
}
_TEXTURES: dict[str, tuple[str, ...]] = {
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "polka-dotted"),
    "checked": ("checked", "checkered"),
    "speckled": ("speckled", "grainy"),
}
_KNOWN_COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("a ripe tomato", "a fire engine", "a stop sign"),
    "orange": ("a carrot", "a pumpkin"),
    "yellow": ("a ripe banana", "a lemon", "a canary"),
    "green": ("fresh grass", "a cucumber", "spinach"),
    "blue": ("sapphires", "blueberries", "a clear sky"),
    "pink": ("a flamingo", "bubblegum"),
    "brown": ("chocolate", "a coffee bean"),
    "black": ("coal", "a raven"),
    "white": ("fresh snow", "milk"),
    "gray": ("an elephant", "concrete"),
}
_KNOWN_NUMBERS: dict[int, tuple[str, ...]] = {
    2: ("a bicycle has wheels", "a person has eyes"),
    3: ("a tricycle has wheels", "a triangle has corners"),
    4: ("a dog has legs", "a year has seasons"),
    5: ("a hand has fingers", "the Olympic flag has rings"),
    6: ("an insect has legs", "a cube has faces"),
}


def word(wish: Wish, rng: np.random.Generator, *, riddle: bool = False) -> str:
    """A prompt for the wish.

    Args:
        wish: what is asked for; all of it is said, nothing besides.
        rng: decides the wording.
        riddle: colours and numbers are put as common knowledge.
    """
    dreamlike = wish.relation == "above" and bool(rng.random() < 0.4)
    text = _things(wish, rng, riddle, dreamlike)
    named = bool(text)
    if wish.word:
        text = _with_word(text, wish.word, rng)
    text = text or _empty(wish, rng)
    if wish.without:
        text += _one(_without(wish.without, named), rng)
    settings = [(wish.place, _PLACES), (wish.light, _LIGHTS), (wish.style, _STYLES)]
    tails = [_one(table[name], rng) for name, table in settings if name]
    if not named and not wish.word and wish.place:
        tails = tails[1:]
    text = " ".join([text, ", ".join(tails)]) if tails else text
    framed = named and not wish.groups[0].view and not dreamlike
    text = (_one(_FRAMES, rng) if framed else "{}").format(text)
    return text[0].upper() + text[1:] + "." if rng.random() < 0.4 else text


def ask(asked: Sequence[Fact], wish: Wish, rng: np.random.Generator, *, denied: bool) -> str:
    """A yes/no question about facts of one wish; "yes" means that all of them hold (none if ``denied``)."""
    if len(asked) == 1:
        return _question(asked[0], wish, rng, denied)
    if all(fact.kind == "present" for fact in asked):
        a, b = (with_article(fact.subject) for fact in asked)
        return _one((f"Does the image show both {a} and {b}?", f"Are there {a} and {b} in the image?"), rng)
    claims = " and ".join(_claim(fact, wish) for fact in asked)
    return _one((f"Is it true that {claims}?", f"Is it right to say that {claims}?"), rng)


def noun_phrase(group: Group, rng: np.random.Generator, riddle: bool = False) -> str:
    """Say "three red striped circles" or "three circles, red and striped"."""
    several = group.count > 1
    noun = plural(group.shape) if several else group.shape
    known_colour = riddle and group.colour
    texture = _one(_TEXTURES[group.texture], rng) if group.texture else None
    words = [w for w in (group.mood, texture, None if known_colour else group.colour) if w]
    if len(words) == 2 and group.mood is None and rng.random() < 0.5:
        words.reverse()
    phrase = " ".join([*words, noun])
    if riddle and group.counted and group.count in _KNOWN_NUMBERS:
        return f"as many {phrase} as {_one(_KNOWN_NUMBERS[group.count], rng)}"
    if group.counted:
        exact = ("exactly ", "", "")[rng.integers(3)]
        phrase = f"{exact}{NUMBERS[group.count] if rng.random() < 0.8 else group.count} {phrase}"
    elif not several:
        phrase = with_article(phrase)
    if known_colour:
        return f"{phrase} in the colour of {_one(_KNOWN_COLOURS[known_colour], rng)}"
    return phrase


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _things(wish: Wish, rng: np.random.Generator, riddle: bool, dreamlike: bool) -> str:
    if not wish.groups:
        return ""
    phrases = [noun_phrase(group, rng, riddle) for group in wish.groups]
    if wish.relation:
        plain = _RELATIONS[wish.relation]
        if wish.groups[0].count > 1:  # "on its left" could be read either way with several
            plain = plain[:2]
        return _one(_DREAMS if dreamlike else plain, rng).format(a=phrases[0], b=phrases[1])
    view = wish.groups[0].view
    if view == CLOSE:
        return _one(
            ("a close-up of {}", "an extreme close-up of {} that fills the frame", "{} seen from very near"),
            rng,
        ).format(phrases[0])
    if view:
        return _one(
            ("{} far away in the distance", "a tiny {bare} seen from far away", "a distant view of {}"), rng
        ).format(phrases[0], bare=phrases[0].split(" ", 1)[1])
    if len(phrases) == 2 and rng.random() < 0.5:
        phrases.reverse()
    return _one((" and ", " together with ", " and also "), rng).join(phrases)


def _with_word(text: str, written: str, rng: np.random.Generator) -> str:
    quoted = f'"{written}"'
    if text:
        forms = (
            "{t} and the word {w}",
            "{t} with the text {w} in large letters",
            "{t}, and {w} written beside it",
        )
    else:
        forms = ("the word {w} in large letters", "a sign that says {w}", "a poster with the text {w}")
    return _one(forms, rng).format(t=text, w=quoted)


def _empty(wish: Wish, rng: np.random.Generator) -> str:
    if not wish.place:
        return _one(("a landscape", "an open landscape", "a view of a landscape"), rng)
    nouns = {"sea": "the sea", "desert": "a desert", "meadow": "a meadow", "mountains": "mountains"}
    noun = nouns.get(wish.place, "a city skyline")
    return _one(("{}", "a view of {}", "a wide shot of {}"), rng).format(noun)


def _without(shape: str, named: bool) -> tuple[str, ...]:
    one = with_article(shape)
    if named:
        return (f" but no {shape}", f" and not a single {shape}", f" without {one}")
    return (f" with no {shape} in it", f" without any {plural(shape)}", f" with zero {plural(shape)}")


def _question(fact: Fact, wish: Wish, rng: np.random.Generator, denied: bool) -> str:
    if fact.kind == "absent":
        one, many = with_article(fact.subject), plural(fact.subject)
        if denied:
            return _one((f"Is there {one} in the image?", f"Does the image show any {many}?"), rng)
        return _one((f"Is the image free of {many}?", f"Is it true that no {fact.subject} is shown?"), rng)
    forms = _FORMS[fact.kind]
    several = fact.group >= 0 and wish.groups[fact.group].count > 1
    noun = plural(fact.subject) if several and fact.subject else fact.subject
    values = {
        "s": noun,
        "p": plural(fact.subject),
        "a": with_article(fact.subject) if fact.subject else "",
        "are": "Are" if several else "Is",
        "v": "in close-up" if fact.value == CLOSE else fact.value,
        "va": with_article(fact.value),
        "o": fact.other,
    }
    if fact.kind == "count":
        n = int(fact.value)
        values |= {
            "v": NUMBERS[n],
            "are": "Are" if n > 1 else "Is",
            "s": plural(fact.subject) if n > 1 else noun,
        }
    if fact.kind == "relation":
        values["v"] = {"left of": "to the left of", "right of": "to the right of"}.get(fact.value, fact.value)
        values["are"] = "Are" if wish.groups[0].count > 1 else "Is"
        values["s"] = plural(fact.subject) if wish.groups[0].count > 1 else fact.subject
    table = {"place": _PLACES, "light": _LIGHTS, "style": _STYLES}.get(fact.kind)
    if table:
        values["v"] = _one(table[fact.value], rng)
    return _one(forms, rng).format(**values, verb=values["are"].lower())


_FORMS: dict[str, tuple[str, ...]] = {
    "present": ("Is there {a} in the image?", "Does the image show {a}?", "Can {a} be seen in the image?"),
    "count": (
        "{are} there exactly {v} {s} in the image?",
        "Does the image show exactly {v} {s}?",
        "Is the number of {p} in the image {v}?",
    ),
    "colour": (
        "{are} the {s} {v}?",
        "{are} the {s} in the image {v} in colour?",
        "Is {v} the colour of the {s}?",
    ),
    "texture": ("{are} the {s} {v}?", "Does the {s} have a {v} surface?"),
    "view": ("{are} the {s} shown {v}?", "{are} the {s} in the image {v}?"),
    "mood": ("Does the face look {v}?", "Is the face {v}?", "Is {va} face shown?"),
    "relation": ("{are} the {s} {v} the {o}?", "In the image, {verb} the {s} {v} the {o}?"),
    "word": ('Does the image show the word "{v}" spelt correctly?', 'Is "{v}" written in the image?'),
    "place": ("Is the scene set {v}?", "Does the picture take place {v}?"),
    "light": ("Is the scene set {v}?", "Does the picture show a scene {v}?"),
    "style": ("Is the picture made {v}?", "Is the image drawn {v}?"),
}


def _claim(fact: Fact, wish: Wish) -> str:
    """A fact as a clause."""
    shape = fact.subject
    several = fact.group >= 0 and wish.groups[fact.group].count > 1
    if fact.kind == "relation":
        several = wish.groups[0].count > 1
    who, verb = (f"the {plural(shape)}", "are") if several else (f"the {shape}", "is")
    preposition = {"left of": "to the left of", "right of": "to the right of"}
    if fact.kind == "style":
        return f"the picture is made {_STYLES[fact.value][0]}"
    if fact.kind in ("place", "light"):
        return f"the scene is set {(_PLACES | _LIGHTS)[fact.value][0]}"
    return {
        "count": lambda: f"there are exactly {NUMBERS[int(fact.value)]} {plural(shape)}",
        "relation": lambda: f"{who} {verb} {preposition.get(fact.value, fact.value)} the {fact.other}",
        "word": lambda: f'the word "{fact.value}" is written',
        "present": lambda: f"there is {with_article(shape)}",
        "absent": lambda: f"there is no {shape}",
    }.get(fact.kind, lambda: f"{who} {verb} {fact.value}")()
