"""The vocabulary as frozen records: validated at the edge (``manifest``), plain inside.

Importing this module loads no torch, no polars and no pillow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

Dimension: TypeAlias = Literal["perception", "correspondence", "answer"]
"""What is scored: perceptual quality, match with the prompt, the answer to the task question."""

DIMENSIONS: tuple[Dimension, ...] = ("perception", "correspondence", "answer")


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One text that images are made from.

    Attributes:
        id: unique in its set; for numbered sets the zero-padded number.
        text: the prompt itself.
        task: one of the 20 tasks, where known.
        question: the yes/no question whose answer "yes" means that the image does what the prompt asks.
        sub_questions: its parts, each a yes/no question of its own, for complex prompts.
    """

    id: str
    text: str
    task: str | None = None
    question: str | None = None
    sub_questions: tuple[str, ...] = ()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One image with its prompt: the unit that metrics score.

    Attributes:
        id: unique in its manifest.
        path: where the image lies, ready to open.
        image: the image as its manifest writes it (relative to the manifest); outputs repeat it.
        prompt: the text the image was made from; "" where there is none (then only perception has a meaning).
        generator: the T2I model (or human source) that made the image, where known.
        task: one of the 20 tasks, where known.
        question: the task's yes/no question, where known.
    """

    id: str
    path: Path
    image: str
    prompt: str
    generator: str | None = None
    task: str | None = None
    question: str | None = None


class Estimate(msgspec.Struct, frozen=True):
    """A score on the MOS scale, 0 to 100, higher is better, with its standard deviation (same unit)."""

    score: float
    std: float | None = None


class Answer(msgspec.Struct, frozen=True):
    """The probability, 0 to 1, that the answer to ``question`` is yes."""

    p_yes: float
    question: str


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric says of one item; a dimension that it was not asked for, or can't give, is None.

    Attributes:
        remark: what a reader must know of these numbers and not of all, say that they were read another way.
    """

    perception: Estimate | None = None
    correspondence: Estimate | None = None
    answer: Answer | None = None
    remark: str | None = None


class ScoreRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One row of a scores file: an item with its score, or with the reason why it has none.

    Attributes:
        metric: fingerprint of the metric that gave the score.
        error: why the item failed; None when it did not.
        remark: the score's.
    """

    id: str
    image: str
    prompt: str
    generator: str | None
    task: str | None
    perception: Estimate | None = None
    correspondence: Estimate | None = None
    answer: Answer | None = None
    metric: str
    error: str | None = None
    remark: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat model said.

    Attributes:
        text: without what it thought before.
        first: the likeliest first tokens as (text, natural logarithm of the probability); None where it gives none.
    """

    text: str
    first: tuple[tuple[str, float], ...] | None = None


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """One raw judgement by one person.

    Attributes:
        rating: the raw value on the study's own scale (yes/no as 1/0).
    """

    rater: str
    item: str
    dimension: str
    rating: float
