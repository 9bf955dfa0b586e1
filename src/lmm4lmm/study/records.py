"""What the store of a study and its pages hand each other: plain frozen records.

Nothing here tells a rater's page who made an image, where it lies or what its item is called: images go by an
opaque id, steps by a number that means nothing outside the study. All times are UTC, by the server's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from lmm4lmm.study.design import Scale, StudyDesign
from lmm4lmm.study.researcher_records import AuditRow, ItemProgress, Progress, RaterProgress, RatingRow
from lmm4lmm.study.states import Ending, Kind, Outcome, Stage

Values: TypeAlias = Mapping[str, float | str]
"""An answer: one value a dimension, a number on its own scale; for pairs ``first``, ``second`` or ``tie``."""

__all__ = [
    "AuditRow",
    "Break",
    "DimensionView",
    "Ending",
    "Finished",
    "ImageFile",
    "Invitation",
    "ItemProgress",
    "Kind",
    "Next",
    "Outcome",
    "Progress",
    "Rated",
    "Rater",
    "RaterProgress",
    "RatingRow",
    "Stage",
    "Step",
    "StudyInfo",
    "StudyItem",
    "Values",
    "ViewingCheck",
    "Waiting",
]


@dataclass(frozen=True)
class StudyItem:
    """One image of a study, as it is given to ``Store.create``.

    Attributes:
        id: unique in the study.
        image: path relative to the study's images folder, or absolute.
        prompt: the text the image was made from; "" where there is none.
        prompts: the prompt in other languages, by code (``zh``).
        question: the yes/no question, where the study asks one; ``questions`` as ``prompts``.
        generator: who made it; never leaves the store but through exports and the researcher's pages.
        wanted: how many raters this item wants; None: the design's number.
    """

    id: str
    image: str
    prompt: str = ""
    generator: str | None = None
    task: str | None = None
    question: str | None = None
    wanted: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyInfo:
    """A study: ``created`` and ``closed`` (None while it runs) are times; ``items`` counts those to be rated."""

    name: str
    design: StudyDesign
    created: datetime
    closed: datetime | None
    items: int
    has_password: bool


@dataclass(frozen=True)
class Invitation:
    """A link's secret, shown once, and whom it makes: ``R001``. Only a hash of ``token`` is kept."""

    token: str
    rater: str
    expires: datetime


@dataclass(frozen=True)
class Rater:
    """One rater.

    Attributes:
        id: the store's own number; never shown.
        name: ``R001`` and so on, as in exports.
        language: chosen with the consent; before that the design's first.
        done: steps answered, without training; ``total``: those planned, as far as can be known now.
        code: the completion code; None until finished.
        ending: why the rater's work is over; None while it is not.
    """

    id: int
    study: str
    name: str
    stage: Stage
    language: str
    done: int
    total: int
    code: str | None
    ending: Ending | None = None


@dataclass(frozen=True)
class ViewingCheck:
    """What the browser reports of the screen: CSS pixels, zoom (1 is none), and the colour plates read right."""

    width: int
    height: int
    zoom: float
    plates_right: int
    plates_shown: int


@dataclass(frozen=True)
class DimensionView:
    """One thing to be judged, in the rater's language.

    Attributes:
        low, high: the ends of the scale, worst first; 1 to 5, 0 to 100, 0 to 1. For pairs 0 and 1, but answers
            are words.
        labels: the words of the levels, worst first (``acr5``: five; ``slider``: five along it; ``yes_no``: no,
            yes; ``pairwise``: first, second, tie).
        question: what is asked.
    """

    name: str
    scale: Scale
    low: float
    high: float
    labels: tuple[str, ...]
    question: str


@dataclass(frozen=True)
class Step:
    """One screen of the rater's work.

    Attributes:
        id: hand it back with the answer; it changes when the step is opened again by an undo.
        position: from 1, within training or within the rater's whole work.
        images: opaque ids, one, or two for pairs in the order in which they are to be shown.
        question: the item's own yes/no question, "" where it has none.
        preload: opaque ids of the images that come next.
        can_undo: whether ``Store.undo`` would reopen the step before.
    """

    id: str
    position: int
    total: int
    kind_shown: Literal["training", "rating"]
    images: tuple[str, ...]
    prompt: str
    question: str
    task: str
    dimensions: tuple[DimensionView, ...]
    preload: tuple[str, ...]
    can_undo: bool


@dataclass(frozen=True)
class Break:
    """A pause until ``until``; ``can_undo`` as in ``Step``. ``session_over``: the next session starts then."""

    until: datetime
    done: int
    total: int
    session_over: bool
    can_undo: bool


@dataclass(frozen=True)
class Finished:
    """The rater's work is over; ``code`` is None where nothing was earned (excluded, not qualified)."""

    code: str | None
    reason: Ending
    can_undo: bool = False


@dataclass(frozen=True)
class Waiting:
    """Nothing to rate now: all that this rater might get is held by others. Worth asking again at ``until``."""

    reason: str
    until: datetime


Next: TypeAlias = Step | Break | Finished | Waiting


@dataclass(frozen=True)
class Rated:
    """What became of an answer.

    ``accepted``: stored and committed. ``repeated``: this step has its answer already, which stands. ``not_yours``:
    the step's place went to another rater, or the study is closed to this one; kept in the audit trail, not counted.

    Attributes:
        feedback: after a training step, what to tell the rater, in the rater's language; else None.
        right: after a training step, whether the answer lay within what was expected; else None.
        coming: what the rater does now, where that was known without asking again; else ``Store.next`` tells it.
    """

    outcome: Outcome
    feedback: str | None = None
    right: bool | None = None
    coming: Next | None = None


@dataclass(frozen=True)
class Example:
    """An image that the instructions show: its opaque id, its prompt, and what to notice, in the rater's language."""

    image: str
    prompt: str
    note: str


@dataclass(frozen=True)
class ImageFile:
    """A file of the manifest and what it is (``image/png``)."""

    path: Path
    media_type: str
