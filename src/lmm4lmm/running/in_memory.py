"""Images that the caller holds, and lists of images, prompts and questions, as items for the engine.

What an array may be, so that nobody's pixels are guessed at: H x W (gray), H x W x 1, H x W x 3 (RGB) or H x W x 4
(RGBA, shown on white); whole numbers are uint8, 0 to 255; any float type is 0 to 1. Everything else is refused.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.images import upright_rgb
from lmm4lmm.core.records import Item

Picture: TypeAlias = Path | str | Image.Image | NDArray[Any]
"""One image: a file's path, an image of Pillow, or an array."""

Texts: TypeAlias = Sequence[str | None] | str | None
"""One text an image, one for all of them, or none at all."""

_PROMPT_FILES = (".txt", ".jsonl", ".ndjson", ".json", ".csv")


class Held:
    """An image that lives in the caller's memory; never written to disk.

    Args:
        given: checked by ``items_of``.
        name: what messages and rows call it.
    """

    def __init__(self, given: Image.Image | NDArray[Any], name: str) -> None:
        self.name = name
        self._given = given
        self._one_at_a_time = threading.Lock()  # Pillow decodes a file on first use, into the image itself

    def read(self) -> Image.Image:
        """A new image by the rules of ``core.images``: RGB, 8 bits, upright, on white. Thread-safe.

        Raises:
            ImageError: the caller's image is closed, truncated, damaged or too large.
        """
        with self._one_at_a_time:
            given = self._given
            return upright_rgb(given if isinstance(given, Image.Image) else _drawn(given), name=self.name)


class HeldItem(Item, frozen=True, kw_only=True):
    """An item whose image is in memory; ``path`` is only its name and leads nowhere."""

    held: Held


def items_of(
    images: Picture | Iterable[Picture],
    prompts: Texts | Path = None,
    questions: Texts = None,
    generators: Texts = None,
) -> list[Item]:
    """Items from parallel lists; what is given once goes with everything.

    Args:
        images: one image or several; an array N x H x W x C is N images.
        prompts, questions, generators: as many as images, or one for all; several with one image are as many
            rows of that image.

    Returns:
        Items with ids "0", "1", ...; an image in memory is called "image 3" by its position in ``images``.

    Raises:
        InputError: the lengths don't fit, an array is none of the kinds above, or a text is not a text.
    """
    columns: dict[str, list[Any]] = {"images": _pictures(images)}
    for name, texts in (("prompts", prompts), ("questions", questions), ("generators", generators)):
        columns[name] = _texts(name, texts, optional=name != "prompts")
    count = _rows(columns)
    columns = {name: column * count if len(column) == 1 else column for name, column in columns.items()}
    return [_item(str(row), *values) for row, values in enumerate(zip(*columns.values(), strict=True))]


def _item(identity: str, picture: Path | Held, prompt: str, question: str | None, by: str | None) -> Item:
    if isinstance(picture, Held):
        return HeldItem(
            id=identity,
            path=Path(picture.name),
            image=picture.name,
            prompt=prompt,
            question=question,
            generator=by,
            held=picture,
        )
    return Item(id=identity, path=picture, image=str(picture), prompt=prompt, question=question, generator=by)


def _rows(columns: Mapping[str, Sequence[object]]) -> int:
    """How many rows lists of these lengths make: all the same, but for those of length 1."""
    several = [(len(column), name) for name, column in columns.items() if len(column) != 1]
    for length, name in several:
        if length != several[0][0]:
            raise InputError(
                f"{several[0][0]} {several[0][1]} but {length} {name}: give as many of each, or one for all"
            )
    return several[0][0] if several else 1


def _texts(name: str, given: Texts | Path, *, optional: bool) -> list[str | None]:
    if given is None:
        return [None if optional else ""]
    if isinstance(given, str):
        if name == "prompts" and given.lower().endswith(_PROMPT_FILES) and len(given.split()) == 1:
            raise InputError(f"'{given}' looks like a file; with images=..., prompts is a list of texts")
        given = [given]
    elif isinstance(given, os.PathLike):
        raise InputError(f"{given}: with images=..., {name} is a list of texts and not a file")
    texts = list(given)
    if not texts:
        raise InputError(
            f"{name} is an empty list: give one for each image, one for all, or leave {name} out"
        )
    for position, text in enumerate(texts):
        if not isinstance(text, str) and not (optional and text is None):
            raise InputError(f"{name}[{position}] is not a text (found {type(text).__name__})")
    return texts


def _pictures(given: Picture | Iterable[Picture]) -> list[Path | Held]:
    listed = _listed(given)
    if not listed:
        raise InputError("there are no images to score")
    found: list[Path | Held] = []
    same: dict[int, Held] = {}  # an image given twice is one image: threads must not decode it at once
    for position, picture in enumerate(listed):
        if isinstance(picture, str | os.PathLike):
            found.append(Path(picture))
        elif isinstance(picture, Image.Image | np.ndarray):
            if isinstance(picture, np.ndarray):
                _check(picture, position)
            found.append(same.setdefault(id(picture), Held(picture, f"image {position}")))
        else:
            raise _refused(position, picture)
    return found


def _listed(given: Any) -> list[Any]:
    """One image or several, as a list."""
    if isinstance(given, str | os.PathLike | Image.Image):
        return [given]
    if isinstance(given, np.ndarray):
        return list(given) if given.ndim == 4 or given.dtype.kind in "OU" else [given]
    if not isinstance(given, Iterable) or isinstance(given, bytes) or len(getattr(given, "shape", ())) > 1:
        raise _refused(0, given)
    return list(given)


def _refused(position: int, picture: object) -> InputError:
    kind = f"{type(picture).__module__}.{type(picture).__qualname__}".removeprefix("builtins.")
    facts = [f"{name} {getattr(picture, name)}" for name in ("shape", "dtype") if hasattr(picture, name)]
    return InputError(
        f"images[{position}] is {', '.join([kind, *facts])}; an image is a path, an image of Pillow or a numpy array"
    )


def _check(array: NDArray[Any], position: int) -> None:
    """Refuses arrays whose pixels would have to be guessed at."""
    what = f"images[{position}] is an array of shape {array.shape} and dtype {array.dtype}"
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        hint = "; its channels come first: transpose(1, 2, 0)" if _channels_first(array) else ""
        raise InputError(f"{what}; an image is H x W, or H x W x 1, 3 or 4 (gray, RGB, RGBA){hint}")
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # also where one is not a number
            raise InputError(
                f"{what}, with values from {low:g} to {high:g}; floats are 0 to 1: scale them, or give uint8"
            )
    elif array.dtype != np.uint8:
        raise InputError(f"{what}; whole numbers are uint8 (0 to 255), or give floats from 0 to 1")


def _channels_first(array: NDArray[Any]) -> bool:
    return array.ndim == 3 and array.shape[0] in (1, 3, 4)


def _drawn(array: NDArray[Any]) -> Image.Image:
    """A checked array as an image: floats to the nearest of 256 levels."""
    if array.dtype != np.uint8:
        array = np.rint(array.astype(np.float32) * 255).astype(np.uint8)
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)
