from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("peft", reason="the [lmm] extra is not installed")
sys.path.append(str(Path(__file__).parents[2] / "model" / "bases"))
sys.path.append(str(Path(__file__).parents[2] / "model" / "official"))

from large_rows import examples
from random_checkpoint import Shape, write
from tiny_bases import write_folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of random bases, by family; ``released`` is a checkpoint of the released layout."""

    @cache
    def found(family: str) -> Path:
        folder = tmp_path_factory.mktemp(family)
        if family == "released":
            return write(folder / "LMM4LMM-Perception", Shape(), kind="score", seed=1, base_seed=0)
        write_folder(family, folder)
        return folder

    return found


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    """Eight rows with targets."""
    return examples(tmp_path_factory.mktemp("pictures"))
