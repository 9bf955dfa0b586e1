"""Qwen2.5-VL and Qwen3-VL as a base.

Their positions have three axes and Qwen3-VL feeds image features into several layers, so whole sequences go through
transformers' own forward. The vision part runs once a picture, however many texts there are about it; the decoder
reads the picture's placeholders again for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lmm4lmm.core.errors import ImageError
from lmm4lmm.model.bases.base import Base, Dialogue, Picture, Places, Reader, Reading
from lmm4lmm.model.bases.pixels import Normal, tensor_of


class QwenVL(Base):
    """Qwen-VL on transformers' classes.

    Args:
        network: ``Qwen2_5_VLModel`` or ``Qwen3VLModel``.
        reader: the tokenizer.
        dialogue: the form of its chats.
        image_token: id of the placeholder.
        processor: transformers' own, on Pillow, for its settings.
        vocabulary: [V, H].
    """

    places = Places("language_model", "visual", ("visual.merger", "visual.deepstack_merger_list"))

    def __init__(
        self,
        network: nn.Module,
        reader: Reader,
        dialogue: Dialogue,
        *,
        image_token: int,
        processor: Any,
        vocabulary: Tensor,
    ) -> None:
        super().__init__()
        self.network, self.reader, self.dialogue = network, reader, dialogue
        self.image_token, self.vocabulary = image_token, vocabulary
        self._patch, self._merge = processor.patch_size, processor.merge_size
        self._frames = processor.temporal_patch_size
        self._least, self._most = processor.size["shortest_edge"], processor.size["longest_edge"]
        self._resample, self._normal = processor.resample, Normal(processor)
        self._stem = lru_cache(maxsize=256)(self._stem_of)

    def prepare(self, image: Image.Image) -> Picture:
        """Pixels [3, H, W] uint8, sides multiples of a merged patch, and the stem that stands for them.

        Raises:
            ImageError: one side is more than 200 times the other.
        """
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        step = self._patch * self._merge
        try:
            height, width = smart_resize(
                image.height, image.width, step, min_pixels=self._least, max_pixels=self._most
            )
        except ValueError as error:
            raise ImageError(f"an image of {image.width} x {image.height} pixels: {error}") from error
        whole = image.convert("RGB").resize((width, height), self._resample)
        pixels = np.ascontiguousarray(np.asarray(whole).transpose(2, 0, 1))
        grid = np.array([1, height // self._patch, width // self._patch])
        return Picture.of({"pixels": pixels, "grid": grid}, self._stem(height * width // step**2))

    def read(self, pictures: Sequence[Picture], readings: Sequence[Reading]) -> list[Tensor]:
        """Normed last hidden states, [len(at), H] a reading; of what readings of a picture share, the vision part
        is computed once."""
        network: Any = self.network
        grids = torch.stack([tensor_of(picture.pixels["grid"]) for picture in pictures]).to(self.device)
        patches = torch.cat([self._patches(picture) for picture in pictures])
        seen = network.get_image_features(patches, grids, return_dict=True)
        which = [one.picture for one in readings]
        seen.pooler_output = [seen.pooler_output[index] for index in which]
        if getattr(seen, "deepstack_features", None) is not None:
            seen.deepstack_features = [[layer[index] for index in which] for layer in seen.deepstack_features]
        ids, mask = self._padded([(*pictures[one.picture].stem, *one.text) for one in readings])
        states: Tensor = network(
            input_ids=ids,
            attention_mask=mask,
            mm_token_type_ids=(ids == self.image_token).int(),
            image_grid_thw=grids[which],
            mm_encoder_outputs={"image": seen},
            use_cache=False,
        ).last_hidden_state
        return [
            states[row, [len(pictures[one.picture].stem) + place for place in one.at]]
            for row, one in enumerate(readings)
        ]

    def _patches(self, picture: Picture) -> Tensor:
        """[patches, 3 x frames x patch x patch]: merged patches one after the other, a still image in every frame."""
        patch, merge = self._patch, self._merge
        ready = self._normal(tensor_of(picture.pixels["pixels"]).to(self.device))
        _, rows, columns = (int(side) for side in picture.pixels["grid"])
        cut = ready.view(3, rows // merge, merge, patch, columns // merge, merge, patch)
        cut = cut.permute(1, 4, 2, 5, 0, 3, 6)[:, :, :, :, :, None]
        frames = cut.expand(*cut.shape[:5], self._frames, *cut.shape[6:])
        return frames.reshape(rows * columns, -1).to(self.dtype)

    def _padded(self, sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and mask [B, N], filled up on the right, where causal attention can't look."""
        lengths = torch.tensor([len(one) for one in sequences])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        ids = torch.full(mask.shape, int(self.image_token == 0))  # any token but the image's
        ids[mask] = torch.tensor([token for one in sequences for token in one])
        return ids.to(self.device), mask.long().to(self.device)

    def _stem_of(self, count: int) -> list[int]:
        return self.dialogue.stem(self.reader, [self.image_token] * count)
