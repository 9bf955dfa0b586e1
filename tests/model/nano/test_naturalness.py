from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from scipy.special import gamma
from scipy.stats import gennorm

from lmm4lmm.model.nano import naturalness as nss
from lmm4lmm.model.nano.brisque_features import shape_of
from lmm4lmm.model.nano.naturalness import FEATURES, names, naturalness


def told(image: Image.Image) -> dict[str, float]:
    return dict(zip(names(), naturalness(image).tolist(), strict=True))


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut())


@pytest.fixture(scope="module")
def of_photo(photo) -> dict[str, float]:
    return told(photo)


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    pixels = np.asarray(image, float)
    added = pixels + np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return Image.fromarray(np.clip(added.round(), 0, 255).astype(np.uint8))


def compressed(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def test_every_number_has_a_name_of_its_own(photo):
    assert len(names()) == len(set(names())) == FEATURES
    found = naturalness(photo)
    assert (found.shape, found.dtype) == ((FEATURES,), np.float32)


@pytest.mark.parametrize("shape", [0.4, 0.8, 1.0, 2.0, 4.0])
def test_the_shape_of_a_generalised_gaussian_is_recovered(shape):
    drawn = gennorm.rvs(shape, scale=3, size=400_000, random_state=np.random.default_rng(0))
    found = shape_of(np.abs(drawn).mean() ** 2 / np.square(drawn).mean())
    assert found == pytest.approx(shape, rel=0.04)


@pytest.mark.parametrize(("shape", "left", "right"), [(0.7, 1.0, 1.0), (1.0, 0.5, 2.0), (2.0, 3.0, 1.0)])
def test_both_sides_of_an_asymmetric_gaussian_are_recovered(shape, left, right):
    """Lasmar et al. 2009: scales on either side, weighed so that the density is continuous at 0."""
    rng = np.random.default_rng(1)
    size = 400_000
    drawn = np.abs(gennorm.rvs(shape, size=size, random_state=rng))
    drawn *= np.where(rng.random(size) < left / (left + right), -left, right)
    # a plane of two columns whose neighbours' products are the sample
    plane = np.stack([np.ones(size), drawn], 1).astype(np.float32)
    second = 2.0
    found = nss._pair(plane, 0, 1, second)
    deviation = np.sqrt(gamma(3 / shape) / gamma(1 / shape))
    mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)
    assert found[0] == pytest.approx(shape, rel=0.04)
    assert found[1] == pytest.approx(mean, abs=0.03)
    assert found[2] == pytest.approx(np.log(left * deviation), abs=0.02)
    assert found[3] == pytest.approx(np.log(right * deviation), abs=0.02)
    assert found[4] == pytest.approx(mean / second, abs=0.03)


def test_local_contrast_is_normalised_as_brisque_says():
    """Mean and deviation under a 7 x 7 Gaussian window of deviation 7/6, window by window."""
    rng = np.random.default_rng(2)
    base = np.asarray(Image.fromarray(rng.integers(0, 256, (9, 11), np.uint8)).resize((44, 40)), float)
    pixels = np.clip(base + rng.normal(0, 5, base.shape), 0, 255).astype(np.uint8)
    light = pixels.astype(float)
    taps = np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)
    window = np.outer(taps, taps) / taps.sum() ** 2
    padded = np.pad(light, 3, mode="symmetric")
    normal, spread = np.zeros_like(light), np.zeros_like(light)
    for row, column in np.ndindex(light.shape):
        patch = padded[row : row + 7, column : column + 7]
        mean = (window * patch).sum()
        spread[row, column] = np.sqrt((window * (patch - mean) ** 2).sum())
        normal[row, column] = (light[row, column] - mean) / (spread[row, column] + 1)
    found = told(Image.fromarray(pixels).convert("RGB"))
    variance = np.square(normal).mean()
    ratio = np.abs(normal).mean() ** 2 / variance
    shapes = np.linspace(0.12, 10, 20_000)
    ratios = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    assert found["mscn0.shape"] == pytest.approx(shapes[np.abs(ratios - ratio).argmin()], abs=0.01)
    assert found["mscn0.variance"] == pytest.approx(np.log(variance), abs=1e-3)
    assert found["mscn0.skew"] == pytest.approx((normal**3).mean() / variance**1.5, abs=1e-3)
    assert found["mscn0.kurtosis"] == pytest.approx(np.log((normal**4).mean() / variance**2 + 0.1), abs=1e-3)
    assert found["contrast0.mean"] == pytest.approx(np.log(spread + 0.5).mean(), abs=1e-3)
    assert found["contrast0.flat"] == pytest.approx((spread < 1).mean(), abs=1e-6)
    pairs = {
        "right": (normal[:, 1:], normal[:, :-1]),
        "down": (normal[1:], normal[:-1]),
        "diagonal": (normal[1:, 1:], normal[:-1, :-1]),
        "other": (normal[1:, :-1], normal[:-1, 1:]),
    }
    for axis, (one, two) in pairs.items():
        product = one * two
        left, right = (np.sqrt(np.square(product[sign]).mean()) for sign in (product < 0, product >= 0))
        assert found[f"pair0.{axis}.left"] == pytest.approx(np.log(left), abs=2e-3)
        assert found[f"pair0.{axis}.right"] == pytest.approx(np.log(right), abs=2e-3)
        assert found[f"pair0.{axis}.correlation"] == pytest.approx(product.mean() / variance, abs=1e-3)


def test_blur_takes_detail_away(photo, of_photo):
    found = told(photo.filter(ImageFilter.GaussianBlur(2)))
    lower = ("edges0.mean", "edges0.curve", "contrast0.mean", "contrast0.p90", "band0", "band1", "noise")
    assert {name for name in lower if not found[name] < of_photo[name] - 0.1} == set()
    assert found["contrast0.flat"] > of_photo["contrast0.flat"]
    assert found["pair0.right.correlation"] > of_photo["pair0.right.correlation"] + 0.05
    # what blur leaves: the coarse bands and the mean light
    assert found["band3"] == pytest.approx(of_photo["band3"], abs=0.1)
    assert found["light.mean"] == pytest.approx(of_photo["light.mean"], abs=0.02)


def test_noise_adds_detail_and_takes_the_heavy_tails(photo, of_photo):
    found = told(noisy(photo, 15))
    higher = ("edges0.mean", "edges0.curve", "contrast0.mean", "contrast0.p10", "band0", "noise")
    assert {name for name in higher if not found[name] > of_photo[name] + 0.1} == set()
    assert (
        found["mscn0.shape"] > of_photo["mscn0.shape"] + 0.3
    )  # beyond 2, since a pixel counts in its own window
    assert abs(found["pair0.right.correlation"]) < abs(of_photo["pair0.right.correlation"])
    assert found["steps"] < of_photo["steps"]


def test_noise_is_measured_in_its_own_unit(photo):
    """Four times the noise is log 4 more; on a plain ground nothing else is there to be taken for it."""
    ground = Image.new("RGB", (256, 256), (120, 120, 120))
    few, many = told(noisy(ground, 4))["noise"], told(noisy(ground, 16))["noise"]
    assert many - few == pytest.approx(np.log(4), abs=0.05)


def test_jpeg_shows_its_grid_and_no_other_fault_does(photo, of_photo):
    coarse, fine = told(compressed(photo, 10)), told(compressed(photo, 90))
    for name in ("blocks.across", "blocks.down"):
        assert coarse[name] > 0.5
        assert coarse[name] > fine[name] + 0.3
        for other in (photo, noisy(photo, 15), photo.filter(ImageFilter.GaussianBlur(2))):
            assert abs(told(other)[name]) < 0.1
    assert coarse["steps"] > of_photo["steps"]


def test_grey_has_no_colour_and_posters_have_few_levels(photo, of_photo):
    grey = told(photo.convert("L").convert("RGB"))
    assert grey["saturation"] == pytest.approx(0, abs=1e-6)
    assert grey["colourful"] == pytest.approx(0, abs=1e-6)
    assert grey["light.std"] == pytest.approx(of_photo["light.std"], abs=0.01)
    poster = told(Image.fromarray(np.asarray(photo) // 64 * 64))
    assert poster["levels"] < of_photo["levels"] - 0.5
    assert poster["steps"] > of_photo["steps"] + 0.3


def test_a_mirror_swaps_the_diagonals_and_nothing_else(photo, of_photo):
    found = told(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    for name, value in found.items():
        same = name.replace(".diagonal.", ".*.").replace(".other.", ".diagonal.").replace(".*.", ".other.")
        if not name.endswith((".p10", ".p90")):  # quantiles of every fourth pixel
            assert value == pytest.approx(of_photo[same], abs=0.02), name
    assert any(
        abs(of_photo[f"pair0.other.{n}"] - of_photo[f"pair0.diagonal.{n}"]) > 0.02 for n in ("shape", "right")
    )


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 7, 240)])
@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 700), (7, 9), (256, 256), (4000, 3000)])
def test_plain_images_of_any_size_have_finite_statistics(size, colour):
    found = naturalness(Image.new("RGB", size, colour))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 20


@settings(max_examples=25)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 255]))
def test_any_image_has_finite_statistics(width, height, seed, most):
    pixels = np.random.default_rng(seed).integers(0, most + 1, (height, width, 3), np.uint8)
    found = naturalness(Image.fromarray(pixels))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 20


def test_a_large_photo_is_looked_at_as_on_a_screen(photo, of_photo):
    """An enlargement to more than 512 px is brought back before it is measured, a smaller image is left alone."""
    large = told(photo.resize((1536, 1536), Image.Resampling.BICUBIC))
    small = told(photo.resize((256, 256), Image.Resampling.BICUBIC))
    assert large["edges0.mean"] == pytest.approx(of_photo["edges0.mean"], abs=0.15)
    assert small["edges0.mean"] > of_photo["edges0.mean"] + 0.15
