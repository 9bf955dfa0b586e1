from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lmm4lmm.core.errors import ImageError, WeightsError

torch = pytest.importorskip("torch", reason="the [lmm] extra is not installed")

from lmm4lmm.model.official.tiles import (  # noqa: E402
    TileSettings,
    normalised,
    open_reference,
    preprocess_reference,
    tile_grid,
    tiles,
)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, as torchvision documents them."""


def grid_of(width, height, most, *, least=1, size=448, thumbnail=True):
    return tile_grid(width, height, min_num=least, max_num=most, image_size=size, use_thumbnail=thumbnail)


def noise(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


# ---- golden: values of the reference's own code ---------------------------------------------------------------


@pytest.fixture(scope="module")
def golden(shared):
    return shared / "golden" / "preprocess"


@pytest.fixture(scope="module")
def facts(golden):
    return json.loads((golden / "golden.json").read_text())


def test_golden_tiling_table(facts):
    assert len(facts["tiling_table"]) == 100
    for row in facts["tiling_table"]:
        (cols, rows), count = grid_of(
            row["width"], row["height"], row["max_num"], least=row["min_num"], thumbnail=row["use_thumbnail"]
        )
        assert ([cols, rows], count) == (row["grid_cols_rows"], row["tiles"]), row


def test_golden_pixels_to_the_last_bit(golden, facts):
    sampled = np.load(golden / "golden.npz")
    for name, fact in facts["images"].items():
        found = preprocess_reference(golden / name, 448)
        assert list(found.shape) == fact["shape"]
        np.testing.assert_array_equal(found[:, :, 3::16, 5::16], sampled[f"{name[:-4]}.sub"])
        np.testing.assert_allclose(found.mean((2, 3)), sampled[f"{name[:-4]}.mean"], atol=1e-6)
        np.testing.assert_allclose(found.mean((2, 3)), fact["mean"], atol=1e-6)


# ---- no shared files from here on -----------------------------------------------------------------------------

sides = st.integers(1, 5000)
counts = st.integers(1, 14)


@given(sides, sides, counts, counts, st.booleans())
def test_a_grid_has_as_many_tiles_as_allowed_and_the_nearest_shape(width, height, one, other, thumbnail):
    least, most = sorted((one, other))
    (cols, rows), count = grid_of(width, height, most, least=least, thumbnail=thumbnail)
    assert least <= cols * rows <= most
    assert count == cols * rows + (thumbnail and cols * rows > 1)
    shapes = [(c, r) for c in range(1, most + 1) for r in range(1, most + 1) if least <= c * r <= most]
    shape = Fraction(width, height)
    distance = min(abs(shape - Fraction(c, r)) for c, r in shapes)
    assert float(abs(shape - Fraction(cols, rows))) == pytest.approx(float(distance), abs=1e-12)


@given(sides, sides, counts)
def test_a_larger_image_of_the_same_shape_never_has_fewer_tiles(width, height, most):
    assert grid_of(width, height, most)[1] <= grid_of(2 * width, 2 * height, most)[1]


def test_the_area_rule_decides_between_grids_of_one_shape():
    # More than half of 4 x 448 x 448 pixels is a side of 634 or more.
    assert grid_of(633, 633, 6)[0] == (1, 1)
    assert grid_of(634, 634, 6)[0] == (2, 2)
    # Nine tiles from a side of 951.
    assert [grid_of(side, side, 12)[0] for side in (950, 951)] == [(2, 2), (3, 3)]
    assert grid_of(1024, 1024, 6) == ((2, 2), 5), "every image of the reference"


@pytest.mark.parametrize(
    ("size", "least", "most", "grid"),
    [((5, 4), 2, 2, (1, 2)), ((5, 2), 4, 4, (4, 1)), ((5, 8), 4, 4, (1, 4)), ((15, 4), 6, 7, (6, 1))],
)
def test_grids_equally_near_are_met_in_the_references_order(size, least, most, grid):
    """InternVL sorts a Python set by tiles alone; sorting by columns or rows as well takes other grids here."""
    assert grid_of(*size, most, least=least)[0] == grid


def test_one_tile_has_no_thumbnail():
    assert grid_of(100, 100, 6) == ((1, 1), 1)
    assert grid_of(5000, 100, 1) == ((1, 1), 1)


@pytest.mark.parametrize(
    ("size", "grid"), [((640, 320), (2, 1)), ((300, 1200), (1, 4)), ((1000, 1500), (2, 3))]
)
def test_tiles_are_the_resized_image_row_by_row(size, grid):
    image, side = noise(*size), 32
    found = tiles(image, TileSettings(side, squash=None))
    cols, rows = grid
    assert found.shape == (cols * rows + 1, side, side, 3)
    assert found.dtype == np.uint8
    whole = image.resize((cols * side, rows * side), Image.Resampling.BICUBIC)
    for at, tile in enumerate(found[:-1]):
        left, top = side * (at % cols), side * (at // cols)
        np.testing.assert_array_equal(tile, whole.crop((left, top, left + side, top + side)))
    np.testing.assert_array_equal(found[-1], image.resize((side, side), Image.Resampling.BICUBIC))


def test_without_a_thumbnail_there_is_one_tile_less():
    image = noise(640, 320)
    with_it, without = (tiles(image, TileSettings(32, thumbnail=t, squash=None)) for t in (True, False))
    np.testing.assert_array_equal(with_it[:-1], without)


def test_the_squash_makes_every_shape_a_square():
    image = noise(300, 90)
    square = image.resize((1024, 1024), Image.Resampling.BICUBIC)
    found = tiles(image, TileSettings(56))
    assert found.shape == (5, 56, 56, 3)
    np.testing.assert_array_equal(found, tiles(square, TileSettings(56, squash=None)))


def test_normalised_is_each_channel_less_its_mean_over_its_deviation():
    pixels = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 3), np.uint8)
    found = normalised(pixels)
    expected = ((pixels / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert torch.equal(found, normalised(torch.from_numpy(pixels)))


def test_the_input_of_normalised_is_left_alone():
    pixels = torch.full((1, 2, 2, 3), 7, dtype=torch.uint8)
    normalised(pixels)
    assert (pixels == 7).all()


def test_the_reference_ignores_orientation_and_drops_transparency(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    noise(40, 20).save(tmp_path / "turned.png", exif=turned)
    assert open_reference(tmp_path / "turned.png").size == (40, 20)
    Image.new("RGBA", (4, 4), (200, 100, 50, 0)).save(tmp_path / "clear.png")
    seen = open_reference(tmp_path / "clear.png")
    assert (seen.mode, seen.getpixel((1, 1))) == ("RGB", (200, 100, 50))


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_an_unreadable_file_is_named(tmp_path, content):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png"):
        preprocess_reference(path, 32)


def test_a_truncated_file_is_an_error(tmp_path):
    noise(60, 60).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    with pytest.raises(ImageError, match=r"half\.png"):
        open_reference(tmp_path / "half.png")


CONFIG = {
    "force_image_size": 56,
    "dynamic_image_size": True,
    "min_dynamic_patch": 2,
    "max_dynamic_patch": 9,
    "use_thumbnail": True,
    "vision_config": {"image_size": 28},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, TileSettings(56, 2, 9)),
        ({"force_image_size": None}, TileSettings(28, 2, 9)),
        ({"use_thumbnail": False}, TileSettings(56, 2, 9, thumbnail=False)),
        ({"dynamic_image_size": False}, TileSettings(56, 1, 1, thumbnail=False)),
    ],
)
def test_settings_are_the_checkpoints(changes, expected):
    assert TileSettings.from_config(CONFIG | changes, source="config.json") == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pad2square": True}, "pad2square"),
        ({"force_image_size": 0, "vision_config": {}}, "image size is None"),
        ({"max_dynamic_patch": "6"}, "max_dynamic_patch is '6'"),
        ({"min_dynamic_patch": 0}, "min_dynamic_patch is 0"),
        ({"min_dynamic_patch": 12}, "more than max_dynamic_patch 9"),
    ],
)
def test_unusable_settings_are_named(changes, said):
    with pytest.raises(WeightsError, match=f"config.json: .*{said}"):
        TileSettings.from_config(CONFIG | changes, source="config.json")
