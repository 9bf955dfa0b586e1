"""Prompts about people: what they do, who they are, what they feel, and their faces."""

from __future__ import annotations

from lmm4lmm.questions.dealing import Dealer, Text, sentence
from lmm4lmm.questions.people_words import ACTIONS, EMOTIONS, FACES, HAIR, JOBS, SOMEBODY
from lmm4lmm.questions.words import with_article

_MEN_ONLY = ("a full beard", "a thin moustache", "a bald head")


def action(dealer: Dealer) -> Text:
    """Somebody who does something with a thing."""
    doing, thing, where = dealer.deal(ACTIONS)
    who = with_article(dealer.deal(SOMEBODY))
    with_thing = with_article(thing)
    frame = dealer.deal(("{w} {d} {t} {p}", "a photo of {w} {d} {t}", "a photo of {w} {d} {t} {p}"))
    prompt = frame.format(w=who, d=doing, t=with_thing, p=where)
    return Text(prompt, f"Does the image show {who} {doing} {with_thing}?")


def human(dealer: Dealer) -> Text:
    """Somebody by profession, clothes and hair."""
    job, wearing, doing = dealer.deal(JOBS)
    hair, who = dealer.deal(HAIR), with_article(job)
    prompt = dealer.deal(
        (
            f"{who} with {hair} in {wearing}, {doing}",
            f"a portrait of {who} with {hair}, wearing {wearing}",
            f"{who} wearing {wearing} and with {hair} is {doing}",
        )
    )
    return Text(sentence(prompt), f"Does the image show {who} with {hair}, wearing {wearing}?")


def emotion(dealer: Dealer) -> Text:
    """Somebody who feels something, and why."""
    feeling, doing = dealer.deal(EMOTIONS)
    who = dealer.deal(SOMEBODY)
    frame = dealer.deal(("{}", "a portrait of {}", "a photo of {}"))
    prompt = frame.format(f"{with_article(f'{feeling} {who}')} {doing}")
    return Text(sentence(prompt), f"Does the {who} in the image look {feeling}?")


def face(dealer: Dealer) -> Text:
    """A face with two features and an expression."""
    expression, hair = dealer.deal(FACES["expression"]), dealer.deal(FACES["hair"])
    eyes, detail, who = dealer.deal(FACES["eyes"]), dealer.deal(FACES["detail"]), dealer.deal(FACES["who"])
    if detail in _MEN_ONLY or hair in _MEN_ONLY:
        who = who.replace("woman", "man")
    if detail == "deep wrinkles":
        who = who.replace("a young", "an old")
    first = detail if expression in ("sleeping", "winking") else dealer.deal((eyes, detail), "first")
    seen = f"the {expression} face of {who}"
    prompt = dealer.deal(
        (f"{seen} with {hair} and {first}", f"a portrait showing {seen}, with {first} and {hair}")
    )
    return Text(prompt, f"Is the face in the image {expression}, with {hair} and {first}?")
