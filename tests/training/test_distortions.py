from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lmm4lmm.training.distortions import FAULTS, LEVELS, distort, penalty


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut()).resize((256, 256))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_higher_level_takes_the_image_further_away(photo, fault):
    original = np.asarray(photo, dtype=float)
    errors = [
        np.sqrt(((np.asarray(distort(photo, fault, n, 3), float) - original) ** 2).mean()) for n in (1, 3, 5)
    ]
    assert errors[0] > 0.5
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_seed_decides_everything(photo, fault):
    once, twice = (np.asarray(distort(photo, fault, 4, 11)) for _ in range(2))
    np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("size", [(1, 1), (9, 40), (333, 21)])
def test_any_size_keeps_its_size(fault, size):
    if fault == "shuffle" and min(size) < 8:
        pytest.skip("patches of 8 px do not fit")
    image = Image.new("RGB", size, (90, 120, 200))
    assert distort(image, fault, LEVELS, 5).size == size


def test_penalties_grow_with_the_level():
    for fault in FAULTS:
        costs = [penalty(fault, level) for level in range(1, LEVELS + 1)]
        assert costs == sorted(costs)
        assert costs[0] > 0
