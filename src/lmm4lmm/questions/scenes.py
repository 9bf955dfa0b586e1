"""Prompts about whole pictures: place, style, lettering, what is missing, view, landmarks, dreams, time and light."""

from __future__ import annotations

from lmm4lmm.questions.dealing import Dealer, Text, sentence
from lmm4lmm.questions.scene_words import (
    ABSENT,
    AROUND,
    LANDMARKS,
    LIGHTS,
    LIT,
    PLACES,
    SIGNS,
    STYLES,
    TIMES,
    VIEWED,
    WONDER_STAGES,
    WONDERS,
    WRITTEN,
)
from lmm4lmm.questions.words import ANIMALS, OBJECTS, with_article

_SEASONS = (
    "in winter",
    "in summer",
    "on a rainy day",
    "on a foggy morning",
    "on a busy day",
    "late in the evening",
)


def scene(dealer: Dealer) -> Text:
    """A place."""
    place, seen = dealer.deal(PLACES)
    where = with_article(place)
    prompt = dealer.deal((f"{where} with {seen}", f"a photo of {where} {{}}", f"{where} {{}}, with {seen}"))
    return Text(prompt.format(dealer.deal(_SEASONS)), f"Does the image show {where}?")


def style(dealer: Dealer) -> Text:
    """A thing in a style of drawing."""
    made, asked = dealer.deal(STYLES)
    thing = dealer.deal(dealer.deal((ANIMALS, OBJECTS)))
    shown = dealer.deal((thing.a, f"{thing.a} {thing.where}"), "placed")
    prompt = (
        f"a neon sign in the form of {thing.a}" if made == "neon sign" else f"{with_article(made)} of {shown}"
    )
    manner = asked if asked in _UNCOUNTED else with_article(asked)
    return Text(prompt, f"Is the image made in the style of {manner}?")


_UNCOUNTED = ("pixel art", "claymation", "pop art", "cross-stitch embroidery")


def lettering(dealer: Dealer) -> Text:
    """Words that have to be spelt right."""
    written, sign = dealer.deal(WRITTEN), dealer.deal(SIGNS)
    sign = sign.format(words="words" if " " in written else "word")
    return Text(f'{sign} "{written}"', f'Does the image show the text "{written}" with every letter right?')


def absence(dealer: Dealer) -> Text:
    """Something that must not be there."""
    where, one, many = dealer.deal(ABSENT)
    prompt = dealer.deal(
        (
            f"{where} without any {many}",
            f"{where} with no {many} at all",
            f"a photo of {where} with not a single {one} to be seen",
            f"{where}, but there is no {one}",
        )
    )
    return Text(prompt, f"Is the image free of {many}?")


def view(dealer: Dealer) -> Text:
    """Where the camera stands."""
    seen_from = dealer.deal(tuple(VIEWED))
    shown = dealer.deal(VIEWED[seen_from])
    light = dealer.deal(("", "", ", in the morning", ", in black and white", ", on a cloudy day"))
    return Text(sentence(f"{seen_from} of {shown}{light}"), f"Is the image {seen_from}?")


def landmark(dealer: Dealer) -> Text:
    """A place that everybody knows."""
    what, around = dealer.deal(LANDMARKS), dealer.deal(AROUND)
    return Text(sentence(f"{what} {around}"), f"Does the image show {what}?")


def imagination(dealer: Dealer) -> Text:
    """What nobody has ever seen."""
    who, doing = dealer.deal(WONDERS)
    prompt = f"{who} {doing}{dealer.deal(WONDER_STAGES)}"
    return Text(sentence(prompt), f"Does the image show {who} {doing}?")


def light(dealer: Dealer) -> Text:
    """Time of day and how the light falls."""
    said, time = dealer.deal(TIMES)
    shine, where = dealer.deal(LIGHTS[time]), dealer.deal(LIT)
    prompt = dealer.deal((f"{where} {said} in {shine}", f"{said}, {shine} falls on {where}"))
    return Text(sentence(prompt), f"Does the image show {time}, with {shine}?")
