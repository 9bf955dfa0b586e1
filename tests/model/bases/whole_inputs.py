"""What transformers' own model is given for an image and words: by its processors' rules, in one string."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from tiny_bases import IMAGE, image_processor, tokenizer
from torch import Tensor
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

_QWEN = "<|im_start|>user\n<|vision_start|>{image}<|vision_end|>{words}<|im_end|>\n<|im_start|>assistant\n"
_INTERNVL = "<|im_start|>user\n<img>{image}</img>\n{words}<|im_end|>\n<|im_start|>assistant\n"
_SMOL = "<|im_start|>User:{image}{words}<end_of_utterance>\nAssistant:"
CHATS = {
    "internvl": _INTERNVL,
    "internvl_qwen3": _INTERNVL,
    "internvl_mistral": _INTERNVL,
    "qwen2_5_vl": f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{_QWEN}",
    "qwen3_vl": _QWEN,
    "smolvlm": _SMOL,
    "idefics3": _SMOL,
}
"""As the released chat templates write them."""


def inputs(family: str, image: Image.Image, words: str) -> dict[str, Tensor]:
    """Everything that the model's forward takes, of one row."""
    pixels, placeholders = image_inputs(family, image)
    chat = CHATS[family].format(image=placeholders, words=words)
    ids = torch.tensor([tokenizer(family).encode(chat).ids])
    if family.startswith("qwen"):
        pixels["mm_token_type_ids"] = (ids == tokenizer(family).token_to_id(IMAGE[family])).int()
    return {"input_ids": ids, **pixels}


def image_inputs(family: str, image: Image.Image) -> tuple[dict[str, Tensor], str]:
    """The image side, and the placeholders that its processor writes."""
    processor, token = image_processor(family), IMAGE[family]
    if family.startswith("internvl"):
        found = processor.preprocess([image], crop_to_patches=True, return_tensors="pt")
        return {"pixel_values": found["pixel_values"]}, token * 4 * int(found["num_patches"][0])
    if family.startswith("qwen"):
        found = processor.preprocess([image], return_tensors="pt")
        return dict(found), token * int(found["image_grid_thw"].prod() // 4)
    found: Any = processor.preprocess([image], return_row_col_info=True, return_tensors="pt")
    rows, columns = int(found.pop("rows")[0][0]), int(found.pop("cols")[0][0])
    return dict(found), get_image_prompt_string(
        rows, columns, 4, "<fake_token_around_image>", token, "<global-img>"
    )
