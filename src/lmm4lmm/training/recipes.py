"""Training recipes: what is asked, what is trained, what is lost on, and for how long. Nothing but numbers.

``stage1`` and ``stage2`` are the two stages of the LMM4LMM paper (arXiv 2504.08358), ``answer`` its question model;
``unified`` gives all three outputs in one pass of one adapter. A recipe's fields can be changed by a YAML file and by
``--set name=value`` (see ``settings``); nested ones are written with a dot, ``lora.rank=16``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from lmm4lmm.core.records import DIMENSIONS, Dimension

LEVELS = ("bad", "poor", "fair", "good", "excellent")
"""The five levels of ITU-T P.910's absolute category rating, worst first: 0, 25, 50, 75 and 100 points."""

Form: TypeAlias = Literal["levels", "scores", "answer", "unified"]
"""What a sequence asks: a level in words, one score, a yes or no, or all three at once."""

Head: TypeAlias = Literal["relu", "gaussian"]
"""The released heads (one number, ReLU after every layer), or one that gives a mean and a standard deviation."""


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685).

    Attributes:
        rank, alpha: the update is ``alpha / rank * B A``.
        dropout: on the adapter's input.
        vision, language: which parts get them.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    vision: bool = True
    language: bool = True


@dataclass(frozen=True)
class Losses:
    """Weights of the terms; 0 leaves one out. Scores are lost on in units of 15 points.

    Attributes:
        l1: mean absolute error of the score: the official one.
        gaussian: negative log likelihood of the score under the predicted mean and standard deviation.
        rank: pairwise logistic loss on the order of two scores of one batch.
        tokens: cross-entropy of the answer's words, and of nothing else.
        answer: cross-entropy of yes against no.
        soft_levels: level targets spread over neighbouring levels by the score's standard deviation, in place of the
            nearest level alone.
    """

    l1: float = 0.0
    gaussian: float = 0.0
    rank: float = 0.0
    tokens: float = 0.0
    answer: float = 0.0
    soft_levels: bool = False


@dataclass(frozen=True)
class Recipe:
    """One training run, next to its data and its base.

    Attributes:
        name: as on the command line.
        form: what a sequence asks.
        outputs: the dimensions that are trained; rows that have a target for none of them are left out.
        losses: what is lost on.
        projector: whether the projector between eye and language model is trained.
        head: the score head; None trains none.
        lora: the adapters; None trains none.
        epochs: passes over the training rows.
        steps: optimiser steps in place of ``epochs``; None counts epochs.
        batch: rows in one optimiser step, over all processes.
        rows_at_once: rows in one forward pass of one process; the rest of ``batch`` is accumulated.
        rate: peak learning rate of projector and heads.
        lora_rate: peak learning rate of the adapters.
        warmup: share of the steps in which the rate rises linearly; a cosine to zero follows.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        bf16: compute in bfloat16; what is trained stays in float32.
        checkpointing: recompute activations in the backward pass: less memory, a third more time.
        group_by_length: batches of rows of like length, for less padding.
        group_by_image: rows of one image in one batch, where a learner that can looks at it once.
        validate_every: steps between two looks at the validation rows; None: ten times a run.
        seed: decides initial values, order and dropout. The split has its own.
        workers: processes that read images ahead; 0 reads in the main one.
    """

    name: str
    form: Form
    outputs: tuple[Dimension, ...]
    losses: Losses
    projector: bool = True
    head: Head | None = None
    lora: Lora | None = None
    epochs: float = 1.0
    steps: int | None = None
    batch: int = 16
    rows_at_once: int = 4
    rate: float = 1e-4
    lora_rate: float = 1e-4
    warmup: float = 0.03
    weight_decay: float = 0.01
    clip: float = 1.0
    bf16: bool = False
    checkpointing: bool = False
    group_by_length: bool = True
    group_by_image: bool = False
    validate_every: int | None = None
    seed: int = 2504
    workers: int = 0


STAGE1 = Recipe(
    name="stage1",
    form="levels",
    outputs=("perception", "correspondence"),
    losses=Losses(tokens=1.0),
)
"""Quality levels in words; the projector learns to show the language model what they look like."""

STAGE2 = Recipe(
    name="stage2",
    form="scores",
    outputs=("perception", "correspondence"),
    losses=Losses(l1=1.0),
    projector=False,
    head="relu",
    lora=Lora(),
    epochs=3.0,
)
"""Scores by a head on the state at the query; adapters in eye and language model. Starts from a stage 1."""

ANSWER = Recipe(
    name="answer",
    form="answer",
    outputs=("answer",),
    losses=Losses(answer=1.0),
    projector=True,
    lora=Lora(),
    epochs=2.0,
)
"""Yes or no to the task's question, read from the probabilities of the two words."""

UNIFIED = Recipe(
    name="unified",
    form="unified",
    outputs=DIMENSIONS,
    losses=Losses(l1=0.5, gaussian=1.0, answer=2.0),
    projector=True,
    head="gaussian",
    lora=Lora(),
    epochs=3.0,
)
"""All three in one pass; a row may have any of the three targets, what it lacks is masked."""

NANO = replace(
    UNIFIED,
    losses=Losses(l1=0.5, gaussian=0.5, answer=2.0),
    lora=None,
    epochs=8.0,
    batch=256,
    rows_at_once=256,
    rate=1e-3,
    weight_decay=0.05,
    group_by_image=True,
)
"""``unified`` for nano, whose eye and language model are frozen and whose other parts are small."""

RECIPES: dict[str, Recipe] = {one.name: one for one in (STAGE1, STAGE2, ANSWER, UNIFIED)}

RECIPES_OF_NANO: dict[str, Recipe] = {**RECIPES, NANO.name: NANO}
"""With ``--base nano``."""
