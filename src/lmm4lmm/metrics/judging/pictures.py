"""An image as a chat endpoint takes it: a ``data:`` URL."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Literal

from PIL import Image

VERSION = 1
"""Part of the fingerprint: raise it whenever a byte of a URL would differ."""

Form = Literal["jpeg", "png"]


def data_url(image: Image.Image, *, side: int, form: Form) -> str:
    """An RGB image, shrunk where its longer side exceeds ``side`` pixels (0: never).

    JPEG is written at quality 95 without colour subsampling: a tenth of PNG's bytes, and no fault that one sees.
    """
    factor = side / max(image.size) if side else 1.0
    if factor < 1:
        width, height = (max(1, round(length * factor)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    stream = BytesIO()
    if form == "png":
        image.save(stream, "PNG", compress_level=1)
    else:
        image.save(stream, "JPEG", quality=95, subsampling=0)
    return f"data:image/{form};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def tokens(image: Image.Image, side: int) -> int:
    """About how many tokens an endpoint makes of an image: one for 28 x 28 pixels, as Qwen-VL does."""
    factor = min(1.0, side / max(image.size)) if side else 1.0
    return max(1, round(image.width * image.height * factor * factor / 784))
