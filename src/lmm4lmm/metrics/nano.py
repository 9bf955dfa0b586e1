"""nano: the embedded default. Perception, correspondence and answer in one pass, on a laptop's processor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.core.records import DIMENSIONS, Answer, Dimension, Estimate, Item, Score
from lmm4lmm.questions.questions import question_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from lmm4lmm.model.nano.heads import ScoreEstimate
    from lmm4lmm.model.nano.network import NanoNetwork, Output
    from lmm4lmm.model.nano.processing import TextReader, Texts, View

_IMAGE_COST = 120
"""Looking at an image takes about as long as reading so many words."""


@dataclass(frozen=True)
class Prepared:
    """One item, ready for a batch.

    Attributes:
        view: of the image.
        question: as asked, for the record; None where no answer is wanted.
        has_prompt: whether correspondence has a meaning.
    """

    view: View
    texts: Texts
    question: str | None
    has_prompt: bool


class Nano:
    """The metric; see ``load``.

    Attributes:
        fingerprint: of weights, preprocessing and dtype.
        dimensions: what it was asked for.
        device: what it runs on, and why, for people to read.
    """

    def __init__(
        self,
        model: NanoNetwork,
        reader: TextReader,
        fingerprint: str,
        dimensions: Sequence[Dimension],
        device: str,
    ) -> None:
        self.model, self.reader = model, reader
        self.fingerprint = fingerprint
        self.dimensions: tuple[Dimension, ...] = tuple(d for d in DIMENSIONS if d in dimensions)
        self.device = device

    def prepare(self, item: Item, image: Image) -> Prepared:
        """Views and token ids of an item.

        Raises:
            ItemError: a text is too long.
        """
        from lmm4lmm.model.nano.processing import view

        has_prompt = bool(item.prompt.strip())
        asks = "answer" in self.dimensions and (has_prompt or item.question)  # else there is nothing to ask
        question = question_of(item.question) if asks else None
        reads_prompt = has_prompt and ("correspondence" in self.dimensions or asks)
        texts = self.reader.read(item.prompt if reads_prompt else None, question)
        return Prepared(view(image), texts, question, has_prompt)

    def size(self, prepared: Prepared) -> int:
        """Tokens of the sequence, and what looking at the image costs in the same unit."""
        return _IMAGE_COST + len(prepared.texts.prompt) + len(prepared.texts.question)

    def score(self, batch: Sequence[Prepared]) -> list[Score]:
        """Scores in the batch's order.

        Raises:
            OutOfMemoryError: the batch does not fit.
        """
        import torch

        from lmm4lmm.model.memory import memory_errors

        with memory_errors(len(batch)), torch.inference_mode():
            seen = self.model.look([prepared.view for prepared in batch])
            words = self.model.read([prepared.texts for prepared in batch])
            output = self.model(seen, words)
            return self._scores(output, batch)

    def _scores(self, output: Output, batch: Sequence[Prepared]) -> list[Score]:
        perception = _estimates(output.perception)
        match = _estimates(output.correspondence) if output.correspondence is not None else None
        p_yes = output.answer.double().sigmoid().tolist() if output.answer is not None else None
        return [
            Score(
                perception=perception[row] if "perception" in self.dimensions else None,
                correspondence=match[row]
                if match is not None and prepared.has_prompt and "correspondence" in self.dimensions
                else None,
                answer=Answer(p_yes[row], prepared.question)
                if p_yes is not None and prepared.question is not None
                else None,
            )
            for row, prepared in enumerate(batch)
        ]


def _estimates(found: ScoreEstimate) -> list[Estimate]:
    pairs = zip(found.score.double().tolist(), found.std.double().tolist(), strict=True)
    return [Estimate(score, std) for score, std in pairs]


def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    weights: str | Path | None = None,
) -> Nano:
    """nano, ready to score; fetches its base weights the first time.

    Args:
        device: ``auto`` (the first GPU where torch finds one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        dimensions: what to score; fewer are faster, the values are the same.
        dtype: ``auto`` and ``float32`` are the same: in half precision a score would depend on its batch.
        weights: folder of another trained part (of ``training.nano``); default: the one in this package.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        WeightsError: weights are missing, altered, or could not be fetched.
        InputError: no such device, or a dtype other than float32.
    """
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"the metric 'nano' (no module '{error.name}')", "lmm") from error
    from lmm4lmm.model import devices
    from lmm4lmm.model.nano import assembly as nano
    from lmm4lmm.model.nano import base as nano_base
    from lmm4lmm.model.packed import pack

    if dtype not in {"auto", "float32"}:
        raise InputError(f"nano runs in float32 only, not '{dtype}': its scores must not depend on the batch")
    if nano_base.manifest() is None:
        nano_base.pull(say=lambda line: print(f"nano: {line}", file=sys.stderr))
    where, why = devices.choose_one(device, "nano")
    model, facts = nano.load_trained(nano.package_folder() if weights is None else Path(weights))
    pack(model.to(where))
    return Nano(
        model,
        nano.text_reader(),
        nano.fingerprint(facts, torch.float32),
        dimensions,
        f"{where} ({why}), float32",
    )
