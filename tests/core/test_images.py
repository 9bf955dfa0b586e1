"""Every kind of image file, through the one door: the right pixels come out."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from small_images import chunk, encoded, picture, pixels, png

from lmm4lmm.core.errors import ImageError
from lmm4lmm.core.images import read_image

RNG = np.random.default_rng(0)


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
