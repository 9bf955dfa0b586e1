from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lmm4lmm.model.nano.processing import SIDE, views

sides = st.integers(1, 900)


@settings(max_examples=40, deadline=None)
@given(sides, sides)
def test_any_size_gives_two_square_views(width, height):
    found = views(Image.new("RGB", (width, height), (10, 20, 30)))
    assert found.shape == (2, SIDE, SIDE, 3)
    assert (found == np.array([10, 20, 30], np.uint8)).all()


@pytest.mark.parametrize("size", [(256, 256), (300, 400), (512, 600)])
def test_up_to_512_px_the_detail_view_is_the_images_own_pixels(size):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    detail = views(Image.fromarray(pixels))[1]
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    np.testing.assert_array_equal(detail, pixels[top : top + SIDE, left : left + SIDE])


def test_a_large_image_is_seen_as_on_a_512_px_screen():
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (1024, 1024, 3), np.uint8))
    expected = np.asarray(
        image.resize((512, 512), Image.Resampling.BICUBIC).crop((128, 128, 384, 384))
    ).astype(int)
    assert np.abs(views(image)[1].astype(int) - expected).max() <= 2
