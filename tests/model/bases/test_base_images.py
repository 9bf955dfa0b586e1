"""The image side against transformers' own processors on Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_bases import picture
from whole_inputs import image_inputs

from lmm4lmm.core.errors import ImageError, WeightsError
from lmm4lmm.model.bases.pixels import Normal, processor
from lmm4lmm.model.official.tiles import normalised

SIZES = (
    (1, 1),
    (28, 28),
    (29, 57),
    (64, 64),
    (200, 33),
    (33, 200),
    (84, 85),
    (300, 290),
    (41, 123),
    (400, 5),
)
"""Width and height of pictures, in pixels."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", ["internvl", "qwen2_5_vl", "qwen3_vl", "smolvlm", "idefics3"])
def test_pixels_and_placeholders_equal_the_processors(family, size, opened):
    base, image = opened(family).base, picture(*size, seed=sum(size))
    given, placeholders = image_inputs(family, image)
    ours = base.prepare(image)
    assert base.reader.decode(ours.stem) == base.dialogue.opening + placeholders + base.dialogue.image_end
    if family == "internvl":
        pixels = normalised(ours.pixels["tiles"])
    elif family.startswith("qwen"):
        pixels = base._patches(ours)
        assert ours.pixels["grid"].tolist() == given["image_grid_thw"][0].tolist()
    else:
        pixels = Normal(image_processor_of(base))(torch.from_numpy(ours.pixels["tiles"]))[None]
    assert pixels.shape == given["pixel_values"].shape
    torch.testing.assert_close(pixels, given["pixel_values"].float(), atol=2e-6, rtol=0)


def image_processor_of(base):
    return base._processor


@pytest.mark.parametrize("family", ["internvl", "qwen3_vl", "smolvlm"])
def test_pictures_stay_small_until_they_are_on_the_device(family, opened):
    found = opened(family).base.prepare(picture(100, 60)).pixels
    assert {array.dtype for name, array in found.items() if name != "grid"} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("family", ["internvl", "qwen3_vl", "smolvlm"])
def test_gray_pictures_become_colour(family, opened):
    base, gray = opened(family).base, picture(60, 40).convert("L")
    assert base.prepare(gray).key == base.prepare(gray.convert("RGB")).key


@pytest.mark.parametrize("family", ["internvl", "qwen3_vl", "smolvlm"])
def test_keys_tell_pictures_apart(family, opened):
    base = opened(family).base
    images = [
        picture(64, 96),
        picture(64, 96, 1),
        *(Image.new("RGB", size) for size in ((64, 128), (128, 64))),
    ]
    found = [base.prepare(image) for image in images]
    if (
        family == "internvl"
    ):  # its tiles of one colour are the same for both shapes, and so is all that is read
        del found[-1]
    assert len({one.key for one in found}) == len(found)
    assert base.prepare(images[0]).key == found[0].key


def test_qwen_refuses_stripes_by_name(opened):
    with pytest.raises(ImageError, match="1 x 300"):
        opened("qwen3_vl").base.prepare(Image.new("RGB", (1, 300)))


def test_a_processor_that_leaves_out_a_step_is_refused(tmp_path, opened):
    kind = type(image_processor_of(opened("smolvlm").base))
    kind(do_normalize=False).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="do_normalize"):
        processor(kind, tmp_path)
