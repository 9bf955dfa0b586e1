"""What happens to an image and its texts before the model: no weights, safe in any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from lmm4lmm.core.errors import ItemError
from lmm4lmm.model.nano import brisque_features
from lmm4lmm.model.nano.naturalness import naturalness

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VERSION = 4
"""Part of the metric's fingerprint: raise it whenever a pixel, a statistic, an opinion or a token would differ."""

SIDE = 256
MOST_TOKENS = 2048


@dataclass(frozen=True)
class View:
    """An image as nano takes it.

    Attributes:
        pixels: [256, 256, 3] uint8, the whole of it squashed to a square, so nothing is cut away.
        naturalness: [F] float32, statistics of natural scenes near native resolution: sharpness, noise and blocking
            that the squashed view has lost.
        brisque: [36] float32, BRISQUE's features.
    """

    pixels: npt.NDArray[np.uint8]
    naturalness: npt.NDArray[np.float32]
    brisque: npt.NDArray[np.float32]


def view(image: Image.Image) -> View:
    """The view of an RGB image of any size."""
    whole = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return View(np.array(whole), naturalness(image), brisque_features.features(image))


@dataclass(frozen=True)
class Texts:
    """Token ids of one item's texts; ``question`` is empty where no answer is wanted."""

    prompt: tuple[int, ...]
    question: tuple[int, ...]


class TextReader:
    """Turns prompt and question into token ids.

    Args:
        tokenizer: the language model's own.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def read(self, prompt: str | None, question: str | None) -> Texts:
        """Token ids; None leaves a part out.

        Raises:
            ItemError: a text is longer than 2,048 tokens.
        """
        return Texts(
            self._encode(f" {prompt}", "prompt") if prompt is not None else (),
            self._encode(f" {question}", "question") if question is not None else (),
        )

    def read_words(self, text: str) -> list[int]:
        """The token ids of a bare text."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _encode(self, text: str, what: str) -> tuple[int, ...]:
        ids = tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)
        if len(ids) > MOST_TOKENS:
            raise ItemError(f"the {what} has {len(ids)} tokens; nano reads at most {MOST_TOKENS}")
        return ids
