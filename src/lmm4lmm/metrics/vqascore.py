"""vqascore: the probability that a large multimodal model says yes to "Does this figure show ...?".

After VQAScore (Lin et al. 2024, arXiv 2404.01291), with any model that can be a base here (docs/bases.md) in place of
theirs. Theirs is the probability of "Yes" among all words; ours is that of yes against no, in all their spellings, as
everywhere in lmm4lmm. Correspondence is 100 times that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import DIMENSIONS, Dimension, Estimate, Item, Score
from lmm4lmm.metrics.large import choose_place, cost, say, shared_pictures
from lmm4lmm.metrics.replicas import every_gpu

if TYPE_CHECKING:
    from PIL.Image import Image

    from lmm4lmm.model.bases.base import Picture
    from lmm4lmm.model.quality_model import QualityModel

VERSION = 1
"""Part of the fingerprint: raise it whenever a score would differ."""

QUESTION = 'Does this figure show "{prompt}"? Please answer yes or no.'
"""The wording of the paper."""

_MOST_TOKENS = 2048


@dataclass(frozen=True)
class Prepared:
    """One item: its picture, and the question's token ids; none where there is no prompt."""

    picture: Picture
    text: tuple[int, ...]


class VqaScore:
    """The metric; see ``load``.

    Attributes:
        device: what it runs on, and why, for people to read.
    """

    dimensions: tuple[Dimension, ...] = ("correspondence",)

    def __init__(self, model: QualityModel, fingerprint: str, device: str) -> None:
        self._model, self.fingerprint, self.device = model, fingerprint, device

    def prepare(self, item: Item, image: Image) -> Prepared:
        """Pixels and token ids.

        Raises:
            ItemError: the prompt is too long.
        """
        base = self._model.base
        prompt = item.prompt.strip()
        text = tuple(base.text(QUESTION.format(prompt=prompt))) if prompt else ()
        if len(text) > _MOST_TOKENS:
            raise ItemError(f"the question has {len(text)} tokens; at most {_MOST_TOKENS} are read")
        return Prepared(base.prepare(image), text)

    def size(self, prepared: Prepared) -> int:
        """Tokens of the image, and of the text in steps, so that texts of one image stay together."""
        return cost(prepared.picture, len(prepared.text))

    def score(self, batch: Sequence[Prepared]) -> list[Score]:
        """One score an item, in order; an image that several items share is looked at once.

        Raises:
            OutOfMemoryError: the batch does not fit.
        """
        import torch

        from lmm4lmm.model.bases.base import Reading
        from lmm4lmm.model.memory import memory_errors

        asked = [row for row, one in enumerate(batch) if one.text]
        found: list[Score] = [Score() for _ in batch]
        if not asked:
            return found
        pictures, readings = shared_pictures(
            (batch[row].picture, Reading(0, batch[row].text, (len(batch[row].text) - 1,))) for row in asked
        )
        with memory_errors(len(batch)), torch.inference_mode():
            states = torch.cat(self._model.states(None, pictures, readings))
            values = self._model.p_yes(None, states).double().tolist()
        for row, value in zip(asked, values, strict=True):
            found[row] = Score(correspondence=Estimate(100 * value))
        return found


@every_gpu
def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    weights: str | Path | None = None,
    attention: str = "auto",
) -> VqaScore:
    """The metric, ready to score.

    Args:
        device: one of torch's names, or ``auto``.
        dimensions: correspondence is what it gives.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        weights: the model: a folder or a hub id of a supported family (docs/bases.md). Adapters are not used.
        attention: ``auto``, ``sdpa``, ``flash_attention_2`` or ``eager``.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        WeightsError: the model is damaged, of another family, or could not be fetched.
        InputError: no model is named; no such device or dtype; or correspondence is not wanted.
    """
    if "correspondence" not in dimensions:
        raise InputError(f"vqascore gives correspondence; asked for: {', '.join(dimensions)}")
    if weights is None:
        raise InputError("vqascore needs a model: --weights DIR or OWNER/NAME of one in docs/bases.md")
    place = choose_place("vqascore", device, dtype, attention)
    from lmm4lmm.model import base_source

    found = base_source.find_base(weights, say)
    model = base_source.model_on(found, {}, place.options)
    key = content_key(found.identity, QUESTION, str(VERSION), place.dtype)
    return VqaScore(model, f"vqascore-{place.dtype}:{key[:8]}", place.words)
