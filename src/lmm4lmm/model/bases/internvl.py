"""InternVL 2.5 and 3 as a base: tiles, pixel shuffle, projector, and a plain decoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from lmm4lmm.model.bases.base import Dialogue, Picture, Places, PlainBase, Reader
from lmm4lmm.model.bases.pixels import tensor_of
from lmm4lmm.model.official.tiles import TileSettings, normalised, tiles

_TILES_AT_ONCE = {"cpu": 2}
"""On a processor more tiles at once win nothing and take memory."""
_TILES_AT_ONCE_ELSEWHERE = 64


class InternVL(PlainBase):
    """InternVL on transformers' native classes.

    Args:
        network: ``InternVLModel``.
        reader: the tokenizer.
        dialogue: the form of its chats.
        image_token: id of the placeholder.
        tiling: how images are cut.
        vocabulary: [V, H].
        compiled: see ``PlainDecoder``.
    """

    places = Places("language_model", "vision_tower", ("multi_modal_projector",))

    def __init__(
        self,
        network: nn.Module,
        reader: Reader,
        dialogue: Dialogue,
        *,
        image_token: int,
        tiling: TileSettings,
        vocabulary: Tensor,
        compiled: bool = False,
    ) -> None:
        inner: Any = network
        super().__init__(network, inner.language_model, compiled=compiled)
        self.reader, self.dialogue, self.tiling = reader, dialogue, tiling
        self.image_token = image_token
        self.vocabulary = vocabulary
        vision = inner.config.vision_config
        patches = tiling.image_size // vision.patch_size[0]
        self.tokens_per_tile = int(patches**2 * inner.config.downsample_ratio**2)
        self._stem = lru_cache(maxsize=64)(self._stem_of)

    def prepare(self, image: Image.Image) -> Picture:
        """Tiles [n, S, S, 3] uint8 and the stem that stands for them."""
        cut = tiles(image, self.tiling)
        return Picture.of({"tiles": cut}, self._stem(len(cut)))

    def look(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """Image features [tiles x tokens a tile, H] of each picture; tiles of many go through together."""
        every = [tensor_of(picture.pixels["tiles"]) for picture in pictures]
        features = self.see(torch.cat(every))
        return [part.flatten(0, 1) for part in torch.split(features, [len(one) for one in every])]

    def see(self, pixels: Tensor) -> Tensor:
        """Features [T, tokens a tile, H] of tiles: [T, S, S, 3] uint8, or [T, 3, S, S] float already normalised."""
        network: Any = self.network
        at_once = _TILES_AT_ONCE.get(self.device.type, _TILES_AT_ONCE_ELSEWHERE)
        found = []
        for part in torch.split(pixels, at_once):
            ready = normalised(part.to(self.device)) if part.dtype == torch.uint8 else part.to(self.device)
            found.append(network.get_image_features(ready.to(self.dtype)).pooler_output)
        return torch.cat(found)

    def _stem_of(self, count: int) -> list[int]:
        return self.dialogue.stem(self.reader, [self.image_token] * (count * self.tokens_per_tile))
