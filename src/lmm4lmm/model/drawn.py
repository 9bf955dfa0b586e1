"""A fixed set of pictures that the code draws itself, and what a large model says of them.

Drawn with NumPy alone: the same pixels on every machine and with every version of Pillow.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from lmm4lmm.core.records import Dimension
from lmm4lmm.model.asking import Asked, Texts, ask
from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.checkpoint import Readout
from lmm4lmm.model.official.asking import asked
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.model.saved_manifest import Drawn

VERSION = 1
"""Raise it whenever a pixel or a word would differ: recorded scores then no longer count."""

Canvas = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sketch:
    """One picture and what is asked about it."""

    image: Image.Image
    prompt: str
    question: str


def sketches() -> list[Sketch]:
    """Three pictures of different shapes and content, with right and wrong prompts."""
    return [
        Sketch(
            _picture(_disc(_slope(240, 320), (220, 30, 30))),
            "a red circle on a blue background",
            "Does the image contain a circle? Answer yes or no.",
        ),
        Sketch(_picture(_board(384, 256)), "a photo of two dogs", "Are there two dogs? Answer yes or no."),
        Sketch(
            _picture(_stripes(180, 480)),
            "three horizontal stripes, yellow, white and green",
            "Are there three stripes? Answer yes or no.",
        ),
    ]


def run(model: QualityModel, *, pictures: int = 3) -> Drawn:
    """What a model says of each picture, or of the first few: scores on the MOS scale, and probabilities of yes."""
    drawn = sketches()[:pictures]
    base = model.base
    with torch.inference_mode():
        prepared = [base.prepare(sketch.image) for sketch in drawn]
        found: dict[str, list[float]] = {}
        for name in model.adapters:
            adapter = model.adapter(name)
            plans = [plan(base, adapter.readout, sketch, adapter.gives) for sketch in drawn]
            asked = [
                (row, one.dimensions, replace(one.reading, picture=row))
                for row, parts in enumerate(plans)
                for one in parts
            ]
            states = model.states(name, prepared, [reading for _, _, reading in asked])
            for dimension in adapter.gives:
                read = [
                    one[places.index(dimension)]
                    for one, (_, places, _) in zip(states, asked, strict=True)
                    if dimension in places
                ]
                found[label(name, dimension)] = _said(model, name, dimension, torch.stack(read))
    return Drawn(VERSION, found)


def apart(few: Drawn, many: Drawn) -> dict[str, float]:
    """The largest difference of any picture of ``few``, by adapter and dimension.

    NaN where there is nothing to compare with, or where one is not a number.
    """
    found = {}
    for name, values in few.scores.items():
        others = many.scores.get(name, [])[: len(values)]
        same = len(others) == len(values)
        found[name] = float(np.max(np.abs(np.subtract(values, others)))) if same else float("nan")
    return found


def label(adapter: str, dimension: str) -> str:
    """What the values of a dimension are called."""
    return adapter if adapter == dimension else f"{adapter}.{dimension}"


def _said(model: QualityModel, name: str, dimension: Dimension, states: Tensor) -> list[float]:
    values = model.p_yes(name, states) if dimension == "answer" else model.score(name, dimension, states)
    return values.double().tolist()


def plan(base: Base, readout: Readout, sketch: Sketch, wanted: Collection[Dimension]) -> list[Asked]:
    """What an adapter is asked about a picture; the question brings its own "Answer yes or no"."""
    if readout == "answer":
        return [Asked(asked(base, "qa", sketch.question), ("answer",))]
    return ask(base, readout, Texts(sketch.prompt, sketch.question), wanted)


def _picture(canvas: Canvas) -> Image.Image:
    return Image.fromarray(canvas)


def _slope(height: int, width: int) -> Canvas:
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[..., 1] = 40
    canvas[..., 2] = (np.arange(height) * 255 // (height - 1))[:, None]
    return canvas


def _disc(canvas: Canvas, colour: tuple[int, int, int]) -> Canvas:
    height, width, _ = canvas.shape
    y, x = np.ogrid[:height, :width]
    canvas[(y - height // 2) ** 2 + (x - width // 2) ** 2 < (height // 4) ** 2] = colour
    return canvas


def _board(height: int, width: int) -> Canvas:
    y, x = np.ogrid[:height, :width]
    odd = (y // 32 + x // 32) % 2 == 1
    return np.where(odd[..., None], np.uint8(235), np.uint8(25)).repeat(3, axis=2)


def _stripes(height: int, width: int) -> Canvas:
    canvas = np.zeros((height, width, 3), np.uint8)
    for index, colour in enumerate(((240, 220, 40), (250, 250, 250), (30, 160, 60))):
        canvas[index * height // 3 : (index + 1) * height // 3] = colour
    return canvas
