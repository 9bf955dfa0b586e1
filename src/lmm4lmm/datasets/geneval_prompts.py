"""What GenEval's prompts ask for, and whether an annotator saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.json_rows import Shape
from lmm4lmm.core.jsonl import read_jsonl

_SIDES = {"left of": "left", "right of": "right", "above": "above", "below": "below"}
"""Place in the metadata -> what an annotator marks; both say where the second object is, seen from the first."""


@dataclass(frozen=True)
class Seen:
    """What an annotator saw: per object (first, second) how many and in what colours, and the second's side."""

    counts: tuple[int, ...]
    colours: tuple[frozenset[str], ...]
    sides: frozenset[str]


@dataclass(frozen=True)
class Asked:
    """What a prompt asks for.

    Attributes:
        prompt: its text.
        task: GenEval's tag: single_object, two_object, counting, colors, position, color_attr.
        counts: per object, at least how many; exactly, for counting.
        colours: per object, or None.
        side: of the second object, or None.
    """

    prompt: str
    task: str
    counts: tuple[int, ...]
    colours: tuple[str | None, ...]
    side: str | None

    def seen(self, seen: Seen) -> bool:
        """Whether an annotator saw all of it (our reading of the metadata)."""
        exact = self.task == "counting"
        return all(
            (has == wants if exact else has >= wants)
            for wants, has in zip(self.counts, seen.counts, strict=False)
        ) and (
            all(
                colour is None or colour in marked
                for colour, marked in zip(self.colours, seen.colours, strict=False)
            )
            and (self.side is None or self.side in seen.sides)
        )


def read_asked(path: Path) -> list[Asked]:
    """The prompts in the order of their numbers, from 0.

    Raises:
        InputError: the file can't be opened.
        ManifestError: damaged content; names the line.
    """
    advice = "every line of GenEval's evaluation_metadata.jsonl has tag, include and prompt"
    keys = ("tag", "include", "prompt")
    frame = read_jsonl(path, Shape(text=("tag", "prompt"), required=dict.fromkeys(keys, advice)))
    if frame.is_empty():
        raise ManifestError(path, f"the file is empty; {advice}")
    return [_asked(path, line, *row) for line, row in enumerate(frame.select(keys).iter_rows(), start=1)]


def _asked(path: Path, line: int, tag: str, include: str, prompt: str) -> Asked:
    try:
        objects: list[Mapping[str, Any]] = msgspec.json.decode(include)
        sides = [_SIDES[each["position"][0]] for each in objects if "position" in each]
        return Asked(
            prompt=prompt,
            task=tag,
            counts=tuple(int(each["count"]) for each in objects),
            colours=tuple(each.get("color") for each in objects),
            side=next(iter(sides), None),
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, IndexError, AttributeError):
        problem = "a list of objects with class and count, and a position such as ['left of', 0], is expected"
        raise ManifestError(path, problem, row=line, column="include", value=include) from None
