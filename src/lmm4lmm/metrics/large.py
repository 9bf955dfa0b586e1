"""What the metrics on a large base share: where they run, what an item costs, and each image looked at once."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmm4lmm.core.errors import MissingExtraError

if TYPE_CHECKING:
    from lmm4lmm.model.bases.base import Picture, Reading
    from lmm4lmm.model.loading import LoadOptions

_TEXT_STEP = 64
"""Texts whose lengths differ by less than this share a batch in the order in which they came."""


@dataclass(frozen=True)
class Place:
    """Where a model runs.

    Attributes:
        options: for loading it.
        dtype: by its short name, as fingerprints have it.
        words: device, dtype and kernel with the reason of each, for people to read.
    """

    options: LoadOptions
    dtype: str
    words: str


def choose_place(
    metric: str,
    device: str,
    dtype: str,
    attention: str,
    *,
    compiled: bool = False,
    merge: bool = False,
    quantize: str | None = None,
) -> Place:
    """The options that every loader of a large model takes, chosen or checked.

    Args:
        metric: who asks, for the message.
        device: one of torch's names, or ``auto``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        attention: ``auto``, ``sdpa``, ``flash_attention_2`` or ``eager``.
        compiled, merge, quantize: see ``LoadOptions``.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: no such device, dtype or kernel.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"the metric '{metric}' (no module '{error.name}')", "lmm") from error
    from lmm4lmm.model import devices
    from lmm4lmm.model.loading import LoadOptions

    where, why = devices.choose_one(device, "model")
    number, why_number = devices.choose_dtype(dtype, where)
    kernel, why_kernel = devices.choose_attention(attention, where, number)
    label = str(number).removeprefix("torch.")
    kernels = f", attention {kernel} ({why_kernel})" if where.startswith("cuda") else ""
    return Place(
        LoadOptions(where, number, kernel, compiled=compiled, merge=merge, quantize=quantize),
        label,
        f"{where} ({why}), {label} ({why_number}){kernels}",
    )


def cost(picture: Picture, text: int) -> int:
    """Tokens of an image and of a text of so many, in steps, so that texts of one image stay together."""
    return len(picture.stem) + -(-text // _TEXT_STEP) * _TEXT_STEP


def shared_pictures(
    asked: Iterable[tuple[Picture, Reading]],
) -> tuple[list[Picture], list[Reading]]:
    """Each picture once, and the readings in order, each with the place of its picture among them."""
    pictures: dict[str, Picture] = {}
    places: dict[str, int] = {}
    readings = []
    for picture, reading in asked:
        pictures.setdefault(picture.key, picture)
        readings.append(replace(reading, picture=places.setdefault(picture.key, len(places))))
    return list(pictures.values()), readings


def say(line: str) -> None:
    """What is going on while weights are fetched, on stderr."""
    print(f"lmm4lmm: {line}", file=sys.stderr)
