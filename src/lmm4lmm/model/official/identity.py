"""A short name for exactly these weights, without reading 16 GB each time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.files import content_key

_SAMPLES, _SAMPLE_BYTES = 64, 4096
_WEIGHTS = ("*.safetensors", "lora_weights.pth")
_SETTINGS = (
    "config.json",
    "tokenizer.model",
    "added_tokens.json",
    "tokenizer.json",
    "preprocessor_config.json",
)


def identity_of(folders: Sequence[Path]) -> str:
    """A hash over all files that decide the scores: names, sizes, headers, and samples spread over the content.

    Small files are hashed whole. In a large one 64 blocks of 4 kB are read, so the name is there at once; whoever
    retrains even one layer moves nearly every number of it. ``models check`` compares full hashes.

    Raises:
        WeightsError: a file can't be read.
    """
    facts: list[list[object]] = []
    for folder in folders:
        for path in sorted({path for pattern in (*_WEIGHTS, *_SETTINGS) for path in folder.glob(pattern)}):
            try:
                facts.append([path.name, path.stat().st_size, _sampled(path)])
            except OSError as error:
                raise WeightsError(f"{path} can't be read: {error.strerror}") from error
    return content_key(json.dumps(facts))[:16]


def _sampled(path: Path) -> str:
    size, digest = path.stat().st_size, hashlib.sha256()
    with path.open("rb") as stream:
        if size <= _SAMPLES * _SAMPLE_BYTES * 4:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        for index in range(_SAMPLES):
            stream.seek(index * (size - _SAMPLE_BYTES) // (_SAMPLES - 1))
            digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()
