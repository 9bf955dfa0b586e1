"""Reading released checkpoints: folders with sharded safetensors and ``lora_weights.pth``.

No pickle is ever unpickled freely and no remote code is run: tensors come from safetensors, or from a pickle that
``torch.load(weights_only=True)`` accepts.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.checkpoint import AdapterWeights, Checkpoint, Lazy, LowRank, Readout
from lmm4lmm.model.official.config import OfficialConfig, read_config
from lmm4lmm.model.official.identity import identity_of
from lmm4lmm.model.official.layout import HEAD, released, shared, unfused
from lmm4lmm.model.shards import INDEX_FILE

LORA_FILE = "lora_weights.pth"
UNUSED = ("ln1.weight", "ln1.bias")
"""Tensors of the released score head that its forward never uses."""


@dataclass(frozen=True)
class OfficialPart:
    """One released folder by our names.

    Attributes:
        base: everything but adapters and head; the projector is among it.
        lora: A and B of each adapted layer.
        head: the score head's tensors, without prefix; empty for the answer model.
    """

    folder: Path
    config: OfficialConfig
    base: Mapping[str, Lazy]
    lora: Mapping[str, LowRank]
    head: Mapping[str, Tensor]


def read_part(folder: Path) -> OfficialPart:
    """Reads one released folder; large tensors stay on disk until they are asked for.

    Raises:
        WeightsError: a file is missing, damaged or unsafe, or holds a tensor that the layout does not know.
    """
    config = read_config(folder)
    base: dict[str, Lazy] = {}
    halves: dict[str, dict[str, Tensor]] = {}
    head: dict[str, Tensor] = {}
    for name, read in {**dict(_safetensors(folder)), **_extra(folder)}.items():
        if (known := released(name)) is None:
            continue
        if known.lora == "A":
            for layer, a in shared(known.layer, read()).items():
                halves.setdefault(layer, {})["a"] = a
        elif known.lora == "B":
            for layer, b in unfused(known.layer, read(), config.native).items():
                halves.setdefault(layer, {})["b"] = b.contiguous()
        elif known.layer.startswith(HEAD):
            head[known.layer.removeprefix(HEAD)] = read()
        else:
            for ours in shared(known.layer, torch.empty(0)):
                base[ours] = partial(_part, read, known.layer, ours, config)
    lora = {layer: _low_rank(layer, pair, folder) for layer, pair in halves.items()}
    return OfficialPart(folder, config, base, lora, {k: v for k, v in head.items() if k not in UNUSED})


def readout_of(folder: Path) -> Literal["perception", "answer"]:
    """What a released folder is for, by its tensors: the answer, where it has no score head.

    Which score a score model gives, its tensors don't tell: it counts as perception.

    Raises:
        WeightsError: it can't be read.
    """
    return "perception" if read_part(folder).head else "answer"


def read_checkpoint(parts: Mapping[Readout, Path]) -> Checkpoint:
    """One checkpoint of released folders, one a dimension; what they share becomes the base.

    A tensor that is not the same in all of them (the projector) is kept with each dimension that differs from
    the first.

    Raises:
        WeightsError: a folder can't be read, they are of different shapes, or they share no base.
    """
    read = {readout: read_part(folder) for readout, folder in parts.items()}
    first = next(iter(read.values()))
    adapters: dict[str, AdapterWeights] = {}
    for readout, part in read.items():
        heads = (
            {f"{readout}.{name}": value for name, value in part.head.items()} if readout != "answer" else {}
        )
        adapters[readout] = AdapterWeights(readout, part.lora, differing(first, part), heads)
    config = first.config
    return Checkpoint(
        config=config.native,
        base=first.base,
        adapters=adapters,
        tokenizer=first.folder,
        tiling=config.tiling,
        identity=identity_of(list(parts.values())),
        source=", ".join(str(folder) for folder in parts.values()),
    )


def differing(first: OfficialPart, other: OfficialPart) -> dict[str, Tensor]:
    """The tensors of ``other`` that are not those of ``first``.

    Raises:
        WeightsError: they have different tensors, or more than a twentieth differs beside the projector.
    """
    if other is first:
        return {}
    if odd := first.base.keys() ^ other.base.keys():
        raise WeightsError(
            f"{first.folder} and {other.folder} are of different shapes: only one has {min(odd)}"
        )
    found: dict[str, Tensor] = {}
    total = changed = 0
    for name, read in other.base.items():
        ours, theirs = first.base[name](), read()
        if ours.shape != theirs.shape:
            raise WeightsError(
                f"{name} is {list(ours.shape)} in {first.folder}, {list(theirs.shape)} in {other.folder}"
            )
        trained = name.startswith("multi_modal_projector.")
        total += 0 if trained else theirs.numel()
        if not torch.equal(ours, theirs):
            found[name] = theirs.clone()
            changed += 0 if trained else theirs.numel()
    if changed > total / 20:
        raise WeightsError(
            f"{first.folder} and {other.folder} do not share a base: {changed / total:.0%} of its numbers differ"
        )
    return found


def _part(read: Lazy, layer: str, ours: str, config: OfficialConfig) -> Tensor:
    return unfused(layer, read(), config.native)[ours]


def _low_rank(layer: str, pair: Mapping[str, Tensor], folder: Path) -> LowRank:
    if pair.keys() != {"a", "b"}:
        raise WeightsError(f"{folder}: the adapter of {layer} has only its {'A' if 'a' in pair else 'B'}")
    a, b = pair["a"], pair["b"]
    if a.shape[0] != b.shape[1]:
        raise WeightsError(f"{folder}: the adapter of {layer} has rank {a.shape[0]} and {b.shape[1]}")
    return LowRank(a, b, 2.0)  # InternVL's training code sets alpha to twice the rank


def _safetensors(folder: Path) -> Iterator[tuple[str, Lazy]]:
    for file, expected in shards(folder).items():
        try:
            with safe_open(file, framework="pt") as stream:
                names: set[str] = set(stream.keys())
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"{file} is truncated or damaged: {error}") from error
        if expected is not None and (odd := names ^ expected):
            raise WeightsError(f"{file} and {INDEX_FILE} disagree, for instance about {min(odd)}")
        for name in sorted(names):
            yield name, partial(read_tensor, file, name)


def read_tensor(file: Path, name: str) -> Tensor:
    """One tensor of a safetensors file.

    The file is opened anew each time: a mapping that stayed open would count every page ever touched as memory.
    """
    with safe_open(file, framework="pt") as stream:
        found: Tensor = stream.get_tensor(name)
    return found


def shards(folder: Path) -> dict[Path, set[str] | None]:
    """The safetensors files of a folder, with the names that the index says are in each.

    Raises:
        WeightsError: there are none, or one that the index names is missing.
    """
    if not (folder / INDEX_FILE).exists():
        single = folder / "model.safetensors"
        if not single.exists():
            raise WeightsError(_nothing(folder))
        return {single: None}
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))["weight_map"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder / INDEX_FILE} can't be read: {error!r}") from error
    files: dict[Path, set[str] | None] = {}
    for name in sorted(set(index.values())):
        path = folder / name
        if path.parent != folder or path.suffix != ".safetensors":
            raise WeightsError(
                f"{folder / INDEX_FILE} names {name!r}, which is no safetensors file beside it"
            )
        if not path.exists():
            raise WeightsError(f"{path} is missing; {INDEX_FILE} names it")
        files[path] = {tensor for tensor, file in index.items() if file == name}
    return files


def _nothing(folder: Path) -> str:
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if pickles:
        return f"{folder}: {pickles[0]} is a pickle and was not opened; the weights must be safetensors"
    return f"{folder} holds no model.safetensors and no {INDEX_FILE}"


def _extra(folder: Path) -> dict[str, Lazy]:
    """What ``lora_weights.pth`` holds: it is read last and wins, as in the reference."""
    path = folder / LORA_FILE
    if not path.exists():
        return {}
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{path} was refused: it is damaged, or holds more than tensors ({reason})"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} was refused: it is no table of tensors")
    return {str(name): partial(_kept, value) for name, value in state.items()}


def _kept(tensor: Tensor) -> Tensor:
    return tensor
