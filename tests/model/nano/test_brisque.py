from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy.special import gamma

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.nano.brisque import Brisque, support_vectors
from lmm4lmm.model.nano.brisque_features import HIGH, LOW, features

MADE = """svm_type epsilon_svr
kernel_type rbf
gamma 0.05
nr_class 2
total_sv 3
rho -1.5
SV
30 1:0.5 3:-0.25 36:1
-12.5 2:-1 18:0.75
4e1 7:0.1
"""


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut())


@pytest.fixture(scope="module")
def opinion(nano_base_folder) -> Callable[[Image.Image], float]:
    from lmm4lmm.model.nano.assembly import load_brisque

    published = load_brisque()
    return lambda image: float(published(torch.from_numpy(features(image))[None]))


def window_by_window(light: np.ndarray) -> list[float]:
    """The 18 features of one scale, as the paper writes them; zeros beyond the border."""
    taps = np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)
    window = np.outer(taps, taps) / taps.sum() ** 2
    padded = np.pad(light, 3)
    normal = np.zeros_like(light)
    for row, column in np.ndindex(light.shape):
        patch = padded[row : row + 7, column : column + 7]
        mean, square = (window * patch).sum(), (window * patch**2).sum()
        normal[row, column] = (light[row, column] - mean) / (np.sqrt(abs(square - mean**2)) + 1)
    shape, left, right, _ = moments(normal.ravel())
    found = [shape, (left**2 + right**2) / 2]
    height, width = light.shape
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        products = [
            normal[row, column] * normal[row + down, column + across]
            for row in range(height - down)
            for column in range(max(0, -across), width - max(0, across))
        ]
        shape, left, right, mean = moments(np.array(products))
        found += [shape, mean, left**2, right**2]
    return found


def moments(values: np.ndarray) -> tuple[float, float, float, float]:
    """Shape, left and right deviation, mean (Lasmar et al. 2009)."""
    left, right = np.sqrt((values[values < 0] ** 2).mean()), np.sqrt((values[values >= 0] ** 2).mean())
    ratio = left / right
    wanted = np.abs(values).mean() ** 2 / (values**2).mean()
    wanted *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes = np.linspace(0.1, 10, 30_000)
    of_shapes = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    shape = shapes[np.abs(of_shapes - wanted).argmin()]
    mean = (right - left) * gamma(2 / shape) / np.sqrt(gamma(1 / shape) * gamma(3 / shape))
    return float(shape), float(left), float(right), float(mean)


def test_features_are_those_of_a_plain_implementation(photo):
    small = photo.crop((150, 60, 214, 108))
    light = np.asarray(small, float) @ [0.2125, 0.7154, 0.0721]
    half = Image.fromarray(light.astype(np.float32)).resize((32, 24), Image.Resampling.BICUBIC)
    expected = [*window_by_window(light), *window_by_window(np.asarray(half, float))]
    np.testing.assert_allclose(features(small), expected, rtol=4e-3, atol=1.5e-3)


def test_the_score_is_the_kernel_sum_of_the_model():
    low, high = np.array(LOW), np.array(HIGH)
    scaled = np.linspace(-1, 1, 36)
    vectors = np.zeros((3, 36))
    vectors[0, [0, 2, 35]], vectors[1, [1, 17]], vectors[2, 6] = (0.5, -0.25, 1), (-1, 0.75), 0.1
    distances = [float(np.linalg.norm(vector - scaled)) for vector in vectors]
    near = [np.exp(-0.05 * distance**2) for distance in distances]
    model = Brisque(3)
    model.load_state_dict(support_vectors(MADE), strict=False)
    seen = torch.from_numpy(low + (scaled + 1) / 2 * (high - low))
    expected = 30 * near[0] - 12.5 * near[1] + 40 * near[2] + 1.5
    assert float(model(seen[None])) == pytest.approx(expected, abs=1e-4)


def test_an_opinion_does_not_depend_on_how_many_are_asked_for_at_once():
    """Weights as large and of both signs as the published ones: in single precision these differ."""
    draw = torch.Generator().manual_seed(0)
    model = Brisque(774)
    model.vectors.copy_(torch.rand(774, 36, generator=draw) * 2 - 1)
    model.weights.copy_((torch.rand(774, generator=draw) - 0.5).sign() * 1024)
    model.gamma.fill_(0.05)
    low, high = torch.tensor(LOW), torch.tensor(HIGH)
    seen = low + torch.rand(16, 36, generator=draw) * (high - low)
    alone = torch.cat([model(one[None]) for one in seen])
    torch.testing.assert_close(model(seen), alone, atol=1e-6, rtol=1e-6)


def test_another_kind_of_model_is_refused():
    for other in (MADE.replace("epsilon_svr", "c_svc"), MADE.replace("rbf", "linear"), "", "<html>"):
        with pytest.raises(WeightsError, match="not the expected one"):
            support_vectors(other)


def test_of_a_large_image_the_middle_is_measured_pixel_by_pixel(photo):
    """Shrunk to a screen's height first, and not further: what is finer than that nobody sees."""
    large = photo.resize((1000, 900), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(features(large), features(large.crop((180, 130, 820, 770))))
    huge = large.resize((4320, 2160), Image.Resampling.BICUBIC)
    seen = huge.resize((2160, 1080), Image.Resampling.BICUBIC).crop((760, 220, 1400, 860))
    np.testing.assert_array_equal(features(huge), features(seen))


def test_ranges_of_features_are_ranges(photo):
    low, high = np.array(LOW), np.array(HIGH)
    assert (low.shape, high.shape) == ((36,), (36,))
    assert (low < high).all()
    inside = (features(photo) >= low) & (features(photo) <= high)
    assert inside.mean() > 0.9


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (16, 16)])
def test_small_and_plain_images_have_finite_features(size):
    assert np.isfinite(features(Image.new("RGB", size, (80, 90, 100)))).all()


def test_the_published_model_knows_a_photograph_from_its_ruins(opinion, photo):
    """About 0 is clean and 100 ruined; the worse the fault, the higher."""

    def jpeg(quality: int) -> Image.Image:
        stream = io.BytesIO()
        photo.save(stream, "JPEG", quality=quality)
        return Image.open(stream).convert("RGB")

    def noise(deviation: float) -> Image.Image:
        pixels = np.asarray(photo, float)
        pixels = pixels + np.random.default_rng(0).normal(0, deviation, pixels.shape)
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

    clean = opinion(photo)
    assert -10 < clean < 30
    for graded in (
        [photo.filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 3)],
        [noise(deviation) for deviation in (10, 40)],
        [jpeg(quality) for quality in (25, 5)],
    ):
        few, many = map(opinion, graded)
        assert clean < few < many
        assert many > clean + 25
