"""The released checkpoints where they were published: names, sizes, and whether they are on this machine.

Needs neither torch nor the hub's library: ``models list`` asks here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from lmm4lmm.core.records import Dimension

REPOS: Mapping[Dimension, str] = {
    "perception": "IntMeGroup/LMM4LMM-Perception",
    "correspondence": "IntMeGroup/LMM4LMM-Correspondence",
    "answer": "IntMeGroup/LMM4LMM-QA",
}

BASE_PARAMETERS = 8_075_365_376
"""Of InternVL2.5-8B, the base of all three; a test counts them on a model of that shape."""
ADAPTER_PARAMETERS = 63_000_000
"""Rounded up: LoRA of rank 8, projector and head of one dimension; a test counts them."""
_STORED = 2
"""Bytes of a number as released (bfloat16)."""


def download_bytes(dimensions: Collection[Dimension]) -> int:
    """About what has to be fetched: each released checkpoint holds the whole base again."""
    return len(dimensions) * (BASE_PARAMETERS + ADAPTER_PARAMETERS) * _STORED


def parameters(dimensions: Collection[Dimension]) -> int:
    """How many numbers a model for these dimensions has in memory: the base once, an adapter each."""
    return BASE_PARAMETERS + len(dimensions) * ADAPTER_PARAMETERS


def cached(repo: str) -> Path | None:
    """The snapshot of a repository's main branch in the hub's cache, if its configuration and tensors are there."""
    below = hub_cache() / f"models--{repo.replace('/', '--')}"
    try:
        commit = (below / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = below / "snapshots" / commit
    whole = (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
    return folder if whole else None


def hub_cache() -> Path:
    """Where the hub's library keeps what it fetched (its documented variables, in its order)."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(os.path.expandvars(chosen)).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(os.path.expandvars(home)).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "huggingface" / "hub"
