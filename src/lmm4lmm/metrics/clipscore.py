"""clipscore: the cosine between CLIP's (or SigLIP's) view of the image and of its prompt.

CLIPScore (Hessel et al. 2021, arXiv 2104.08718) with the scale of torchmetrics: correspondence is 100 times the
cosine, nothing below 0. The paper's factor of 2.5 and its "A photo depicts" before the prompt are left out. Good
matches are far from 100, so compare its numbers with its own only.

Long prompts: CLIP reads 77 tokens, SigLIP 64. A longer prompt is halved at a blank until every part fits; the score
is the parts' mean, weighted by their tokens, and the row says so.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import DIMENSIONS, Dimension, Estimate, Item, Score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image
    from torch import Tensor

VERSION = 1
"""Part of the fingerprint: raise it whenever a score would differ."""

DEFAULT = "openai/clip-vit-large-patch14"
_KINDS = {
    "clip": ("CLIPModel", "clip.image_processing_pil_clip", "CLIPImageProcessorPil"),
    "siglip": ("SiglipModel", "siglip.image_processing_pil_siglip", "SiglipImageProcessorPil"),
}
"""By ``model_type``: transformers' model, and its image processor that needs no torchvision."""


@dataclass(frozen=True)
class Prepared:
    """One item.

    Attributes:
        pixels: [3, H, W].
        key: equal for equal pixels.
        parts: of the prompt, each with its number of tokens; none where there is no prompt.
    """

    pixels: npt.NDArray[np.float32]
    key: str
    parts: tuple[tuple[str, int], ...]


class ClipScore:
    """The metric; see ``load``.

    Args:
        model: transformers' CLIP or SigLIP.
        tokenizer: its tokenizer.
        processor: its image processor.
        fingerprint: of the weights.
        device: where the model is, and why.
    """

    dimensions: tuple[Dimension, ...] = ("correspondence",)

    def __init__(self, model: Any, tokenizer: Any, processor: Any, fingerprint: str, device: str) -> None:
        self._model, self._tokenizer, self._processor = model, tokenizer, processor
        self.fingerprint, self.device = fingerprint, device
        self._room = int(model.config.text_config.max_position_embeddings)
        self._lock = threading.Lock()  # the tokenizer keeps state of its call
        self._long = 0

    def prepare(self, item: Item, image: Image) -> Prepared:
        """Pixels, and the prompt's parts."""
        import numpy as np

        found = self._processor(images=image, return_tensors="np")["pixel_values"][0]
        pixels = np.ascontiguousarray(found, dtype=np.float32)
        prompt = " ".join(item.prompt.split())
        parts = tuple(parts_of(prompt, self._tokens, self._room)) if prompt else ()
        if len(parts) > 1:
            with self._lock:
                self._long += 1
        return Prepared(pixels, content_key(pixels.tobytes()), parts)

    def size(self, prepared: Prepared) -> int:
        """Tokens of the parts, in each of which every place is computed, beside the image's."""
        return self._room * (1 + len(prepared.parts))

    def score(self, batch: Sequence[Prepared]) -> list[Score]:
        """One score an item, in order; equal images and texts are looked at once.

        Raises:
            OutOfMemoryError: the batch does not fit.
        """
        import torch

        from lmm4lmm.model.memory import memory_errors

        asked = [one for one in batch if one.parts]
        if not asked:
            return [Score() for _ in batch]
        pictures = {one.key: one.pixels for one in asked}
        texts = list(dict.fromkeys(text for one in asked for text, _ in one.parts))
        with memory_errors(len(batch)), torch.inference_mode():
            seen = dict(zip(pictures, self._look(list(pictures.values())), strict=True))
            read = dict(zip(texts, self._read(texts), strict=True))
        return [self._score(one, seen, read) for one in batch]

    def remarks(self) -> list[str]:
        """How many prompts were longer than the model reads at once."""
        if not self._long:
            return []
        return [f"clipscore: {self._long:,} prompts were longer than {self._room} tokens and read in parts"]

    def _score(self, one: Prepared, seen: dict[str, Tensor], read: dict[str, Tensor]) -> Score:
        if not one.parts:
            return Score()
        picture, weight = seen[one.key], sum(count for _, count in one.parts)
        cosine = sum(float(picture @ read[text]) * count for text, count in one.parts) / weight
        remark = f"prompt of {weight} tokens read in {len(one.parts)} parts" if len(one.parts) > 1 else None
        return Score(correspondence=Estimate(100 * min(max(cosine, 0.0), 1.0)), remark=remark)

    def _look(self, pixels: Sequence[npt.NDArray[np.float32]]) -> Tensor:
        """Unit vectors [B, H] of images."""
        import numpy as np
        import torch

        given = torch.from_numpy(np.stack(pixels)).to(self._model.device)
        pooled = self._model.vision_model(pixel_values=given).pooler_output
        return _unit(self._model.visual_projection(pooled) if self._is_clip else pooled)

    def _read(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors [B, H] of texts, each filled up to the model's length: a batch changes nothing."""
        with self._lock:
            given = self._tokenizer(
                list(texts),
                padding="max_length",
                truncation=True,
                max_length=self._room,
                return_tensors="pt",
                return_attention_mask=self._is_clip,
            ).to(self._model.device)
        pooled = self._model.text_model(**given).pooler_output
        return _unit(self._model.text_projection(pooled) if self._is_clip else pooled)

    def _tokens(self, text: str) -> int:
        """Tokens of a text with what stands around it."""
        with self._lock:
            return len(self._tokenizer(text, truncation=False, padding=False, verbose=False)["input_ids"])

    @property
    def _is_clip(self) -> bool:
        return bool(self._model.config.model_type == "clip")


def parts_of(text: str, tokens: Callable[[str], int], room: int) -> list[tuple[str, int]]:
    """A text halved at the blank nearest to its middle until every part fits; each with its tokens.

    Args:
        text: at least one character.
        tokens: counts them.
        room: that a part may have.
    """
    count = tokens(text)
    if count <= room or len(text) == 1:
        return [(text, min(count, room))]
    middle = len(text) // 2
    blanks = [place for place, letter in enumerate(text) if letter == " "]
    cut = min(blanks, key=lambda place: abs(place - middle)) if blanks else middle
    halves = (text[:cut].strip(), text[cut:].strip())
    return [part for half in halves if half for part in parts_of(half, tokens, room)]


def _unit(states: Tensor) -> Tensor:
    found = states.float().cpu()
    unit: Tensor = found / found.norm(dim=-1, keepdim=True)
    return unit


def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    weights: str | Path | None = None,
) -> ClipScore:
    """The metric, ready to score; fetches its weights the first time.

    Args:
        device: one of torch's names, or ``auto``.
        dimensions: correspondence is what it gives.
        dtype: ``auto`` and ``float32`` are the same.
        weights: a folder or a hub id of a CLIP or SigLIP in transformers' layout, with safetensors.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        WeightsError: the weights are damaged, of another kind, or could not be fetched.
        InputError: no such device, another dtype, or correspondence is not wanted.
    """
    if "correspondence" not in dimensions:
        raise InputError(f"clipscore gives correspondence; asked for: {', '.join(dimensions)}")
    if dtype not in ("auto", "float32"):
        raise InputError(f"clipscore runs in float32 only, not '{dtype}'")
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise MissingExtraError(f"the metric 'clipscore' (no module '{error.name}')", "lmm") from error
    from lmm4lmm.model import devices, hub
    from lmm4lmm.model.official.identity import identity_of

    where, why = devices.choose_one(device, "model")
    found = hub.locate(weights or DEFAULT, say=lambda line: print(f"lmm4lmm: {line}", file=sys.stderr))
    folder = found if isinstance(found, Path) else found.folder
    kind = _kind(folder)
    model, tokenizer, processor = _opened(transformers, kind, folder)
    model.to(where).eval().requires_grad_(False)
    key = content_key(identity_of([folder]), str(VERSION))
    return ClipScore(model, tokenizer, processor, f"clipscore-{kind}:{key[:8]}", f"{where} ({why}), float32")


def _kind(folder: Path) -> str:
    path = folder / "config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error
    if kind not in _KINDS:
        raise WeightsError(f"{path}: model_type is {kind!r}; clipscore takes {', '.join(_KINDS)}")
    return str(kind)


def _opened(transformers: Any, kind: str, folder: Path) -> tuple[Any, Any, Any]:
    """Model, tokenizer and image processor: data alone, no code of the folder."""
    from importlib import import_module

    from lmm4lmm.model.bases.pixels import processor

    name, module, pixels = _KINDS[kind]
    how = {"local_files_only": True}
    try:
        model, info = getattr(transformers, name).from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, **how
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **how)
    except Exception as error:  # damaged files make transformers raise nearly anything
        raise WeightsError(f"{folder} can't be loaded as {name}: {error}") from error
    if lacking := sorted(info["missing_keys"]):
        raise WeightsError(f"{folder}: {len(lacking)} tensors are missing, for instance {lacking[0]}")
    kinds = import_module(f"transformers.models.{module}")
    return model, tokenizer, processor(getattr(kinds, pixels), folder)
