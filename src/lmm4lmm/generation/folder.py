"""Images that are there already: trees of EvalMi-50K, GenEval and T2I-CompBench, told apart by their look.

Nothing is copied: the manifest points to where the images lie. Each is opened once, to know a damaged one now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.folders import read_folder
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.records import Prompt

_THREADS = 4


class FolderImages:
    """The images of a tree as a generator that only looks them up.

    Args:
        folder: see ``core.folders.read_folder`` for what it may look like.
    """

    fingerprint = "folder"
    at_once = _THREADS

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self.settings: Mapping[str, Any] = {}
        self._folder, self._paths = folder, dict[str, Path]()

    def existing(self, prompts: Sequence[Prompt] | None) -> tuple[list[Draw], tuple[str, ...]]:
        """Every image of the tree as a draw, and remarks on what is odd in it.

        Args:
            prompts: for a tree without prompts of its own; its images are called by their numbers or ids.

        Raises:
            InputError: no image; or prompts are needed, or not wanted.
            ManifestError: an image that no prompt belongs to; damaged metadata.
        """
        listing = read_folder(self._folder, prompts)
        draws, seen = [], dict[tuple[str, str], int]()
        for row in listing.frame.iter_rows(named=True):
            self._paths[row["id"]] = self._folder / row["image"]
            prompt = Prompt(id=row["id"], text=row["prompt"], task=row["task"], question=row["question"])
            sample = seen[row["generator"], row["prompt"]] = (
                seen.get((row["generator"], row["prompt"]), -1) + 1
            )
            draws.append(Draw(id=row["id"], prompt=prompt, generator=row["generator"], sample=sample))
        return draws, listing.notes

    def generate(self, draws: Sequence[Draw]) -> list[Drawn | Refusal | ItemError]:
        """The files, each opened to see that it is an image."""
        return [self._one(draw) for draw in draws]

    def _one(self, draw: Draw) -> Drawn | ItemError:
        path = self._paths[draw.id]
        try:
            read_image(load_bytes(path), name=str(path))
        except ItemError as error:
            return error
        return Drawn(path)


def load(target: str) -> FolderImages:
    """What the catalogue calls.

    Args:
        target: the folder.

    Raises:
        InputError: no such folder.
    """
    folder = Path(target).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"{target}: {'a file, not a folder of images' if folder.exists() else 'no such folder'}"
        )
    return FolderImages(folder)
