"""``manifest.json`` of a saved checkpoint: what is in its folder, and the hash of every file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core import files
from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.checkpoint import Readout
from lmm4lmm.model.findings import BAD, MIND, OK, Finding, size
from lmm4lmm.model.official.tiles import TileSettings

FORMAT = 1
MANIFEST_FILE, BASE, TOKENIZER, ADAPTER_FILE = "manifest.json", "base", "tokenizer", "adapter.safetensors"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What a file or an adapter may be called."""


class FileFacts(msgspec.Struct, frozen=True):
    """Of one file; ``size`` in bytes."""

    sha256: str
    size: int


class AdapterFacts(msgspec.Struct, frozen=True):
    """What an adapter's tensors don't say.

    Attributes:
        lora_scale: of every low-rank update; by layer where they differ; None where there is none.
        merged: whether updates are folded into ``replaced`` tensors, in float32.
    """

    readout: Readout
    lora_scale: float | dict[str, float] | None
    merged: bool


class Drawn(msgspec.Struct, frozen=True):
    """What the weights said of the self-test's pictures, in float32: a value a picture, by adapter and dimension."""

    version: int
    scores: dict[str, list[float]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json``.

    Attributes:
        format: of this layout.
        made_by: version of lmm4lmm.
        source, source_identity: of the checkpoint that it was made from.
        tiling: how images are cut.
        adapters: by name.
        files: every other file of the folder, by its path in it.
        self_test: None where it was too large to be run when it was made.
    """

    format: int
    made_by: str
    source: str
    source_identity: str
    tiling: TileSettings
    adapters: dict[str, AdapterFacts]
    files: dict[str, FileFacts]
    self_test: Drawn | None = None

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(facts.size for facts in self.files.values())


def is_saved(folder: Path) -> bool:
    """Whether a folder says that it is of this form."""
    return (folder / MANIFEST_FILE).is_file() and (folder / BASE).is_dir()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a saved checkpoint.

    Raises:
        WeightsError: it is missing, damaged, or of a later form.
    """
    path = folder / MANIFEST_FILE
    try:
        content = path.read_bytes()
        found = msgspec.json.decode(content, type=dict[str, Any]).get("format")
        if found != FORMAT:
            raise WeightsError(f"{path} is of format {found!r}; this version of lmm4lmm reads {FORMAT}")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error
    for name in (*manifest.adapters, *(part for file in manifest.files for part in file.split("/"))):
        if not NAME.fullmatch(name):
            raise WeightsError(f"{path} holds {name!r}, which is no name of a file of ours")
    return manifest


def verify(folder: Path) -> list[Finding]:
    """Reads every file of a saved checkpoint and compares its hash with the manifest's.

    Raises:
        WeightsError: the manifest can't be read.
    """
    manifest = read_manifest(folder)
    found = []
    for name, facts in manifest.files.items():
        path = folder / name
        if not path.is_file():
            found.append(Finding(name, BAD, f"{path} is missing"))
        elif files.sha256(path) != facts.sha256:
            found.append(
                Finding(name, BAD, f"{path} is altered: its SHA-256 is not the one in {MANIFEST_FILE}")
            )
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    found += [
        Finding(name, MIND, f"{folder / name} is not in {MANIFEST_FILE}; it is not used")
        for name in sorted(here - manifest.files.keys() - {MANIFEST_FILE})
    ]
    if not any(one.state == BAD for one in found):
        count, total = len(manifest.files), size(manifest.bytes)
        found.insert(0, Finding("hashes", OK, f"{count} files, {total}: each has the SHA-256 it must have"))
    return found


def used_files(manifest: Manifest, adapters: Collection[str]) -> dict[str, FileFacts]:
    return {
        name: facts
        for name, facts in manifest.files.items()
        if name.partition("/")[0] in (BASE, TOKENIZER, *adapters)
    }


def identity_of_saved(
    manifest: Manifest, adapters: Mapping[str, AdapterFacts], used: Mapping[str, FileFacts]
) -> str:
    """Of what decides the scores: the hashes of the files that are read, scales and tiling."""
    facts = (adapters, {name: one.sha256 for name, one in used.items()}, manifest.tiling)
    return files.content_key(msgspec.json.encode(facts, order="sorted"))[:16]
