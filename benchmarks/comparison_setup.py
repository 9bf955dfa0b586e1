"""What the comparison with the reference's way needs before it starts: checkpoints, images, and the matmul peak."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image, ImageDraw
from reference_style import MATCH, MATCH_TOLD, Tokenizer, dialogue
from safetensors import safe_open

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "model" / "official"))
import random_checkpoint
from random_checkpoint import Shape, write

DIMENSIONS = ("perception", "correspondence", "answer")


def make_checkpoints(options: argparse.Namespace) -> dict[str, Path]:
    """The three checkpoints of one base under ``options.work``; made where this shape and maker have none yet."""
    known = {item.name for item in fields(Shape)}
    shape = Shape(**{name: value for name, value in vars(options).items() if name in known})
    made_by = Path(random_checkpoint.__file__).read_bytes()
    folder = options.work / sha256(repr(shape).encode() + made_by).hexdigest()[:12]
    folders = {dimension: folder / dimension for dimension in DIMENSIONS}
    for seed, (dimension, path) in enumerate(folders.items()):
        if not (path / "config.json").exists():
            kind = "qa" if dimension == "answer" else "score"
            write(path, shape, kind=kind, seed=seed, base_seed=0, shards=4)
    return folders


def draw_images(options: argparse.Namespace) -> list[str]:
    """One file a repeat and one to warm up: 1024 px PNG, smooth colour, rectangles and noise, all different."""
    options.work.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(options.repeats + 1):
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        image = coarse.resize((1024, 1024), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(image)
        for _ in range(12):
            x, y, w, h = (int(side) for side in rng.integers(0, 700, 4))
            pen.rectangle((x, y, x + w, y + h), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
        noisy = np.asarray(image, np.int16) + rng.integers(-12, 13, (1024, 1024, 3))
        path = options.work / f"image{number}.png"
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths


def matmul_peak(options: argparse.Namespace, tokens: int) -> float:
    """The best GFLOP/s of a float32 product [tokens, in] x [in, out] at the language model's own sizes."""
    torch.set_num_threads(options.threads)
    best = 0.0
    for inputs, outputs in (
        (options.hidden, options.hidden),
        (options.hidden, options.intermediate),
        (options.intermediate, options.hidden),
    ):
        left, right = torch.randn(tokens, inputs), torch.randn(inputs, outputs)
        for _ in range(8):
            began = perf_counter()
            torch.mm(left, right)
            best = max(best, 2 * tokens * inputs * outputs / (perf_counter() - began) / 1e9)
    return best


def language_gflop(options: argparse.Namespace, tokens: int) -> float:
    """The least work of one pass of the language model's layers: its products, and attention below the diagonal."""
    wide = options.hidden
    matrices = wide * (2 * wide + 2 * wide * options.kv_heads // options.heads + 3 * options.intermediate)
    return options.layers * (2 * tokens * matrices + 2 * tokens**2 * wide) / 1e9


def parameters(folder: Path) -> dict[str, float]:
    """Millions of parameters by part, from the checkpoint's own tensors."""
    counts = dict.fromkeys(("vision", "language layers", "vocabulary", "projector and head", "LoRA"), 0.0)
    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                size = 1.0
                for side in file.get_slice(name).get_shape():
                    size *= side
                counts[part_of(name)] += size / 1e6
    return counts


def part_of(name: str) -> str:
    if ".lora_" in name:
        return "LoRA"
    if name.startswith("vision_model."):
        return "vision"
    if name.startswith("language_model."):
        return "vocabulary" if "tok_embeddings" in name or ".output." in name else "language layers"
    return "projector and head"


def row_length(options: argparse.Namespace, folder: Path, prompt: str) -> int:
    """Tokens of the row that asks for a correspondence."""
    side = int(options.image_size // options.patch * 0.5)
    text = dialogue(5 * side**2, MATCH.format(prompt), MATCH_TOLD)
    return len(Tokenizer(folder).encode(text))
