"""Our own form of a checkpoint: a base and its adapters as safetensors, with the hash of every file.

::

    OUT/manifest.json                       what is here: readouts, scales, tiling, hashes, where it came from
    OUT/base/config.json                    of transformers' own class
    OUT/base/model-0000N-of-0000M.safetensors, model.safetensors.index.json
    OUT/tokenizer/                          as released
    OUT/<adapter>/adapter.safetensors       lora.<layer>.a, lora.<layer>.b, replaced.<name>, heads.<dimension>.<name>

What is read from it equals what was written to the last bit.
"""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lmm4lmm.core import files
from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.model.adapters import merged_weight
from lmm4lmm.model.checkpoint import AdapterWeights, Checkpoint, Lazy, LowRank
from lmm4lmm.model.findings import size
from lmm4lmm.model.official.reading import read_tensor
from lmm4lmm.model.saved_manifest import (
    ADAPTER_FILE,
    BASE,
    FORMAT,
    MANIFEST_FILE,
    NAME,
    TOKENIZER,
    AdapterFacts,
    Drawn,
    FileFacts,
    Manifest,
    identity_of_saved,
    is_saved,
    read_manifest,
    used_files,
)
from lmm4lmm.model.shards import ShardWriter, write_shards

TOKENIZER_FILES = (
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
)
"""What is taken over of the tokenizer's folder, as far as it is there."""

Say = Callable[[str], None]


def save(
    checkpoint: Checkpoint,
    out: Path,
    *,
    merge: bool = False,
    force: bool = False,
    self_test: Drawn | None = None,
    say: Say = lambda _: None,
) -> Manifest:
    """Writes a checkpoint, whole or not at all.

    Args:
        out: the folder; it appears when all of it is written.
        merge: fold each adapter into copies of the layers that it changes, in float32: large.
        force: replace a saved checkpoint that is there already.
        self_test: what it says of the self-test's pictures.
        say: told what is going on, a line at a time.

    Raises:
        InputError: there is something at ``out`` that must not be replaced.
        WeightsError: a tensor can't be read, or the disk is full; ``out`` is then as before.
    """
    out = out.absolute()
    check_target(out, force=force)
    for left in sorted(out.parent.glob(f".{glob.escape(out.name)}.*.tmp")):
        say(f"{left} was left by a run that was stopped (or is being written); remove it if nobody writes it")
    making = out.with_name(f".{out.name}.{uuid4().hex[:12]}.tmp")
    try:
        making.mkdir(parents=True)
        manifest = _write(checkpoint, making, merge, self_test, say)
        _put(making, out)
    except OSError as error:
        raise WeightsError(f"{out} can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return manifest


def check_target(out: Path, *, force: bool) -> None:
    """Whether ``save`` may write there.

    Raises:
        InputError: it is a file, a folder with other things, or a saved checkpoint that ``force`` must replace.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; a folder is written")
    if out.is_dir() and any(out.iterdir()):
        if not is_saved(out):
            raise InputError(f"{out} holds other things than a checkpoint of ours; it is left alone")
        if not force:
            raise InputError(f"{out} is there already; --force replaces it")


def open_saved(folder: Path, dimensions: Collection[str] | None = None) -> Checkpoint:
    """A saved checkpoint; large tensors stay on disk until they are asked for.

    Args:
        dimensions: adapters of others are not read; None reads all.

    Raises:
        WeightsError: a file is missing, of another size than the manifest says, or damaged.
    """
    manifest = read_manifest(folder)
    adapters = {
        name: facts
        for name, facts in manifest.adapters.items()
        if dimensions is None or facts.readout in dimensions or facts.readout == "unified"
    }
    used = used_files(manifest, adapters)
    for name, facts in used.items():
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"{path} is missing; {MANIFEST_FILE} names it")
        if path.stat().st_size != facts.size:
            raise WeightsError(f"{path} has {path.stat().st_size:,} bytes; it must have {facts.size:,}")
    return Checkpoint(
        config=_config(folder / BASE),
        base=dict(_base(folder, used)),
        adapters={
            name: read_adapter(folder / name / ADAPTER_FILE, facts) for name, facts in adapters.items()
        },
        tokenizer=folder / TOKENIZER,
        tiling=manifest.tiling,
        identity=identity_of_saved(manifest, adapters, used),
        source=str(folder),
    )


def _put(making: Path, out: Path) -> None:
    old = making.with_name(making.name.removesuffix(".tmp") + ".old.tmp")
    if out.exists():
        out.rename(old)
    try:
        making.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(checkpoint: Checkpoint, out: Path, merge: bool, self_test: Drawn | None, say: Say) -> Manifest:
    (out / BASE).mkdir()
    checkpoint.config.save_pretrained(out / BASE)
    write_shards(out / BASE, checkpoint.base, say=say)
    (out / TOKENIZER).mkdir()
    for name in TOKENIZER_FILES:
        if (checkpoint.tokenizer / name).is_file():
            shutil.copyfile(checkpoint.tokenizer / name, out / TOKENIZER / name)
    for name, weights in checkpoint.adapters.items():
        if not NAME.fullmatch(name) or name in (BASE, TOKENIZER):
            raise WeightsError(f"an adapter can't be called {name!r}")
        (out / name).mkdir()
        tensors = dict(named_tensors(weights, checkpoint.base, merge))
        with ShardWriter(out / name / ADAPTER_FILE, tensors) as writer:
            for tensor, read in tensors.items():
                writer.add(tensor, read())
        say(f"adapter {name}: {len(tensors)} tensors, {size(writer.size)}")
    say("hashing")
    manifest = Manifest(
        format=FORMAT,
        made_by=version("lmm4lmm"),
        source=checkpoint.source,
        source_identity=checkpoint.identity,
        tiling=checkpoint.tiling,
        adapters={name: adapter_facts(weights, merge) for name, weights in checkpoint.adapters.items()},
        files={
            path.relative_to(out).as_posix(): FileFacts(files.sha256(path), path.stat().st_size)
            for path in sorted(out.rglob("*"))
            if path.is_file()
        },
        self_test=self_test,
    )
    files.write_atomically(out / MANIFEST_FILE, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def adapter_facts(weights: AdapterWeights, merge: bool) -> AdapterFacts:
    """What an adapter's file does not say of it."""
    scales = {layer: low.scale for layer, low in weights.lora.items()}
    one = set(scales.values())
    scale = None if merge or not one else one.pop() if len(one) == 1 else scales
    return AdapterFacts(weights.readout, scale, merge and bool(weights.lora))


def named_tensors(
    weights: AdapterWeights, base: Mapping[str, Lazy], merge: bool
) -> Iterator[tuple[str, Lazy]]:
    """An adapter's tensors by their names in the file, the widest numbers first."""
    ready: dict[str, Tensor] = {}
    if merge:
        for layer in weights.lora:
            yield f"replaced.{layer}.weight", partial(merged_weight, weights, layer, base)
    else:
        for layer, low in weights.lora.items():
            ready |= {f"lora.{layer}.a": low.a, f"lora.{layer}.b": low.b}
    done = {f"{layer}.weight" for layer in weights.lora} if merge else set()
    ready |= {f"replaced.{name}": value for name, value in weights.replaced.items() if name not in done}
    ready |= {f"heads.{name}": value for name, value in weights.heads.items()}
    for name, value in sorted(ready.items(), key=lambda pair: -pair[1].element_size()):
        yield name, partial(_same, value)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder / 'config.json'} can't be read: {error}") from error


def _base(folder: Path, used: Mapping[str, FileFacts]) -> Iterator[tuple[str, Lazy]]:
    for name in used:
        if name.startswith(f"{BASE}/") and name.endswith(".safetensors"):
            yield from _lazy(folder / name).items()


def _lazy(path: Path) -> dict[str, Lazy]:
    try:
        with safe_open(path, framework="pt") as stream:
            return {name: partial(read_tensor, path, name) for name in stream.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is truncated or damaged: {error}") from error


def read_adapter(path: Path, facts: AdapterFacts) -> AdapterWeights:
    """An adapter from its file.

    Raises:
        WeightsError: the file is damaged, or facts and tensors don't fit.
    """
    lora: dict[str, dict[str, Tensor]] = {}
    parts: dict[str, dict[str, Tensor]] = {"replaced": {}, "heads": {}}
    for name, read in _lazy(path).items():
        kind, _, rest = name.partition(".")
        if kind == "lora":
            layer, _, which = rest.rpartition(".")
            lora.setdefault(layer, {})[which] = read()
        elif kind in parts:
            parts[kind][rest] = read()
        else:
            raise WeightsError(f"{path} holds {name}, which is no tensor of an adapter")
    try:
        scales = (
            facts.lora_scale if isinstance(facts.lora_scale, dict) else dict.fromkeys(lora, facts.lora_scale)
        )
        low = {layer: LowRank(pair["a"], pair["b"], _number(scales[layer])) for layer, pair in lora.items()}
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{path} and {MANIFEST_FILE} disagree about the adapter: {error}") from error
    return AdapterWeights(facts.readout, low, parts["replaced"], parts["heads"])


def _number(scale: float | None) -> float:
    if scale is None:
        raise TypeError("there is no lora_scale")
    return float(scale)
