"""Prompts about things: one, two, how many, of what colour, where, of what form and stuff, and all at once."""

from __future__ import annotations

from lmm4lmm.questions.dealing import Dealer, Text
from lmm4lmm.questions.words import (
    ANIMALS,
    COLOURS,
    FOODS,
    FORMS,
    MATERIALS,
    NUMBERS,
    OBJECTS,
    SMALL,
    TABLES,
    Thing,
    with_article,
)

_KINDS = (ANIMALS, OBJECTS, FOODS)
_PLAIN = tuple(colour for colour in COLOURS if colour != "turquoise")
_RELATIONS = ("to the left of", "to the right of", "on top of", "under", "in front of", "behind", "next to")
_HIGH = ("wooden chair", "stool", "coffee table", "park bench", "bookcase", "wooden crate", "piano", "fridge")
_STANDS = ("on the left of the picture", "on the right of the picture")
_OUTDOORS = (
    "in a garden",
    "on a quiet street",
    "in front of a white house",
    "in a sunny courtyard",
    "on a lawn",
)
_FRAMES = ("a photo of {}", "{}", "a picture of {}", "{}, photographed in daylight")


def single(dealer: Dealer) -> Text:
    """One thing, where it may well be."""
    thing = dealer.deal(dealer.deal(_KINDS))
    frame, placed = dealer.deal(_FRAMES), dealer.deal((True, False))
    shown = f"{thing.a} {thing.where}" if placed else thing.a
    question = dealer.deal(("Is there {} in the image?", "Does the image show {}?"))
    return Text(frame.format(shown), question.format(thing.a))


def two(dealer: Dealer) -> Text:
    """Two things of any kinds."""
    first, second = dealer.deal(dealer.deal(_KINDS)), dealer.deal(dealer.deal(_KINDS, "second"))
    if first.one == second.one:
        second = dealer.deal(OBJECTS, "other")
    joined = dealer.deal(("{} and {}", "{} with {}", "{} beside {}", "{} and {}"))
    frame = dealer.deal(("a photo of {}", "{}", "a picture of {}"))
    return Text(
        frame.format(joined.format(first.a, second.a)), f"Does the image show both {first.a} and {second.a}?"
    )


def counting(dealer: Dealer) -> Text:
    """So many of a kind."""
    number, kind = dealer.deal(tuple(NUMBERS.values())), dealer.deal((SMALL, SMALL, ANIMALS))
    thing = dealer.deal(kind)
    place = dealer.deal(TABLES) if kind is SMALL else thing.where
    frame = dealer.deal(
        ("{n} {s} {p}", "a photo of {n} {s}", "exactly {n} {s} {p}", "a photo of {n} {s} {p}")
    )
    prompt = frame.format(n=number, s=thing.many, p=place)
    return Text(prompt, f"Are there exactly {number} {thing.many} in the image?")


def colours(dealer: Dealer) -> Text:
    """One or two coloured things; some in colours that they seldom have."""
    colour = dealer.deal(COLOURS)
    first = dealer.deal(dealer.deal((OBJECTS, FOODS, ANIMALS)))
    while first.one == colour:  # an orange orange
        first = dealer.deal(FOODS)
    if dealer.deal((True, False)):
        prompt = dealer.deal(("a photo of {}", "{}")).format(with_article(f"{colour} {first.one}"))
        return Text(f"{prompt} {first.where}", f"Is the {first.one} in the image {colour}?")
    other = dealer.deal([one for one in COLOURS if one != colour], "other")
    second = dealer.deal([one for one in OBJECTS if one.one != first.one], "other")
    one, two_ = with_article(f"{colour} {first.one}"), with_article(f"{other} {second.one}")
    joined = dealer.deal(("{} and {}", "{} next to {}"), "joined")
    return Text(f"a photo of {joined.format(one, two_)}", f"Does the image show both {one} and {two_}?")


def position(dealer: Dealer) -> Text:
    """One thing in relation to another."""
    relation = dealer.deal(_RELATIONS)
    if relation in ("on top of", "under"):
        first: str = dealer.deal((*ANIMALS[:2], *SMALL, *FOODS), "small").one
        second: str = dealer.deal(_HIGH)
    else:
        pair = dealer.two(OBJECTS[:20])
        first, second = pair[0].one, pair[1].one
        if dealer.deal((True, False)):
            first = dealer.deal(ANIMALS).one
    frame = dealer.deal(("{}", "a photo of {}", "a photo of {}, seen from the front"))
    prompt = frame.format(f"{with_article(first)} {relation} {with_article(second)}")
    return Text(prompt, f"Is there {with_article(first)} {relation} {with_article(second)} in the image?")


def shapes(dealer: Dealer) -> Text:
    """A thing of a form."""
    form = dealer.deal(tuple(FORMS))
    thing = f"{form} {dealer.deal(FORMS[form])}"
    colour = dealer.deal(("", "", *_PLAIN))
    shown = with_article(f"{colour} {thing}".strip())
    frame = dealer.deal(
        ("a photo of {}", "{} on a plain background", "{} in a shop window", "a close photo of {}")
    )
    return Text(frame.format(shown), f"Does the image show {with_article(thing)}?")


def texture(dealer: Dealer) -> Text:
    """A thing of a stuff."""
    material = dealer.deal(tuple(MATERIALS))
    thing = with_article(f"{material} {dealer.deal(MATERIALS[material])}")
    frame = dealer.deal(
        ("a photo of {}", "{} in soft daylight", "{} against a white wall", "a close photo of {}")
    )
    return Text(frame.format(thing), f"Does the image show {thing}?")


def complex_(dealer: Dealer) -> Text:
    """Numbers, colours and places of two kinds of thing, taken apart in several questions."""
    first, second = _two_kinds(dealer)
    here, there = dealer.two(tuple(NUMBERS)[:3])
    one, other = dealer.two(_PLAIN)
    many, more = f"{NUMBERS[here]} {one} {first.many}", f"{NUMBERS[there]} {other} {second.many}"
    parts = [
        f"Does the image show both {first.many} and {second.many}?",
        f"Are there exactly {NUMBERS[here]} {first.many} in the image?",
        f"Are there exactly {NUMBERS[there]} {second.many} in the image?",
        f"Are the {first.many} in the image {one}?",
        f"Are the {second.many} in the image {other}?",
    ]
    form = dealer.deal(("place", "side", "style", "plain"))
    if form == "side":
        side, across = dealer.deal((_STANDS, _STANDS[::-1]))
        prompt = f"{many} {side} and {more} {across}"
        parts.append(f"Are the {first.many} {side} and the {second.many} {across}?")
    elif form == "style":
        style = dealer.deal(("watercolour painting", "pencil sketch", "oil painting", "paper collage"))
        prompt = f"{with_article(style)} of {many} and {more}"
        parts.append(f"Is the image {with_article(style)}?")
    elif form == "place":
        place = dealer.deal(TABLES[:5] if first in SMALL else _OUTDOORS)
        prompt = f"a photo of {many} and {more} {place}"
        parts.append(f"Are they {place}?")
    else:
        prompt = dealer.deal(("a photo of {} next to {}", "{} in front of {}")).format(many, more)
    return Text(prompt, f"Does the image show everything in this description: “{prompt}”?", tuple(parts))


def _two_kinds(dealer: Dealer) -> tuple[Thing, Thing]:
    return dealer.two(dealer.deal((SMALL, ANIMALS[:11])))
