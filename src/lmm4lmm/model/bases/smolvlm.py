"""SmolVLM and Idefics3 as a base: tiles with their places written between them, and a plain decoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.bases.base import Dialogue, Picture, Places, PlainBase, Reader
from lmm4lmm.model.bases.pixels import Normal, tensor_of

_IMAGE, _BORDER, _WHOLE = "<image>", "<fake_token_around_image>", "<global-img>"
_TILES_AT_ONCE = {"cpu": 5}
_TILES_AT_ONCE_ELSEWHERE = 64


class SmolVLM(PlainBase):
    """SmolVLM on transformers' classes.

    Args:
        network: ``SmolVLMModel`` or ``Idefics3Model``.
        reader: the tokenizer.
        dialogue: the form of its chats.
        image_token: id of the placeholder.
        processor: transformers' own, on Pillow.
        vocabulary: [V, H].
        compiled: see ``PlainDecoder``.

    Raises:
        WeightsError: the processor's tiles don't fit the vision part.
    """

    places = Places("text_model", "vision_model", ("connector",))

    def __init__(
        self,
        network: nn.Module,
        reader: Reader,
        dialogue: Dialogue,
        *,
        image_token: int,
        processor: Any,
        vocabulary: Tensor,
        compiled: bool = False,
    ) -> None:
        inner: Any = network
        super().__init__(network, inner.text_model, compiled=compiled)
        self.reader, self.dialogue, self.image_token = reader, dialogue, image_token
        self.vocabulary = vocabulary
        vision, side = inner.config.vision_config, processor.max_image_size["longest_edge"]
        if side != vision.image_size:
            raise WeightsError(
                f"the processor cuts tiles of {side} pixels, the vision part takes {vision.image_size}"
            )
        self.tokens_per_tile = (vision.image_size // vision.patch_size // inner.config.scale_factor) ** 2
        self._processor, self._normal = processor, Normal(processor)
        self._stem = lru_cache(maxsize=64)(self._stem_of)

    def prepare(self, image: Image.Image) -> Picture:
        """Tiles [n, 3, S, S] uint8, the whole image last, and the stem that stands for them."""
        cut = self._processor.preprocess(
            [image.convert("RGB")], do_rescale=False, do_normalize=False, return_row_col_info=True
        )
        rows, columns = cut["rows"][0][0], cut["cols"][0][0]
        pixels = {"tiles": np.asarray(cut["pixel_values"])[0], "grid": np.array([rows, columns])}
        return Picture.of(pixels, self._stem(rows, columns))

    def look(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """Image features [tiles x tokens a tile, H] of each picture; tiles of many go through together."""
        network: Any = self.network
        every = [tensor_of(picture.pixels["tiles"]) for picture in pictures]
        at_once = _TILES_AT_ONCE.get(self.device.type, _TILES_AT_ONCE_ELSEWHERE)
        found: list[Tensor] = []
        for part in torch.split(torch.cat(every), at_once):
            ready = self._normal(part.to(self.device)).to(self.dtype)
            found += network.get_image_features(ready[None], return_dict=True).pooler_output
        sizes = [len(one) * self.tokens_per_tile for one in every]
        return list(torch.split(torch.cat(found), sizes))

    def _stem_of(self, rows: int, columns: int) -> list[int]:
        tile = _IMAGE * self.tokens_per_tile
        lines = (
            "".join(f"{_BORDER}<row_{row + 1}_col_{column + 1}>{tile}" for column in range(columns)) + "\n"
            for row in range(rows)
        )
        grid = "".join(lines) + "\n" if rows else ""
        return self.dialogue.stem(self.reader, self.reader.pieces(f"{grid}{_BORDER}{_WHOLE}{tile}{_BORDER}"))
