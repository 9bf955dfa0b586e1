"""A fixed set of pictures that the code draws itself, and what a large model says of them.

Drawn with NumPy alone: the same pixels on every machine and with every version of Pillow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from lmm4lmm.core.records import Dimension
from lmm4lmm.model.bases.base import Reading
from lmm4lmm.model.official.asking import asked
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.model.saved_manifest import Drawn
from lmm4lmm.model.unified import asked_at_once

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
            plans = [_plan(model, name, sketch, index) for index, sketch in enumerate(drawn)]
            states = model.states(name, prepared, [reading for reading, _ in plans])
            for place, dimension in enumerate(plans[0][1]):
                read = torch.stack([one[place] for one in states])
                values = (
                    model.p_yes(name, read) if dimension == "answer" else model.score(name, dimension, read)
                )
                found[name if name == dimension else f"{name}.{dimension}"] = values.double().tolist()
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


def _plan(
    model: QualityModel, name: str, sketch: Sketch, picture: int
) -> tuple[Reading, Sequence[Dimension]]:
    readout = model.adapter(name).readout
    if readout == "unified":
        return asked_at_once(model.base, sketch.prompt, sketch.question, picture=picture)
    if readout == "answer":
        return asked(model.base, "qa", sketch.question, picture=picture), ("answer",)
    text = sketch.prompt if readout == "correspondence" else None
    return asked(model.base, readout, text, picture=picture), (readout,)


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
