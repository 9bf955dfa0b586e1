"""What nano's benchmark needs before it starts: images with texts, the language model's work, the matmul peak."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from lmm4lmm.model.packed import PackedLinear, works

SIDE = 512
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
ADJECTIVES = ("red", "wooden", "tiny", "glowing", "striped", "rusty", "transparent", "golden")
THINGS = ("house", "bicycle", "owl", "teapot", "robot", "lighthouse", "bunch of tulips", "fishing boat")
PLACES = (
    "on a hill between two tall trees",
    "in a crowded market",
    "under water",
    "beside a mirror",
    "in the snow",
)
STYLES = ("oil painting", "photograph, late afternoon light", "watercolour", "flat vector illustration")


def draw_images(folder: Path, count: int) -> list[Path]:
    """JPEG files of 512 px, all different: smooth colour, shapes, fine texture and noise, of quality 75 to 95."""
    paths = []
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        image = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(image)
        for place in range(14):
            x, y, width, height = (int(side) for side in rng.integers(8, 360, 4))
            shape = pen.ellipse if place % 2 else pen.rectangle
            shape((x, y, x + width, y + height), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
        down, across = np.mgrid[:SIDE, :SIDE] / rng.uniform(1.5, 20, (2, 1, 1))
        texture = 18 * np.sin(down + across)[..., None] + rng.normal(0, 9, (SIDE, SIDE, 3))
        noisy = (np.asarray(image, np.float64) + texture).clip(0, 255).astype(np.uint8)
        paths.append(folder / f"{number:04}.jpg")
        Image.fromarray(noisy).save(paths[-1], quality=int(rng.integers(75, 96)))
    return paths


def find_images(folder: Path, count: int) -> list[Path]:
    """The first images of a folder and those below it."""
    found = sorted(path.resolve() for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise SystemExit(f"{folder}: no {', '.join(SUFFIXES)} files")
    return found[:count]


def write_manifest(path: Path, images: Sequence[Path]) -> Path:
    """A manifest of the images: each with a prompt and a question of its own, since equal texts are read once."""
    rows = [
        {"image": str(image), "prompt": prompt, "question": question}
        for image, (prompt, question) in zip(images, texts(), strict=False)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def texts() -> Iterator[tuple[str, str]]:
    """Prompts and questions of usual length, without end, no two alike."""
    number = 0
    while True:
        rng = np.random.default_rng(number)
        adjective, thing, place, style = (
            str(rng.choice(part)) for part in (ADJECTIVES, THINGS, PLACES, STYLES)
        )
        yield (
            f"{number + 2} {adjective} {thing}s {place}, {style}",
            f"Are there exactly {number + 2} {thing}s {place} in this {style}?",
        )
        number += 1


def language_flops(language: nn.Module, layers: int, lengths: Iterable[int]) -> int:
    """The least work of reading texts: products of the kept layers, and attention on and below the diagonal.

    Args:
        language: nano's, or transformers' Llama; its linear layers packed or plain.
        layers: how many of its layers are kept.
        lengths: tokens of each text that is read, its opening token counted; padding is nobody's work.
    """
    linear = [
        module
        for layer in list(language.layers)[:layers]
        for module in layer.modules()
        if isinstance(module, nn.Linear | PackedLinear)
    ]
    weights = sum(module.in_features * module.out_features for module in linear)
    config = language.config
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    # queries by keys, then weights by values: 2 products x 2 FLOPs x n (n + 1) / 2 pairs of tokens
    return sum(2 * n * weights + layers * 2 * n * (n + 1) * width for n in lengths)


def matmul_peak(shapes: Iterable[tuple[int, int, int]], repeats: int) -> tuple[float, str]:
    """The best GFLOP/s of float32 products [rows, in] x [in, out], by torch.mm and by oneDNN's packed linear layer.

    Args:
        shapes: (rows, in, out) of each product to try.
        repeats: of each; the best counts, noise only ever slows.

    Returns:
        The rate, and which product gave it.
    """
    best, which = 0.0, ""
    with torch.inference_mode():
        for rows, inputs, outputs in shapes:
            left, layer = torch.randn(rows, inputs), nn.Linear(inputs, outputs, bias=False)
            right = layer.weight.detach().T.contiguous()
            ways: dict[str, Callable[[], object]] = {"torch.mm": partial(torch.mm, left, right)}
            if works():
                ways["packed linear"] = partial(PackedLinear(layer), left)
            for name, way in ways.items():
                for _ in range(repeats + 1):  # the first one also warms up; it can't be too good
                    began = perf_counter()
                    way()
                    rate = 2 * rows * inputs * outputs / (perf_counter() - began) / 1e9
                    if rate > best:
                        best, which = rate, f"{name}, {rows} x {inputs} x {outputs}"
    return best, which
