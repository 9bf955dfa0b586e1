"""lmm4lmm: the released LMM4LMM checkpoints, and whatever is trained on a large base; batched, one base resident."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import DIMENSIONS, Answer, Dimension, Estimate, Item, Score
from lmm4lmm.metrics.replicas import every_gpu
from lmm4lmm.questions.questions import question_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from lmm4lmm.model.bases.base import Picture, Reading
    from lmm4lmm.model.loading import LoadOptions
    from lmm4lmm.model.quality_model import QualityModel

VERSION = 1
"""Part of the fingerprint: raise it whenever a score would differ."""

Answers = Literal["probability", "argmax"]
_TEXT_STEP = 64
"""Texts whose lengths differ by less than this share a batch in the order in which they came."""


@dataclass(frozen=True)
class Part:
    """What one adapter is asked about an item.

    Attributes:
        adapter: its name; None asks the base alone.
        reading: its ``picture`` is set when the batch is known.
        dimensions: what each state that is read is for.
    """

    adapter: str | None
    reading: Reading
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True)
class Prepared:
    """One item, ready for a batch.

    Attributes:
        question: as asked, for the record; None where no answer is wanted.
    """

    picture: Picture
    parts: tuple[Part, ...]
    question: str | None


class LargeMetric:
    """The metric; see ``load``.

    Attributes:
        fingerprint: of weights, prompts, preprocessing and dtype.
        dimensions: what it was asked for.
        device: what it runs on, and why, for people to read.
    """

    def __init__(
        self,
        model: QualityModel,
        fingerprint: str,
        dimensions: Sequence[Dimension],
        device: str,
        *,
        answers: Answers = "probability",
    ) -> None:
        self.model, self.fingerprint, self.device = model, fingerprint, device
        self.dimensions: tuple[Dimension, ...] = tuple(d for d in DIMENSIONS if d in dimensions)
        self._answers = answers

    def prepare(self, item: Item, image: Image) -> Prepared:
        """Tiles and token ids of an item.

        Raises:
            ItemError: a text can't be read.
        """
        question = question_of(item.question) if "answer" in self.dimensions and _asks(item) else None
        return Prepared(self.model.base.prepare(image), tuple(self._parts(item, question)), question)

    def size(self, prepared: Prepared) -> int:
        """Tokens: of the image, and of the longest text in steps, so that texts of one image stay together."""
        text = max((len(part.reading.text) for part in prepared.parts), default=0)
        return len(prepared.picture.stem) + -(-text // _TEXT_STEP) * _TEXT_STEP

    def score(self, batch: Sequence[Prepared]) -> list[Score]:
        """Scores in the batch's order; an image that several items share is looked at once.

        Raises:
            OutOfMemoryError: the batch does not fit.
        """
        import torch

        from lmm4lmm.model.memory import memory_errors

        found: list[dict[Dimension, float]] = [{} for _ in batch]
        with memory_errors(len(batch)), torch.inference_mode():
            for adapter in dict.fromkeys(part.adapter for one in batch for part in one.parts):
                self._score_by(adapter, batch, found)
        return [self._score(one, values) for one, values in zip(batch, found, strict=True)]

    def _parts(self, item: Item, question: str | None) -> list[Part]:
        from lmm4lmm.model.official.asking import asked
        from lmm4lmm.model.unified import asked_at_once

        prompt = item.prompt if item.prompt.strip() and "correspondence" in self.dimensions else None
        base = self.model.base
        if "unified" in self.model.adapters:
            reading, dimensions = asked_at_once(base, prompt, question)
            return [Part("unified", reading, dimensions)]
        parts = []
        if "perception" in self.dimensions:
            parts.append(Part("perception", asked(base, "perception"), ("perception",)))
        if prompt is not None:
            parts.append(Part("correspondence", asked(base, "correspondence", prompt), ("correspondence",)))
        if question is not None:
            told = "" if item.question and item.question.strip() else f" Text: {item.prompt.strip()}"
            words = f"{question}{told} Answer yes or no."
            adapter = "answer" if "answer" in self.model.adapters else None
            parts.append(Part(adapter, asked(base, "qa", words), ("answer",)))
        return parts

    def _score_by(
        self, adapter: str | None, batch: Sequence[Prepared], found: Sequence[dict[Dimension, float]]
    ) -> None:
        """One pass of one adapter over all items of the batch that ask it something."""
        import torch

        pictures: dict[str, Picture] = {}
        places: dict[str, int] = {}
        readings: list[Reading] = []
        asked: list[tuple[int, Dimension]] = []
        for row, one in enumerate(batch):
            for part in one.parts:
                if part.adapter == adapter:
                    key = one.picture.key
                    pictures.setdefault(key, one.picture)
                    place = places.setdefault(key, len(places))
                    readings.append(replace(part.reading, picture=place))
                    asked += [(row, dimension) for dimension in part.dimensions]
        states = torch.cat(self.model.states(adapter, list(pictures.values()), readings))
        for dimension in {dimension for _, dimension in asked}:
            mine = [index for index, (_, wanted) in enumerate(asked) if wanted == dimension]
            for index, value in zip(mine, self._values(adapter, dimension, states[mine]), strict=True):
                found[asked[index][0]][dimension] = value

    def _values(self, adapter: str | None, dimension: Dimension, states: Tensor) -> list[float]:
        if dimension != "answer" and adapter is not None:
            return self.model.score(adapter, dimension, states).double().tolist()
        if self._answers == "argmax":
            words = self.model.said(adapter, states)
            return [1.0 if word.strip().lower().startswith("y") else 0.0 for word in words]
        return self.model.p_yes(adapter, states).double().tolist()

    def _score(self, one: Prepared, values: Mapping[Dimension, float]) -> Score:
        wanted = {name: value for name, value in values.items() if name in self.dimensions}
        p_yes = wanted.get("answer")
        return Score(
            perception=Estimate(wanted["perception"]) if "perception" in wanted else None,
            correspondence=Estimate(wanted["correspondence"]) if "correspondence" in wanted else None,
            answer=Answer(p_yes, one.question) if p_yes is not None and one.question is not None else None,
        )


def _asks(item: Item) -> bool:
    """Whether there is anything to answer: a question, or a prompt that the general question can be about."""
    return bool(item.prompt.strip() or (item.question and item.question.strip()))


@every_gpu
def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    weights: str | Path | None = None,
    attention: str = "auto",
    compile: bool = False,
    quantize: str | None = None,
    merge: bool = False,
    answers: Answers = "probability",
) -> LargeMetric:
    """The metric, ready to score; fetches the released checkpoints where no weights are named.

    Args:
        device: one of torch's names, or ``auto``.
        dimensions: what to score; weights of others are not read.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        weights: a folder (converted, or as released), ``DIMENSION=DIR,...``, or a hub id; None for the released
            checkpoints from the hub.
        attention: ``auto``, ``sdpa``, ``flash_attention_2`` or ``eager``.
        compile: fuse element-wise steps with ``torch.compile``; the first batches are then slow.
        quantize: ``int8`` or ``int4`` weights, by torchao; scores change a little.
        merge: fold adapters into copies of the layers: faster, more memory for several dimensions.
        answers: ``probability`` of yes against no, or ``argmax``: 1 where the likeliest token says yes, else 0, as
            the reference reads it.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        WeightsError: weights are missing, damaged, unsafe, or could not be fetched.
        InputError: no such device, dtype or option.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"the metric 'lmm4lmm' (no module '{error.name}')", "lmm") from error
    from lmm4lmm.model import devices
    from lmm4lmm.model.loading import LoadOptions

    if answers not in {"probability", "argmax"}:
        raise InputError(f"answers is 'probability' or 'argmax', not {answers!r}")
    where, why = devices.choose_one(device, "model")
    number, why_number = devices.choose_dtype(dtype, where)
    kernel, why_kernel = devices.choose_attention(attention, where, number)
    options = LoadOptions(where, number, kernel, compiled=compile, merge=merge, quantize=quantize)
    model, identity = _opened(weights, tuple(dimensions), options)
    given = [name for name in dimensions if name in model.gives]
    if not given:
        raise InputError(f"{weights} gives {', '.join(model.gives)}; asked for: {', '.join(dimensions)}")
    label = str(number).removeprefix("torch.")
    kernels = f", attention {kernel} ({why_kernel})" if where.startswith("cuda") else ""
    return LargeMetric(
        model,
        fingerprint(identity, label, quantize, merge=merge, answers=answers),
        given,
        f"{where} ({why}), {label} ({why_number}){kernels}",
        answers=answers,
    )


def _opened(
    weights: str | Path | None, dimensions: tuple[Dimension, ...], options: LoadOptions
) -> tuple[QualityModel, str]:
    """A model, and what identifies its weights."""
    from lmm4lmm.model import sources
    from lmm4lmm.model.bases.opening import open_base
    from lmm4lmm.model.loading import build
    from lmm4lmm.model.official.identity import identity_of
    from lmm4lmm.model.packed import pack
    from lmm4lmm.model.quality_model import QualityModel

    located = sources.locate(weights, dimensions, _say, bare=True)
    if located.bare is None:
        checkpoint = sources.read(located, dimensions, _say)
        return build(checkpoint, options), checkpoint.identity
    _say(f"{located.label} is a bare base, trained by nobody to score: it only answers questions")
    if options.merge or options.quantize:
        raise InputError("merge and quantize are for checkpoints with adapters, not for a bare base")
    base = open_base(
        located.bare,
        device=options.device,
        dtype=options.dtype,
        attention=options.attention,
        compiled=options.compiled,
    )
    pack(base.network)
    return QualityModel(base, {}), identity_of([located.bare])


def _say(line: str) -> None:
    print(f"lmm4lmm: {line}", file=sys.stderr)


def fingerprint(identity: str, dtype: str, quantize: str | None, *, merge: bool, answers: Answers) -> str:
    """Changes whenever scores may: weights, prompts, tiles, dtype, and how answers are read."""
    from lmm4lmm.model import unified
    from lmm4lmm.model.official import prompts, tiles

    versions = f"{VERSION}.{prompts.VERSION}.{tiles.VERSION}.{unified.VERSION}"
    key = content_key(identity, versions, dtype, quantize, str(merge), answers)
    return f"lmm4lmm-{dtype}:{key[:8]}"
