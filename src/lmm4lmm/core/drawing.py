"""What a generator is asked for and what it gives: the records of making images.

Importing this module loads no pillow and no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lmm4lmm.core.records import Prompt

if TYPE_CHECKING:
    from PIL.Image import Image


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """One image that is wanted.

    Attributes:
        id: unique in its run, ``GENERATOR/NNN``; a made image lies at ``ID.png``.
        prompt: what it shall show.
        generator: what the generator is called in rows.
        sample: which of the images of this prompt, from 0.
        seed: 0 to 2^32 - 1; decides the image together with the prompt, as far as the source allows.
    """

    id: str
    prompt: Prompt
    generator: str
    sample: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """One image that was made.

    Attributes:
        image: its pixels, any mode that Pillow turns into RGB; or the file where it lies already.
        facts: what else is worth keeping in its metadata, such as the prompt as a service rewrote it.
        cost: what it cost, in the currency that the price was given in.
        remark: what a reader of the row should know, such as a prompt that was not read to its end.
    """

    image: Image | Path
    facts: Mapping[str, str] = field(default_factory=dict)
    cost: float = 0.0
    remark: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A source's decision not to draw a prompt (moderation): a result, not a failure, and not asked again."""

    reason: str
    cost: float = 0.0


def seed_of(seed: int, prompt: str, sample: int) -> int:
    """The seed of one draw: the same in any order, with any other prompts beside it.

    Args:
        seed: of the run.
        prompt: the prompt's id.
        sample: which of its images, from 0.

    Returns:
        0 to 2^32 - 1, what every source takes.
    """
    digest = hashlib.sha256(f"{seed}\0{prompt}\0{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
