"""What happens to an image and its texts before the model: no weights, safe in any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from lmm4lmm.core.errors import ItemError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VERSION = 1
"""Part of the metric's fingerprint: raise it whenever a pixel or a token would differ."""

SIDE = 256
_DETAIL_SIDE = 512
MOST_TOKENS = 2048

Views = npt.NDArray[np.uint8]


def views(image: Image.Image) -> Views:
    """Two views of an RGB image, [2, 256, 256, 3]: the whole of it, and its centre near native resolution.

    The first is squashed to a square, so nothing is cut away. The second keeps the pixels' own sharpness, noise
    and blocking: a centre crop after shrinking the short side to at most 512 px (a screen's worth); smaller
    images are enlarged to fill it.
    """
    whole = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    short = min(image.size)
    target = max(SIDE, min(short, _DETAIL_SIDE))
    crop = SIDE * short / target
    left, top = (image.width - crop) / 2, (image.height - crop) / 2
    box = (left, top, left + crop, top + crop)
    if target == short:  # a whole-pixel crop is not resampled
        left, top = int(left), int(top)
        detail = image.crop((left, top, left + SIDE, top + SIDE))
    else:
        detail = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    return np.stack([np.asarray(whole), np.asarray(detail)])


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

    def token_ids(self, words: Sequence[str]) -> list[int]:
        """The ids of those words that are a single token."""
        encoded = [self._tokenizer.encode(word, add_special_tokens=False).ids for word in words]
        return [ids[0] for ids in encoded if len(ids) == 1]

    def read_words(self, text: str) -> list[int]:
        """The token ids of a bare text."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _encode(self, text: str, what: str) -> tuple[int, ...]:
        ids = tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)
        if len(ids) > MOST_TOKENS:
            raise ItemError(f"the {what} has {len(ids)} tokens; nano reads at most {MOST_TOKENS}")
        return ids
