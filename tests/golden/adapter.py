"""The adapter that ``check_golden.py`` asks for: a thin shim over our model room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lmm4lmm.model.bases.base import Reading
from lmm4lmm.model.bases.internvl import InternVL
from lmm4lmm.model.loading import build
from lmm4lmm.model.official import prompts, tiles
from lmm4lmm.model.official.asking import SCORE_AT, asked
from lmm4lmm.model.official.reading import read_checkpoint, readout_of
from lmm4lmm.model.official.tokenizer import OfficialTokenizer
from lmm4lmm.model.quality_model import QualityModel


class Loaded(NamedTuple):
    model: QualityModel
    base: InternVL
    name: str


def load(checkpoint_dir: str) -> Loaded:
    folder = Path(checkpoint_dir)
    name = readout_of(folder)
    model = build(read_checkpoint({name: folder}))
    assert isinstance(model.base, InternVL)
    return Loaded(model, model.base, name)


def forward(
    m: Loaded, pixel_values: Tensor, input_ids: Tensor, attention_mask: Tensor
) -> dict[str, Tensor | None]:
    m.model.use(m.name)
    seen = m.base.see(pixel_values)
    counts = (input_ids == m.base.image_token).sum(1) // m.base.tokens_per_tile
    features = [part.flatten(0, 1) for part in seen.split(counts.tolist())]
    hidden = m.base.hidden(input_ids, attention_mask, features)
    return {
        "score": None if m.name == "answer" else _scores(m, features, input_ids, attention_mask),
        "logits": m.model.logits(m.name, hidden),
        "last_hidden_state": hidden,
        "vit_embeds": seen,
    }


def _scores(m: Loaded, features: Sequence[Tensor], input_ids: Tensor, mask: Tensor) -> Tensor:
    """By the way that scoring takes: only the states that the head reads."""
    stems, readings = [], []
    for row in range(len(input_ids)):
        ids = input_ids[row][mask[row].bool()].tolist()
        end = max(index for index, token in enumerate(ids) if token == m.base.image_token) + 1
        stems.append(ids[:end])
        readings.append(Reading(row, tuple(ids[end:]), (len(ids) - end + SCORE_AT,)))
    states = torch.cat(m.base.read_features(stems, features, readings))
    return m.model.score(m.name, m.name, states)


def head(m: Loaded, hidden: Tensor) -> Tensor:
    return m.model.score(m.name, m.name, hidden)


def score_image(m: Loaded, image_path: str, task: prompts.Task, prompt: str | None = None) -> float:
    picture = m.base.prepare(tiles.open_reference(Path(image_path)))
    with torch.inference_mode():
        (states,) = m.model.states(m.name, [picture], [asked(m.base, task, prompt)])
        return m.model.score(m.name, m.name, states).item()


def tokenize(m: Loaded, text: str) -> list[int]:
    assert isinstance(m.base.reader, OfficialTokenizer)
    return m.base.reader.encode(text)


def preprocess(image_path: str, image_size: int) -> Tensor:
    return tiles.preprocess_reference(image_path, image_size)


def build_prompt(
    task: prompts.Task, text: str | None, num_image_tokens: int, answer: str | None = None
) -> str:
    return prompts.build_prompt(task, text, num_image_tokens, answer)


def tile_grid(
    width: int, height: int, min_num: int, max_num: int, image_size: int, use_thumbnail: bool
) -> tuple[tuple[int, int], int]:
    return tiles.tile_grid(
        width, height, min_num=min_num, max_num=max_num, image_size=image_size, use_thumbnail=use_thumbnail
    )


def greedy(m: Loaded, pixel_values: Tensor, input_ids: Tensor, max_new_tokens: int) -> list[int]:
    m.model.use(m.name)
    features = [m.base.see(pixel_values).flatten(0, 1)]
    ids = input_ids
    for _ in range(max_new_tokens):
        hidden = m.base.hidden(ids, torch.ones_like(ids), features)
        ids = torch.cat([ids, m.model.logits(m.name, hidden[:, -1]).argmax(1, keepdim=True)], 1)
    return ids[0, input_ids.shape[1] :].tolist()
