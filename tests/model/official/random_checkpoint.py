"""Random checkpoints in the layout that the LMM4LMM reference's trainer saves: any size, real names, no meaning.

Every tensor is drawn from a generator of its own, seeded by its name, so that a checkpoint is written shard by shard
and two checkpoints with the same ``base_seed`` share the base to the last bit, whatever else differs. Weights are
scaled so that activations keep their size through any depth; the last layer of the score head is fitted so that
random hidden states score about 50 with a standard deviation of 8: no image comes near the last ReLU.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from checkpoint_config import CHANNELS, config_of
from random_tokenizer import ADDED, PIECES, write_tokenizer
from safetensors.torch import load_file, save_file
from torch import Tensor

GAIN = 1.3
"""Times 1/sqrt(inputs): attention is neither flat nor all on one token."""
LORA_TARGETS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "wqkv", "wo", "w1", "w2", "w3")
PTH = "lora_weights.pth"
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Shape:
    """The sizes of a checkpoint, under the names of its ``config.json`` where they are short."""

    vision_hidden: int = 32
    vision_layers: int = 2
    vision_heads: int = 4
    vision_intermediate: int = 96
    image_size: int = 56
    patch: int = 14
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    intermediate: int = 128
    vocabulary: int = 512
    head_widths: tuple[int, ...] = (1024, 256, 64, 16, 1)
    lora_rank: int = 8
    downsample_ratio: float = 0.5
    qk_normalization: bool = False


@dataclass(frozen=True)
class _Part:
    """One tensor to be made: its plain name (no PEFT wrapping), size, centre and spread."""

    name: str
    size: tuple[int, ...]
    std: float
    mean: float = 0.0


def write(
    folder: Path,
    shape: Shape,
    *,
    kind: Literal["score", "qa"],
    seed: int,
    base_seed: int,
    lora: bool = True,
    lora_pth: Literal["same", "other", None] = "same",
    shards: int = 1,
    dtype: torch.dtype = torch.bfloat16,
) -> Path:
    """Writes a checkpoint into ``folder`` and returns it.

    Args:
        kind: with a score head, or (``qa``) without.
        seed: decides the LoRA that counts, projector and head.
        base_seed: decides every tensor of the vision tower and the language model.
        lora: PEFT's wrapping and names; else the plain ones and no ``lora_weights.pth``.
        lora_pth: ``same``: the file repeats the shards' LoRA. ``other``: the shards hold another LoRA and the file,
            which wins, the one of ``seed``; so the right scores are those of ``same``. None: no such file.
        shards: number of safetensors files; with an index where there is more than one.

    Raises:
        ValueError: the vocabulary is too small for the tokenizer, or there are more shards than tensors.
    """
    if shape.vocabulary < PIECES + len(ADDED):
        raise ValueError(f"vocabulary {shape.vocabulary} < {PIECES} pieces + {len(ADDED)} added tokens")
    folder.mkdir(parents=True, exist_ok=True)
    shard_lora = seed if lora_pth != "other" else seed + 1_000_003
    makers: dict[str, tuple[_Part, Callable[[], Tensor]]] = {}
    for part in (*_vision(shape), *_language(shape)):
        for name, piece, drawn_by in _wrapped(part, shape, base_seed, shard_lora, lora):
            makers[name] = piece, lambda piece=piece, drawn_by=drawn_by: _draw(piece, drawn_by, dtype)
    for part in _projector(shape):
        makers[part.name] = part, lambda part=part: _draw(part, seed, dtype)
    if kind == "score":
        head = _head(shape, seed, dtype)
        makers |= {part.name: (part, lambda name=part.name: head[name]) for part in _head_parts(shape)}
    _write_shards(folder, dict(sorted(makers.items())), shards, dtype)
    if lora and lora_pth:
        own = {n: _draw(p, seed, dtype) for n, (p, _) in makers.items() if ".lora_" in n}
        torch.save(own, folder / PTH)
    write_json(folder / "config.json", config_of(shape, shape.lora_rank if lora else 0))
    write_tokenizer(folder)
    return folder


def _vision(shape: Shape) -> Iterator[_Part]:
    wide, prefix = shape.vision_hidden, "vision_model."
    places = (shape.image_size // shape.patch) ** 2 + 1
    yield _Part(f"{prefix}embeddings.class_embedding", (1, 1, wide), 0.5)
    yield _Part(f"{prefix}embeddings.position_embedding", (1, places, wide), 0.3)
    yield from _linear(
        f"{prefix}embeddings.patch_embedding", wide, (CHANNELS, shape.patch, shape.patch), gain=1.0
    )
    for layer in range(shape.vision_layers):
        at = f"{prefix}encoder.layers.{layer}."
        yield from _linear(f"{at}attn.qkv", 3 * wide, (wide,))
        yield from _linear(f"{at}attn.proj", wide, (wide,))
        yield from _linear(f"{at}mlp.fc1", shape.vision_intermediate, (wide,))
        yield from _linear(f"{at}mlp.fc2", wide, (shape.vision_intermediate,))
        scale = 0.5 * math.sqrt(min(1.0, 2 / shape.vision_layers))
        for name in ("ls1", "ls2"):
            yield _Part(at + name, (wide,), 0.3 * scale, mean=scale)
        for name in ("norm1", "norm2"):
            yield from _norm(at + name, wide)
        if shape.qk_normalization:
            for name in ("attn.q_norm", "attn.k_norm"):
                yield _Part(f"{at}{name}.weight", (wide,), 0.2, mean=1.0)


def _language(shape: Shape) -> Iterator[_Part]:
    wide, prefix = shape.hidden, "language_model."
    one_head = wide // shape.heads
    deep = GAIN * math.sqrt(min(1.0, 2 / shape.layers))
    yield _Part(f"{prefix}model.tok_embeddings.weight", (shape.vocabulary, wide), 0.7)
    yield from _linear(f"{prefix}output", shape.vocabulary, (wide,), bias=False)
    yield _Part(f"{prefix}model.norm.weight", (wide,), 0.2, mean=1.0)
    for layer in range(shape.layers):
        at = f"{prefix}model.layers.{layer}."
        rows = (shape.heads + 2 * shape.kv_heads) * one_head
        yield from _linear(f"{at}attention.wqkv", rows, (wide,), bias=False)
        yield from _linear(f"{at}attention.wo", wide, (wide,), bias=False, gain=deep)
        yield from _linear(f"{at}feed_forward.w1", shape.intermediate, (wide,), bias=False)
        yield from _linear(f"{at}feed_forward.w3", shape.intermediate, (wide,), bias=False)
        yield from _linear(f"{at}feed_forward.w2", wide, (shape.intermediate,), bias=False, gain=deep)
        for name in ("attention_norm", "ffn_norm"):
            yield _Part(f"{at}{name}.weight", (wide,), 0.2, mean=1.0)


def _projector(shape: Shape) -> Iterator[_Part]:
    folded = shape.vision_hidden * round(1 / shape.downsample_ratio) ** 2
    yield from _norm("mlp1.0", folded)
    yield from _linear("mlp1.1", shape.hidden, (folded,))
    yield from _linear("mlp1.3", shape.hidden, (shape.hidden,))


def _head_parts(shape: Shape) -> Iterator[_Part]:
    """``fc1`` to ``fcN``; also ``ln1``, which is saved though the reference's forward never calls it."""
    inputs = (shape.hidden, *shape.head_widths)
    for number, width in enumerate(shape.head_widths, start=1):
        yield from _linear(f"mlpscore.fc{number}", width, (inputs[number - 1],), gain=math.sqrt(2))
    yield from _norm("mlpscore.ln1", shape.head_widths[0])


def _linear(
    name: str, outputs: int, inputs: tuple[int, ...], *, bias: bool = True, gain: float = GAIN
) -> Iterator[_Part]:
    yield _Part(f"{name}.weight", (outputs, *inputs), gain / math.sqrt(math.prod(inputs)))
    if bias:
        yield _Part(f"{name}.bias", (outputs,), 0.15)


def _norm(name: str, width: int) -> Iterator[_Part]:
    yield _Part(f"{name}.weight", (width,), 0.2, mean=1.0)
    yield _Part(f"{name}.bias", (width,), 0.15)


def _wrapped(
    part: _Part, shape: Shape, base_seed: int, lora_seed: int, lora: bool
) -> Iterator[tuple[str, _Part, int]]:
    """Saved name, what to draw and the seed that draws it: the tensor itself, then its LoRA, if it has one."""
    if not lora:
        yield part.name, part, base_seed
        return
    model, _, rest = part.name.partition(".")
    layer, _, last = rest.rpartition(".")
    wrapped = f"{model}.base_model.model."
    if not layer.endswith(LORA_TARGETS):
        yield wrapped + rest, part, base_seed
        return
    yield f"{wrapped}{layer}.base_layer.{last}", part, base_seed
    if last == "weight":
        outputs, inputs = part.size
        for letter, size, std in (
            ("A", (shape.lora_rank, inputs), 1 / math.sqrt(inputs)),
            ("B", (outputs, shape.lora_rank), 0.25 / math.sqrt(shape.lora_rank)),
        ):
            name = f"{wrapped}{layer}.lora_{letter}.default.weight"
            yield name, _Part(name, size, std), lora_seed


def _draw(part: _Part, seed: int, dtype: torch.dtype) -> Tensor:
    """The tensor that this name has with this seed."""
    digest = hashlib.sha256(f"{seed}:{part.name}".encode()).digest()
    source = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.randn(part.size, generator=source).mul_(part.std).add_(part.mean).to(dtype)


def _head(shape: Shape, seed: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """The score head; its last layer gives 1,000 random hidden states the mean 50 and the SD 8."""
    head = {part.name: _draw(part, seed, dtype) for part in _head_parts(shape)}
    states = torch.randn(1000, shape.hidden, generator=torch.Generator().manual_seed(seed))
    last = f"mlpscore.fc{len(shape.head_widths)}"
    for number in range(1, len(shape.head_widths)):
        at = f"mlpscore.fc{number}"
        states = torch.relu(states @ head[f"{at}.weight"].float().T + head[f"{at}.bias"].float())
    weight = head[f"{last}.weight"].float()
    head[f"{last}.weight"] = weight.mul(8 / (states @ weight.T).std()).to(dtype)
    head[f"{last}.bias"] = (50 - (states @ head[f"{last}.weight"].float().T).mean(0)).to(dtype)
    return head


def _write_shards(
    folder: Path, makers: dict[str, tuple[_Part, Callable[[], Tensor]]], shards: int, dtype: torch.dtype
) -> None:
    """One file at a time, each of about the same number of bytes."""
    if shards > len(makers):
        raise ValueError(f"{shards} shards for {len(makers)} tensors")
    total = sum(math.prod(part.size) for part, _ in makers.values())
    names: list[list[str]] = [[]]
    done, left = 0, len(makers)
    for name, (part, _) in makers.items():
        full = done >= total * len(names) / shards or left <= shards - len(names)
        if names[-1] and full and len(names) < shards:
            names.append([])
        names[-1].append(name)
        done, left = done + math.prod(part.size), left - 1
    where: dict[str, str] = {}
    for number, here in enumerate(names, start=1):
        file = f"model-{number:05}-of-{len(names):05}.safetensors" if shards > 1 else "model.safetensors"
        save_file({name: makers[name][1]() for name in here}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(here, file)
    if shards > 1:
        size = total * torch.empty((), dtype=dtype).element_size()
        write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": where})


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def shard_files(folder: Path) -> list[Path]:
    """The weight files, in order."""
    return sorted(folder.glob("model*.safetensors"))


def tensor_names(folder: Path) -> set[str]:
    """The names of all tensors in the weight files."""
    return {name for path in shard_files(folder) for name in load_file(path)}
