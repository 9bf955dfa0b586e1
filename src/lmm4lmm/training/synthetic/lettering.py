"""Written words: Pillow's own font, bright letters with a dark rim or the other way round."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageDraw, ImageFont

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.synthetic.scene import Backdrop, Lettering

_SIZE = 96


@cache
def _font() -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=_SIZE)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise InputError("this build of Pillow has no FreeType, which written words are drawn with")
    return font


def letter(image: Image.Image, lettering: Lettering, backdrop: Backdrop) -> None:
    """Writes on the image; the text is made narrower where it would not fit into nine tenths of the width."""
    font, rim = _font(), 7
    left, top, right, bottom = font.getbbox(lettering.text, stroke_width=rim)
    size = (round(right - left) + 4, round(bottom - top) + 4)
    body, edge = Image.new("L", size), Image.new("L", size)
    at = (2 - left, 2 - top)
    ImageDraw.Draw(body).text(at, lettering.text, fill=255, font=font)
    ImageDraw.Draw(edge).text(at, lettering.text, fill=255, font=font, stroke_width=rim, stroke_fill=255)
    scale = min(lettering.height / size[1], 0.9 * image.width / size[0])
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    body, edge = (layer.resize(small, Image.Resampling.LANCZOS) for layer in (body, edge))
    corner = (round(lettering.x - small[0] / 2), round(lettering.y - small[1] / 2))
    bright = sum(sum(tone) for tone in backdrop.tones) / (3 * len(backdrop.tones)) < 140
    inks = ((250, 250, 246), (16, 16, 22)) if bright else ((24, 24, 32), (250, 250, 246))
    image.paste(inks[1], (*corner, corner[0] + small[0], corner[1] + small[1]), edge)
    image.paste(inks[0], (*corner, corner[0] + small[0], corner[1] + small[1]), body)
