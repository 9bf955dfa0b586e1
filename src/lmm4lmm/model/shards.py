"""Safetensors files written tensor by tensor: of a model of 16 GB one tensor is in memory at a time.

The format (huggingface/safetensors, README): 8 bytes with the header's length, a JSON header padded with spaces, then
the tensors' bytes without gaps. The header says where each lies, so its place is kept free and filled at the end.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.files import write_atomically
from lmm4lmm.model.checkpoint import Lazy

INDEX_FILE = "model.safetensors.index.json"
LARGEST = 2 * 10**9
"""Bytes of one shard; a single tensor may be more."""

_KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_ENTRY = 256
"""More bytes than an entry of the header takes beside its name."""


class ShardWriter:
    """One file being written; a context manager. Raises ``OSError`` as files do.

    Args:
        path: of the file; there must be none yet.
        names: of all tensors that may come, so that the header has room.
    """

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        room = _ENTRY + sum(len(json.dumps(name)) + _ENTRY for name in names)
        self._room = room + (-room - 8) % 64
        self._entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        self._stream = path.open("xb")
        self._stream.write(self._room.to_bytes(8, "little") + b" " * self._room)
        self.path, self.size = path, 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    @property
    def names(self) -> list[str]:
        """What is in it so far."""
        return [name for name in self._entries if name != "__metadata__"]

    def add(self, name: str, tensor: Tensor) -> None:
        """Writes one tensor. Those of wider numbers must come first: readers want each aligned to its width.

        Raises:
            WeightsError: its dtype has no name in the format.
        """
        if tensor.dtype not in _KINDS:
            raise WeightsError(f"{name} is of {tensor.dtype}, which safetensors files of ours don't hold")
        if self.size % tensor.element_size():
            raise ValueError(f"{name} would not be aligned")
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        self._stream.write(content.data)
        self._entries[name] = {
            "dtype": _KINDS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [self.size, self.size + content.nbytes],
        }
        self.size += content.nbytes

    def abandon(self) -> None:
        """Closes the file as it is: no reader takes it for whole."""
        with suppress(OSError):  # a full disk would complain once more
            self._stream.close()

    def close(self) -> None:
        """Fills in the header; the file is whole only now."""
        header = json.dumps(self._entries, separators=(",", ":")).encode()
        with self._stream:
            self._stream.seek(8)
            self._stream.write(header.ljust(self._room))


def write_shards(
    folder: Path,
    tensors: Mapping[str, Lazy],
    *,
    largest: int = LARGEST,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Writes ``model-0000N-of-0000M.safetensors`` and their index, as transformers reads them.

    A shard holds one dtype.

    Raises:
        WeightsError: a tensor can't be read or written.
    """
    making: dict[torch.dtype, ShardWriter] = {}
    done: list[ShardWriter] = []

    def finish(writer: ShardWriter) -> None:
        writer.close()
        done.append(writer)
        say(f"{sum(len(one.names) for one in done)} of {len(tensors)} tensors of the base written")

    try:
        for name, read in tensors.items():
            tensor = read()
            writer = making.get(tensor.dtype)
            if writer is not None and writer.size + tensor.nbytes > largest:
                finish(making.pop(tensor.dtype))
                writer = None
            if writer is None:
                path = folder / f"part-{len(done) + len(making)}.safetensors"
                writer = making[tensor.dtype] = ShardWriter(path, tensors)
            writer.add(name, tensor)
        while making:
            finish(making.popitem()[1])
    finally:
        for writer in making.values():
            writer.abandon()
    where: dict[str, str] = {}
    for number, writer in enumerate(done, start=1):
        name = f"model-{number:05}-of-{len(done):05}.safetensors"
        writer.path.rename(folder / name)
        where |= dict.fromkeys(writer.names, name)
    index = {"metadata": {"total_size": sum(one.size for one in done)}, "weight_map": where}
    write_atomically(folder / INDEX_FILE, json.dumps(index, indent=2, sort_keys=True) + "\n")


def stored(path: Path) -> dict[str, int]:
    """How many numbers of each dtype a safetensors file holds; reads its header only.

    Raises:
        WeightsError: it is truncated or damaged.
    """
    counts: dict[str, int] = {}
    try:
        with path.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        for name, entry in header.items():
            if name != "__metadata__":
                counts[entry["dtype"]] = counts.get(entry["dtype"], 0) + math.prod(entry["shape"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise WeightsError(f"{path} is truncated or damaged: {error}") from error
    return counts
