"""Image files that are too large, damaged, or no files at all: one clear error each."""

from __future__ import annotations

import os
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_images import chunk, encoded, picture, pixels

from lmm4lmm.core.errors import ImageError
from lmm4lmm.core.images import load_bytes, read_image

RNG = np.random.default_rng(0)


# --- too large ----------------------------------------------------------------------------------------------


def bomb_png() -> bytes:
    """30,000 x 30,000 gray, 900 megapixels in under a megabyte: one compressed block of rows, 300 times."""
    rows, count = bytes(30_001) * 100, 300
    squeeze = zlib.compressobj(9)
    opening = squeeze.compress(rows) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(rows) + squeeze.flush(zlib.Z_FULL_FLUSH)
    adler = (len(rows) * count % 65521) << 16 | 1  # of zeros: RFC 1950
    body = opening + block * (count - 1) + b"\x03\0" + struct.pack(">I", adler)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    data = bomb_png()
    assert len(data) < 1_000_000
    tracemalloc.start()
    with pytest.raises(
        ImageError, match=r"bomb\.png: 30,000 x 30,000 pixels are 900\.0 megapixels; at most 100\.0"
    ):
        read_image(data, name="bomb.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
def test_the_limit_holds_for_every_format(kind: str) -> None:
    data = encoded(picture(64, 64), kind)
    assert pixels(data, max_pixels=64 * 64).shape == (64, 64, 3)
    with pytest.raises(ImageError, match="64 x 64 pixels"):
        pixels(data, max_pixels=64 * 64 - 1)


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}]
)
def test_webp_is_measured_before_its_decoder_is_made(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(picture(70, 50), "WEBP", **options)
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile", None)
    with pytest.raises(ImageError, match="70 x 50 pixels"):
        pixels(data, max_pixels=70 * 50 - 1)


def test_a_baseline_jpeg_above_the_limit_is_decoded_smaller_and_says_so() -> None:
    data = encoded(picture(160, 120), "JPEG", quality=95)
    image = read_image(data, name="it", max_pixels=80 * 60)
    assert image.size == (80, 60)
    assert image.info == {"full_size": (160, 120)}
    expected = np.asarray(picture(160, 120).resize((80, 60), Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(image) - expected).mean() < 4
    assert read_image(data, name="it", max_pixels=80 * 60 - 1).size == (40, 30)
    with pytest.raises(ImageError, match="160 x 120"):
        read_image(data, name="it", max_pixels=20 * 15 - 1)


def test_a_progressive_jpeg_above_the_limit_is_refused() -> None:
    data = encoded(picture(160, 120), "JPEG", progressive=True)
    with pytest.raises(ImageError, match="160 x 120"):
        read_image(data, name="it", max_pixels=80 * 60)


def test_pillows_own_limit_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("PNG", "JPEG", "GIF", "BMP"):
            assert pixels(encoded(picture(), kind)).shape == (16, 24, 3)


# --- bad files ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "empty"),
        (b"this is text, not an image\n", "not an image in a format that is read .*b'this is text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "truncated or damaged PNG"),
        (b"\xff\xd8\xff", "truncated or damaged JPEG"),
        (b"GIF89a", "truncated or damaged GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "truncated or damaged WebP"),
        (b"II*\0\x08\0\0\0\0\0", "truncated or damaged TIFF"),
        (b"BM", "truncated or damaged BMP"),
        (b"P6 10 10 255\n12", "truncated or damaged PPM"),
    ],
)
def test_bad_files_say_what_is_wrong(data: bytes, cause: str) -> None:
    with pytest.raises(ImageError, match=f"^a.png: .*{cause}"):
        read_image(data, name="a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
def test_a_truncated_file_is_an_error_never_half_a_picture(kind: str) -> None:
    noise = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, kind)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(ImageError, match="truncated or damaged"):
            read_image(data[: int(len(data) * share)], name="it")


GOOD = [
    encoded(picture().convert(mode), kind)
    for kind, mode in (
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGB"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
        ("PPM", "RGB"),
        ("AVIF", "RGB"),
    )
]


@settings(max_examples=200)
@given(st.sampled_from(GOOD), st.data())
def test_damaged_bytes_give_a_picture_or_an_image_error_and_nothing_else(
    good: bytes, draw: st.DataObject
) -> None:
    data = bytearray(good)
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(1, len(data)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = read_image(bytes(data[:cut]), name="it", max_pixels=1_000_000)
        except ImageError:
            return
    assert image.mode == "RGB"
    assert image.width * image.height <= 1_000_000


# --- files --------------------------------------------------------------------------------------------------


def test_load_bytes_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "狗 🐕.png").write_bytes(b"abc")
    assert load_bytes(tmp_path / "狗 🐕.png") == b"abc"


def _no_file(folder: Path) -> Path:
    return folder / "none.png"


def _folder(folder: Path) -> Path:
    return folder


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def _device(folder: Path) -> Path:
    return Path("/dev/zero")


def _null(folder: Path) -> Path:
    return folder / "a\0b.png"


def _long(folder: Path) -> Path:
    return folder / ("x" * 300)


def _large(folder: Path) -> Path:
    (folder / "large.png").write_bytes(bytes(1001))
    return folder / "large.png"


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")
@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (_no_file, "no such file"),
        (_folder, "a directory"),
        (_pipe, "not an ordinary file"),
        (_device, "not an ordinary file"),
        (_null, "null"),
        (_long, "name too long"),
        (_large, "1,001 bytes; at most 1,000 are read"),
    ],
)
def test_load_bytes_says_why_not(make: Callable[[Path], Path], cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"(?i){cause}"):
        load_bytes(make(tmp_path), max_bytes=1000)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_load_bytes_without_permission(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"abc")
    (tmp_path / "secret.png").chmod(0)
    with pytest.raises(ImageError, match="no permission"):
        load_bytes(tmp_path / "secret.png")


def test_real_files_are_read(shared_data: Path) -> None:
    for folder in ("drawbench_sd", "early_generators", "coco_mini", "nlvr"):
        files = sorted(
            path for path in (shared_data / folder).rglob("*.*") if path.suffix in (".png", ".jpg")
        )
        assert files
        for path in files[:: max(1, len(files) // 5)]:
            expected = np.asarray(Image.open(path).convert("RGB"))
            assert pixels(load_bytes(path)).shape == expected.shape
