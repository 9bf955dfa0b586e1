"""The design of a human study: what is asked, of whom, how often, and how it is guarded.

Every field has a default: ``{"name": "mine"}`` is a whole design, five-level ratings of perception and
correspondence by 15 raters an image. ``design_file`` reads one from YAML or JSON; ``rules`` in this file say what
no field can say alone.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Scale: TypeAlias = Literal["acr5", "slider", "yes_no", "pairwise"]
Name: TypeAlias = Literal["perception", "correspondence", "answer", "preference"]
Language: TypeAlias = Literal["en", "zh"]
Texts: TypeAlias = dict[Language, str]

Count = Annotated[int, Meta(ge=1, le=100_000)]
Minutes = Annotated[float, Meta(ge=0, le=100_000)]
Share = Annotated[float, Meta(ge=0, le=1)]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RANGES: dict[Scale, tuple[float, float]] = {
    "acr5": (1.0, 5.0),
    "slider": (0.0, 100.0),
    "yes_no": (0.0, 1.0),
    "pairwise": (0.0, 1.0),
}
"""Worst and best value of each scale."""

DEFAULT_SCALES: dict[Name, Scale] = {
    "perception": "acr5",
    "correspondence": "acr5",
    "answer": "yes_no",
    "preference": "pairwise",
}


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all parts of a design share: frozen, by name only, no field that nobody knows."""


class Dimension(_Part, frozen=True, kw_only=True):
    """One thing that raters judge.

    Attributes:
        name: perception, correspondence, answer or preference.
        scale: ``acr5`` (ITU-T P.910's five levels, 1 to 5), ``slider`` (0 to 100), ``yes_no`` (0 or 1),
            ``pairwise`` (which of two images; a tie is allowed unless ``ties`` is false). None: the name's usual one.
        labels: own words by language, worst first; else the standard's.
        question: what is asked, by language; else a good default.
    """

    name: Name
    scale: Scale | None = None
    labels: dict[Language, list[str]] = msgspec.field(default_factory=dict)
    question: Texts = msgspec.field(default_factory=dict)
    ties: bool = True

    @property
    def kind(self) -> Scale:
        """The scale, given or usual."""
        return self.scale or DEFAULT_SCALES[self.name]


class Session(_Part, frozen=True, kw_only=True):
    """How much a rater does at a time.

    Attributes:
        items: images a session that count; gold, traps and repeats come on top.
        count: sessions a rater may do.
        break_every: steps between breaks; ``break_minutes`` how long a break is at least.
        gap_minutes: pause between sessions at least.
    """

    items: Count = 60
    count: Count = 1
    break_every: Count = 30
    break_minutes: Minutes = 1.0
    gap_minutes: Minutes = 30.0


class Training(_Part, frozen=True, kw_only=True):
    """An item to practise on: what is expected by dimension (``[low, high]``), and what to say, by language."""

    item: str
    expected: dict[Name, tuple[float, float]] = msgspec.field(default_factory=dict)
    feedback: Texts = msgspec.field(default_factory=dict)


class Gold(_Part, frozen=True, kw_only=True):
    """An item whose right answer is known: a careful rater's lies from ``low`` to ``high``."""

    item: str
    dimension: Name
    low: float
    high: float


class Trap(_Part, frozen=True, kw_only=True):
    """An item that asks for a certain answer; ``prompt`` (by language) replaces the item's own to say which."""

    item: str
    dimension: Name
    low: float
    high: float
    prompt: Texts = msgspec.field(default_factory=dict)


class Viewing(_Part, frozen=True, kw_only=True):
    """What a screen must offer; phones pass by default. ``plates_right`` of the colour plates must be read."""

    min_width: Annotated[int, Meta(ge=0)] = 320
    min_height: Annotated[int, Meta(ge=0)] = 320
    max_zoom: Annotated[float, Meta(gt=0)] = 2.0
    plates_right: Annotated[int, Meta(ge=0)] = 0


class Qualification(_Part, frozen=True, kw_only=True):
    """Who may rate: the share of training steps answered as expected, and how many tries there are."""

    training_right: Share = 0.0
    attempts: Count = 2


class Stopping(_Part, frozen=True, kw_only=True):
    """Ratings beyond N for items on which people differ.

    An item that has its N ratings gets one more, again and again, while the 95 % interval (Student's t) of the mean
    of any numeric dimension is wider than ``half_width`` to either side, in that dimension's own unit, until it has
    ``max_ratings``.
    """

    half_width: Annotated[float, Meta(gt=0)]
    max_ratings: Count


class StudyDesign(_Part, frozen=True, kw_only=True):
    """A whole study.

    Attributes:
        ratings_per_item: how many raters each item gets, exactly; or the name of a manifest column that says so.
        pairs_per_prompt: for ``pairwise``: at most so many pairs of images of one prompt (all where None).
        gold, traps, training: by item id; these items are taken out of those that are rated.
        repeats: share of a session's items that come again, hidden, later in the session.
        lease_minutes: a rater who does nothing for so long loses the items at hand to others.
        invitation_days: how long a link lives, unless said otherwise.
        seed: where chance starts; the same study with the same seed and the same raters' doings repeats itself.
    """

    name: str
    title: Texts = msgspec.field(default_factory=dict)
    languages: Annotated[list[Language], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: list[Language](("en", "zh"))
    )
    dimensions: Annotated[list[Dimension], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: [Dimension(name="perception"), Dimension(name="correspondence")]
    )
    ratings_per_item: Count | str = 15
    pairs_per_prompt: Count | None = None
    session: Session = msgspec.field(default_factory=Session)
    training: list[Training] = msgspec.field(default_factory=list)
    gold: list[Gold] = msgspec.field(default_factory=list)
    traps: list[Trap] = msgspec.field(default_factory=list)
    repeats: Share = 0.0
    viewing_check: Viewing | None = msgspec.field(default_factory=Viewing)
    qualification: Qualification = msgspec.field(default_factory=Qualification)
    lease_minutes: Annotated[float, Meta(gt=0, le=100_000)] = 60.0
    invitation_days: Annotated[float, Meta(gt=0, le=3650)] = 30.0
    stop_when: Stopping | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    consent: Texts = msgspec.field(default_factory=dict)
    instructions: Texts = msgspec.field(default_factory=dict)
    contact: str = ""

    @property
    def pairwise(self) -> bool:
        """Whether raters compare two images."""
        return any(dimension.kind == "pairwise" for dimension in self.dimensions)

    @property
    def repeats_a_session(self) -> int:
        """How many items of a full session come again."""
        return round(self.repeats * self.session.items)

    @property
    def planned_steps(self) -> int:
        """Steps of a rater's whole work, without training, if there is enough to rate."""
        special = len({g.item for g in self.gold}) + len({t.item for t in self.traps})
        return self.session.count * (self.session.items + self.repeats_a_session) + special


class Fault(msgspec.Struct, frozen=True):
    """A rule that a design breaks: the field, what is wrong and what would be right, and what was found."""

    field: str
    problem: str
    found: object


def faults(design: StudyDesign) -> list[Fault]:
    """What no field can say alone: names, scales, expectations that lie on their scale, duplicates."""
    found = []
    if not NAME.fullmatch(design.name):
        rule = "letters, digits, '.', '_' and '-', at most 64, a letter or digit first"
        found.append(Fault("name", f"a study's name is made of {rule}", design.name))
    names = [dimension.name for dimension in design.dimensions]
    if len(set(names)) < len(names):
        found.append(Fault("dimensions", "each dimension may stand once", names))
    if design.pairwise and any(dimension.kind != "pairwise" for dimension in design.dimensions):
        found.append(Fault("dimensions", "pairwise can't be mixed with scales of single images", names))
    for place, dimension in enumerate(design.dimensions):
        found += _labels(f"dimensions[{place}].labels", dimension)
    if isinstance(design.ratings_per_item, str) and not design.ratings_per_item.strip():
        found.append(Fault("ratings_per_item", "a number or the name of a manifest column", ""))
    stop, wanted = design.stop_when, design.ratings_per_item
    if stop and isinstance(wanted, int) and stop.max_ratings < wanted:
        found.append(
            Fault("stop_when.max_ratings", f"not below ratings_per_item, {wanted}", stop.max_ratings)
        )
    return found + _expectations(design)


def _labels(field: str, dimension: Dimension) -> list[Fault]:
    wanted = {"acr5": 5, "slider": 5, "yes_no": 2, "pairwise": 3}[dimension.kind]
    return [
        Fault(f"{field}.{language}", f"{dimension.kind} has {wanted} labels, worst first", words)
        for language, words in dimension.labels.items()
        if len(words) != wanted
    ]


def _expectations(design: StudyDesign) -> list[Fault]:
    found: list[Fault] = []
    scales = {dimension.name: RANGES[dimension.kind] for dimension in design.dimensions}
    checks = [(f"gold[{n}]", g.dimension, g.low, g.high) for n, g in enumerate(design.gold)]
    checks += [(f"traps[{n}]", t.dimension, t.low, t.high) for n, t in enumerate(design.traps)]
    checks += [
        (f"training[{n}].expected", name, low, high)
        for n, one in enumerate(design.training)
        for name, (low, high) in one.expected.items()
    ]
    for field, name, low, high in checks:
        if name not in scales:
            found.append(Fault(field, f"a dimension of this study ({', '.join(scales)})", name))
        elif not scales[name][0] <= low <= high <= scales[name][1]:
            rule = f"low and high from {scales[name][0]:g} to {scales[name][1]:g}, low first"
            found.append(Fault(field, f"{rule}", [low, high]))
    uses: dict[str, str] = {}
    for field, items in (
        ("training", [one.item for one in design.training]),
        ("gold", list(dict.fromkeys(one.item for one in design.gold))),
        ("traps", list(dict.fromkeys(one.item for one in design.traps))),
    ):
        for item in items:
            if item in uses:
                found.append(Fault(field, f"an item serves one purpose; this one is in {uses[item]}", item))
            uses[item] = field
    return found
