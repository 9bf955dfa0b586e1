"""Image files tell nothing beside their pixels, and their pixels stay."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lmm4lmm.study.web.blinding import without_metadata

SECRET = "stable-diffusion-xl"


def picture() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (24, 40, 3), dtype=np.uint8))


def written(kind: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif[0x0112] = orientation
    out = io.BytesIO()
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("parameters", f"a cat, {SECRET}")
        texts.add_itxt("Software", SECRET, zip=False)
        picture().save(out, kind, pnginfo=texts, exif=exif)
    elif kind == "JPEG":
        picture().save(out, kind, exif=exif, comment=SECRET.encode())
    else:
        picture().save(out, kind, exif=exif, xmp=SECRET.encode(), lossless=True)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_no_name_survives_and_every_pixel_does(kind: str) -> None:
    data = written(kind)
    assert SECRET.encode() in data
    clean = without_metadata(data)
    assert SECRET.encode() not in clean
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(clean))
    assert before.format == after.format
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert not after.info.get("exif")


def test_a_turned_photograph_stays_turned() -> None:
    clean = without_metadata(written("JPEG", orientation=6))
    assert SECRET.encode() not in clean
    assert Image.open(io.BytesIO(clean)).getexif() == {0x0112: 6}


def test_what_hangs_behind_the_picture_is_cut_off() -> None:
    for kind in ("PNG", "JPEG"):
        assert SECRET.encode() not in without_metadata(written(kind) + SECRET.encode())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_broken_file_does_no_harm(kind: str) -> None:
    data = written(kind)
    for length in range(0, len(data), 7):
        without_metadata(data[:length])


def test_other_files_pass() -> None:
    assert without_metadata(b"GIF89a...") == b"GIF89a..."
