"""Every kind of image file, good and bad, through the one door."""

from __future__ import annotations

import os
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lmm4lmm.core.errors import ImageError
from lmm4lmm.core.images import load_bytes, read_image

RNG = np.random.default_rng(0)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def pixels(data: bytes, **options: int) -> np.ndarray:
    image = read_image(data, name="it", **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def picture(width: int = 24, height: int = 16) -> Image.Image:
    """Smooth, asymmetric colour: survives lossy coding, shows every turn and flip."""
    y, x = np.mgrid[0:height, 0:width]
    stack = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 3], axis=-1)
    return Image.fromarray(stack.astype(np.uint8))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, bits: int, colour: int, raw: bytes, extra: bytes = b"", *, level: int = 9
) -> bytes:
    """A PNG by hand (PNG specification, W3C 2003, section 11), for what Pillow does not write."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(raw, level))
    return b"\x89PNG\r\n\x1a\n" + head + extra + data + chunk(b"IEND", b"")


# --- right pixels -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_the_pixels_back(kind: str) -> None:
    np.testing.assert_array_equal(pixels(encoded(picture(), kind)), np.asarray(picture()))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "MPO"])
def test_lossy_formats_give_nearly_the_pixels_back(kind: str) -> None:
    found = pixels(encoded(picture(), kind, quality=95)).astype(int)
    assert np.abs(found - np.asarray(picture())).mean() < 4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_mean_what_they_show(mode: str) -> None:
    image = picture().convert(mode)
    np.testing.assert_array_equal(pixels(encoded(image, "PNG")), np.asarray(image.convert("RGB")))


def test_alpha_is_laid_on_white_whatever_colour_hides_below() -> None:
    hidden = np.zeros((2, 3, 4), np.uint8)
    hidden[0, :, :3], hidden[0, :, 3] = (10, 20, 30), (0, 255, 128)
    row = pixels(encoded(Image.fromarray(hidden), "PNG"))[0]
    assert row[0].tolist() == [255, 255, 255]
    assert row[1].tolist() == [10, 20, 30]
    assert np.abs(row[2].astype(int) - [132, 137, 142]).max() <= 1


def test_a_transparent_palette_entry_and_a_transparent_colour_become_white() -> None:
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([9, 9, 9, 50, 60, 70])
    palette.putpixel((1, 0), 1)
    assert pixels(encoded(palette, "PNG", transparency=0))[0].tolist() == [[255] * 3, [50, 60, 70]]
    assert pixels(encoded(palette, "PNG", transparency=b"\xff\x00"))[0].tolist() == [[9] * 3, [255] * 3]
    keyed = Image.fromarray(np.uint8([[[1, 2, 3], [4, 5, 6]]]))
    assert pixels(encoded(keyed, "PNG", transparency=(1, 2, 3)))[0].tolist() == [[255] * 3, [4, 5, 6]]


def test_sixteen_bit_gray_is_scaled_not_clipped() -> None:
    deep = np.array([[0, 256, 32896, 65535]], dtype=np.uint16)
    assert pixels(encoded(Image.fromarray(deep), "PNG"))[0, :, 0].tolist() == [0, 1, 128, 255]
    assert pixels(encoded(Image.fromarray(deep), "TIFF"))[0, :, 0].tolist() == [0, 1, 128, 255]
    plain = b"P5 4 1 65535\n" + deep.astype(">u2").tobytes()
    assert pixels(plain)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_a_channel_equal_their_eight_bit_twin(colour: int, channels: int) -> None:
    small = RNG.integers(0, 256, (5, 7, channels), dtype=np.uint8)
    if channels in (2, 4):
        small[..., -1] = 255
    wide = small.astype(">u2") * 257
    deep = png(7, 5, 16, colour, b"".join(b"\0" + row.tobytes() for row in wide))
    flat = png(7, 5, 8, colour, b"".join(b"\0" + row.tobytes() for row in small))
    np.testing.assert_array_equal(pixels(deep), pixels(flat))


def test_sixteen_bit_transparent_samples_become_white() -> None:
    gray = png(
        2, 1, 16, 0, b"\0" + struct.pack(">2H", 513, 65535 // 2), chunk(b"tRNS", struct.pack(">H", 513))
    )
    assert pixels(gray)[0, :, 0].tolist() == [255, 127]
    samples = (0, 0, 200, 60000, 0, 0)
    colour = png(
        2, 1, 16, 2, b"\0" + struct.pack(">6H", *samples), chunk(b"tRNS", struct.pack(">3H", 60000, 0, 0))
    )
    assert pixels(colour)[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_white_is_zero_tiff_of_sixteen_bits() -> None:
    deep = Image.fromarray(np.array([[0, 65535]], dtype=np.uint16))
    raw = bytearray(encoded(deep, "TIFF"))
    at = raw.index(struct.pack("<HHI", 262, 3, 1))
    raw[at + 8] = 0  # PhotometricInterpretation: white is zero (TIFF 6.0, page 37)
    assert pixels(bytes(raw))[0, :, 0].tolist() == [255, 0]


def test_float_samples_of_a_known_range_are_read_and_others_refused() -> None:
    unit = Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert pixels(encoded(unit, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    wide = Image.fromarray(np.array([[0.0, 127.6, 255.0]], np.float32))
    assert pixels(encoded(wide, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    for odd in ([[0.0, 1000.0]], [[-1.0, 1.0]], [[np.nan, 1.0]]):
        with pytest.raises(ImageError, match="no agreed white level"):
            pixels(encoded(Image.fromarray(np.array(odd, np.float32)), "TIFF"))


@pytest.mark.parametrize("marked", [True, False])
def test_cmyk_jpeg_is_taken_as_adobes_inverted_kind(marked: bool) -> None:
    """libjpeg always writes Adobe's marker (APP14); files that lost it are shown the same way by browsers."""
    data = encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=100)
    if not marked:
        start = data.index(b"\xff\xee")
        data = data[:start] + data[start + 2 + struct.unpack(">H", data[start + 2 : start + 4])[0] :]
    red, green, blue = pixels(data)[8, 8]
    assert red < 5
    assert min(green, blue) > 250


def test_cmyk_tiff() -> None:
    data = encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF")
    assert pixels(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    assert pixels(data)[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(kind: str, orientation: int) -> None:
    """Stored turned, read upright. EXIF 2.32, tag 0x0112: 6 is stored a quarter turn against the clock."""
    stored_as = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = picture()
    stored = upright.transpose(stored_as[orientation]) if orientation in stored_as else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    image = read_image(encoded(stored, kind, exif=exif, **options), name="it")
    assert image.size == upright.size
    assert np.abs(np.asarray(image).astype(int) - np.asarray(upright)).mean() < 4
    assert image.info == {}
    assert not dict(image.getexif())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse() -> None:
    data = encoded(picture(), "PNG")
    broken = data[:33] + chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff nonsense") + data[33:]
    np.testing.assert_array_equal(pixels(broken), np.asarray(picture()))


def test_colour_profiles_are_ignored() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    np.testing.assert_array_equal(
        pixels(encoded(picture(), "PNG", icc_profile=profile)), np.asarray(picture())
    )


def test_the_result_is_plain_writable_and_independent() -> None:
    image = read_image(encoded(picture(), "PNG"), name="it")
    assert type(image) is Image.Image
    image.putpixel((0, 0), (1, 2, 3))
    assert image.getpixel((0, 0)) == (1, 2, 3)


def test_many_threads_read_the_same_pixels() -> None:
    files = [encoded(picture(), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")] * 20
    alone = [pixels(data).tobytes() for data in files]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda data: pixels(data).tobytes(), files)) == alone


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


@settings(deadline=None, max_examples=200)
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
