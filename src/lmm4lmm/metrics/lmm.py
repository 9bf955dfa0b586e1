"""lmm4lmm: the released LMM4LMM checkpoints, and whatever is trained on a large base; batched, one base resident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import DIMENSIONS, Answer, Dimension, Estimate, Item, Score
from lmm4lmm.metrics.large import choose_place, cost, say, shared_pictures
from lmm4lmm.metrics.replicas import every_gpu
from lmm4lmm.questions.questions import question_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from lmm4lmm.model.asking import Texts
    from lmm4lmm.model.bases.base import Picture, Reading
    from lmm4lmm.model.loading import LoadOptions
    from lmm4lmm.model.quality_model import QualityModel

VERSION = 1
"""Part of the fingerprint: raise it whenever a score would differ."""

RELEASED_SCALE = "evalmi50k"
"""The data set that checkpoints in the released layout are taken to be trained on."""

Answers = Literal["probability", "argmax"]


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
        human_scale: the data set whose people's scale its scores are on; None where that is not known.
    """

    def __init__(
        self,
        model: QualityModel,
        fingerprint: str,
        dimensions: Sequence[Dimension],
        device: str,
        *,
        answers: Answers = "probability",
        human_scale: str | None = None,
    ) -> None:
        self.model, self.fingerprint, self.device = model, fingerprint, device
        self.human_scale = human_scale
        self.dimensions: tuple[Dimension, ...] = tuple(d for d in DIMENSIONS if d in dimensions)
        self._answers = answers

    def prepare(self, item: Item, image: Image) -> Prepared:
        """Tiles and token ids of an item.

        Raises:
            ItemError: a text can't be read.
        """
        from lmm4lmm.model.asking import texts_of

        texts = texts_of(item, question_of(item.question))
        question = texts.question if "answer" in self.dimensions else None
        return Prepared(self.model.base.prepare(image), tuple(self._parts(texts)), question)

    def size(self, prepared: Prepared) -> int:
        """Tokens: of the image, and of the longest text in steps, so that texts of one image stay together."""
        text = max((len(part.reading.text) for part in prepared.parts), default=0)
        return cost(prepared.picture, text)

    def score(self, batch: Sequence[Prepared]) -> list[Score]:
        """Scores in the batch's order; an image that several items share is looked at once.

        Raises:
            OutOfMemoryError: the batch does not fit.
        """
        import torch

        from lmm4lmm.model.memory import memory_errors

        found: list[dict[Dimension, Estimate]] = [{} for _ in batch]
        with memory_errors(len(batch)), torch.inference_mode():
            for adapter in dict.fromkeys(part.adapter for one in batch for part in one.parts):
                self._score_by(adapter, batch, found)
        return [self._score(one, values) for one, values in zip(batch, found, strict=True)]

    def _parts(self, texts: Texts) -> Iterator[Part]:
        from lmm4lmm.model.asking import ask

        left: set[Dimension] = set(self.dimensions)
        for name in self.model.adapters:
            adapter = self.model.adapter(name)
            wanted = left & set(adapter.gives)
            left -= wanted
            for one in ask(self.model.base, adapter.readout, texts, wanted):
                yield Part(name, one.reading, one.dimensions)
        by_itself: set[Dimension] = left & {"answer"}  # a base without adapters can answer
        if by_itself:
            for one in ask(self.model.base, "answer", texts, by_itself):
                yield Part(None, one.reading, one.dimensions)

    def _score_by(
        self, adapter: str | None, batch: Sequence[Prepared], found: Sequence[dict[Dimension, Estimate]]
    ) -> None:
        """One pass of one adapter over all items of the batch that ask it something."""
        import torch

        mine = [
            (row, one.picture, part)
            for row, one in enumerate(batch)
            for part in one.parts
            if part.adapter == adapter
        ]
        asked = [(row, dimension) for row, _, part in mine for dimension in part.dimensions]
        pictures, readings = shared_pictures((picture, part.reading) for _, picture, part in mine)
        states = torch.cat(self.model.states(adapter, pictures, readings))
        for dimension in {dimension for _, dimension in asked}:
            of_it = [index for index, (_, wanted) in enumerate(asked) if wanted == dimension]
            for index, value in zip(of_it, self._values(adapter, dimension, states[of_it]), strict=True):
                found[asked[index][0]][dimension] = value

    def _values(self, adapter: str | None, dimension: Dimension, states: Tensor) -> list[Estimate]:
        if dimension != "answer" and adapter is not None:
            found = self.model.estimate(adapter, dimension, states)
            scores = found.score.double().tolist()
            stds = [None] * len(scores) if found.std is None else found.std.double().tolist()
            return [Estimate(score, std) for score, std in zip(scores, stds, strict=True)]
        if self._answers == "argmax":
            words = self.model.said(adapter, states)
            return [Estimate(1.0 if word.strip().lower().startswith("y") else 0.0) for word in words]
        return [Estimate(value) for value in self.model.p_yes(adapter, states).double().tolist()]

    def _score(self, one: Prepared, values: Mapping[Dimension, Estimate]) -> Score:
        wanted = {name: value for name, value in values.items() if name in self.dimensions}
        p_yes = wanted.get("answer")
        return Score(
            perception=wanted.get("perception"),
            correspondence=wanted.get("correspondence"),
            answer=Answer(p_yes.score, one.question)
            if p_yes is not None and one.question is not None
            else None,
        )


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
    base: str | Path | None = None,
) -> LargeMetric:
    """The metric, ready to score; fetches the released checkpoints where no weights are named.

    Args:
        device: one of torch's names, or ``auto``.
        dimensions: what to score; weights of others are not read.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        weights: a folder (converted, as released, or of a training run), ``DIMENSION=DIR,...``, or a hub id; None
            for the released checkpoints from the hub.
        attention: ``auto``, ``sdpa``, ``flash_attention_2`` or ``eager``.
        compile: fuse element-wise steps with ``torch.compile``; the first batches are then slow.
        quantize: ``int8`` or ``int4`` weights, by torchao; scores change a little.
        merge: fold adapters into copies of the layers: faster, more memory for several dimensions.
        answers: ``probability`` of yes against no, or ``argmax``: 1 where the likeliest token says yes, else 0, as
            the reference reads it.
        base: of a training run's result: where the base lies that it was trained on, if not where it was.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        WeightsError: weights are missing, damaged, unsafe, or could not be fetched.
        InputError: no such device, dtype or option.
    """
    if answers not in {"probability", "argmax"}:
        raise InputError(f"answers is 'probability' or 'argmax', not {answers!r}")
    place = choose_place(
        "lmm4lmm", device, dtype, attention, compiled=compile, merge=merge, quantize=quantize
    )
    model, identity, human_scale = _opened(weights, tuple(dimensions), place.options, base)
    given = [name for name in dimensions if name in model.gives]
    if not given:
        raise InputError(f"{weights} gives {', '.join(model.gives)}; asked for: {', '.join(dimensions)}")
    return LargeMetric(
        model,
        fingerprint(identity, place.dtype, quantize, merge=merge, answers=answers),
        given,
        place.words,
        answers=answers,
        human_scale=human_scale,
    )


def _opened(
    weights: str | Path | None,
    dimensions: tuple[Dimension, ...],
    options: LoadOptions,
    base: str | Path | None,
) -> tuple[QualityModel, str, str | None]:
    """A model, what identifies its weights, and the human scale that they were trained on, where known."""
    from lmm4lmm.model import base_source, sources, trained
    from lmm4lmm.model.loading import build
    from lmm4lmm.model.result_file import is_trained

    folder = Path(weights).expanduser() if weights is not None else None
    if folder is not None and is_trained(folder):
        return *trained.open_trained(folder, options, base=base, say=say), None
    if base is not None:
        raise InputError("base is for the result of a training run, and the weights are none")
    located = sources.locate(weights, dimensions, say, bare=True)
    if located.bare is None:
        checkpoint = sources.read(located, dimensions, say)
        return build(checkpoint, options), checkpoint.identity, RELEASED_SCALE
    say(f"{located.label} is a bare base, trained by nobody to score: it only answers questions")
    found = base_source.find_base(located.bare)
    return base_source.model_on(found, {}, options), found.identity, None


def fingerprint(identity: str, dtype: str, quantize: str | None, *, merge: bool, answers: Answers) -> str:
    """Changes whenever scores may: weights, prompts, tiles, dtype, and how answers are read."""
    from lmm4lmm.model import asking, unified
    from lmm4lmm.model.official import prompts, tiles

    versions = f"{VERSION}.{prompts.VERSION}.{tiles.VERSION}.{unified.VERSION}.{asking.VERSION}"
    key = content_key(identity, versions, dtype, quantize, str(merge), answers)
    return f"lmm4lmm-{dtype}:{key[:8]}"
