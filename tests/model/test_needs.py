"""The sizes that are told before 50 GB are fetched, counted on models of the real shape without memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from checkpoints import three

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model import needs
from lmm4lmm.model.official import published
from lmm4lmm.model.official.config import read_config
from lmm4lmm.model.shards import stored
from lmm4lmm.model.sources import open_weights

sys.path.insert(0, str(Path(__file__).with_name("official")))

from checkpoint_config import config_of
from random_checkpoint import Shape

REAL = Shape(
    vision_hidden=1024,
    vision_layers=24,
    vision_heads=16,
    vision_intermediate=4096,
    image_size=448,
    hidden=4096,
    layers=32,
    heads=32,
    kv_heads=8,
    intermediate=14336,
    vocabulary=92553,
)
"""InternVL2.5-8B: InternViT-300M-448px and InternLM2.5-7B."""


def test_the_released_base_has_as_many_parameters_as_we_say(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config_of(REAL, 8)))
    assert needs.parameters(read_config(tmp_path).native) == published.BASE_PARAMETERS


def test_an_adapter_is_no_larger_than_we_say() -> None:
    rank, text, image = REAL.lora_rank, REAL.hidden, REAL.vision_hidden
    narrow = text // REAL.heads * REAL.kv_heads
    language = 2 * (text + text) + 2 * (text + narrow) + 3 * (text + REAL.intermediate)
    vision = 3 * (image + image) + (image + image) + 2 * (image + REAL.vision_intermediate)
    lora = rank * (language * REAL.layers + vision * REAL.vision_layers)
    folded = image * 4
    projector = 2 * folded + (folded * text + text) + (text * text + text)
    inputs = (text, *REAL.head_widths)
    head = sum(a * b + b for a, b in zip(inputs, REAL.head_widths, strict=False))
    count = lora + projector + head
    assert 0.98 * published.ADAPTER_PARAMETERS < count <= published.ADAPTER_PARAMETERS


def test_a_count_is_of_what_is_there(tmp_path: Path) -> None:
    checkpoint = open_weights(three(tmp_path), ("answer",))
    assert needs.parameters(checkpoint.config) == sum(read().numel() for read in checkpoint.base.values())
    counts = [stored(path) for path in (tmp_path / "LMM4LMM-QA").glob("*.safetensors")]
    assert {kind for one in counts for kind in one} == {"BF16"}
    lora = sum(low.b.numel() for low in checkpoint.adapters["answer"].lora.values())
    assert sum(one["BF16"] for one in counts) > needs.parameters(checkpoint.config) + lora
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(WeightsError, match="damaged"):
        stored(tmp_path / "x.safetensors")


def test_memory_is_weights_and_room_to_work_in() -> None:
    assert needs.bytes_needed(10**9, torch.bfloat16) == 3 * 10**9
    assert needs.bytes_needed(10**9, torch.float32) == 5 * 10**9
    free = needs.bytes_free("cpu")
    assert free is None or 10**6 < free < 10**14
