from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import random_features

from lmm4lmm.model.nano.naturalness import FEATURES
from lmm4lmm.model.nano.scene import (
    CLASSES,
    STRUCTURE,
    WAIST,
    WIDTH,
    ImageFeatures,
    SceneEncoder,
    Structure,
    _pooled,
    finish_features,
)
from lmm4lmm.model.nano.vision import FINE_WIDTH, PLACE_WIDTH, PLACES, VisionFeatures

HIDDEN = 12


@pytest.fixture(scope="module")
def encoder() -> SceneEncoder:
    torch.manual_seed(0)
    found = SceneEncoder(HIDDEN, FEATURES).eval().requires_grad_(False)
    found.class_states.normal_()
    for name in ("place_mean", "finish_mean"):
        getattr(found, name).normal_()
    for name in ("place_scale", "finish_scale"):
        getattr(found, name).uniform_(0.5, 1.5)
    return found


def some_probabilities(images: int, seed: int = 3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(images, 17, CLASSES, generator=draw)).softmax(-1)


def test_pooling_is_mean_maximum_and_the_four_halves():
    places = random_features(2).eye.places
    found = _pooled(places).view(2, 6, PLACE_WIDTH).numpy()
    raster = places.numpy().reshape(2, 8, 8, PLACE_WIDTH)
    halves = [raster[:, :4], raster[:, 4:], raster[:, :, :4], raster[:, :, 4:]]
    expected = [raster.mean((1, 2)), raster.max((1, 2)), *(half.mean((1, 2)) for half in halves)]
    np.testing.assert_allclose(found, np.stack(expected, 1), rtol=1e-5)


@torch.inference_mode()
def test_shapes_and_what_the_memory_holds(encoder):
    features, probabilities = random_features(2), some_probabilities(2)
    scene = encoder(features, probabilities)
    assert scene.overview.shape == (2, WIDTH)
    assert scene.memory.shape == (2, PLACES + 17, WIDTH)
    assert scene.finish.shape == scene.manner.shape == (2, WAIST)
    # what is remembered of a place: its four quarters' mean and the coarse map; of a cell: what it is called
    place = ((features.eye.places[1, 20] - encoder.place_mean) / encoder.place_scale).clamp(-6, 6)
    quarters = place[: 4 * FINE_WIDTH].view(4, FINE_WIDTH).mean(0)
    expected = encoder.place(torch.cat([quarters, place[4 * FINE_WIDTH :]])) + encoder.where[20]
    torch.testing.assert_close(scene.memory[1, 20], expected, atol=1e-4, rtol=1e-4)
    named = sum(p * state for p, state in zip(probabilities[1, 5], encoder.class_states, strict=True))
    expected = encoder.content(named) + encoder.where[PLACES + 5]
    torch.testing.assert_close(scene.memory[1, PLACES + 5], expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_another_place_changes_its_own_memory_and_no_other(encoder):
    features, probabilities = random_features(1), some_probabilities(1)
    places = features.eye.places.clone()
    places[0, 37] = places[0, 37].flip(0)
    moved = VisionFeatures(places, features.eye.cells, features.eye.statistics)
    one = encoder(features, probabilities)
    other = encoder(replace(features, eye=moved), probabilities)
    assert torch.where((one.memory != other.memory).any(-1))[1].tolist() == [37]
    assert (one.overview - other.overview).abs().max() > 1e-4
    assert torch.equal(one.finish, other.finish)


@torch.inference_mode()
def test_where_things_are_reaches_the_overview(encoder):
    """The same places turned upside down: mean and maximum stay, the halves don't."""
    features, probabilities = random_features(1), some_probabilities(1)
    turned = VisionFeatures(features.eye.places.flip(1), features.eye.cells, features.eye.statistics)
    one = encoder(features, probabilities)
    other = encoder(replace(features, eye=turned), probabilities)
    assert (one.overview - other.overview).abs().max() > 1e-3


def test_finish_features_take_a_signed_logarithm_of_the_statistics_alone():
    features = random_features(2)
    eye = VisionFeatures(features.eye.places, features.eye.cells, features.eye.statistics - 1.5)
    found = finish_features(replace(features, eye=eye)).numpy()
    statistics = eye.statistics.numpy()
    expected = [
        np.sign(statistics) * np.log1p(np.abs(statistics)),
        eye.cells.numpy().mean(1),
        features.naturalness.numpy(),
        features.opinion.numpy()[:, None],
    ]
    np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=1e-4, atol=1e-5)
    assert statistics.min() < -1  # else the sign was not tried


@torch.inference_mode()
def test_beyond_six_deviations_a_feature_counts_no_further(encoder):
    features, probabilities = random_features(1), some_probabilities(1)

    def seen(factor: float) -> torch.Tensor:
        eye = features.eye
        loud_eye = VisionFeatures(eye.places * factor, eye.cells * factor, eye.statistics**factor)
        loud = ImageFeatures(loud_eye, features.naturalness * factor, features.opinion * factor)
        scene = encoder(loud, probabilities)
        return torch.cat([scene.overview, scene.finish], 1)

    assert (seen(1.0) - seen(1.2)).abs().max() > 1e-3
    wild = seen(1e4)
    assert wild.isfinite().all()
    assert wild.abs().max() < 1e3


@torch.inference_mode()
def test_one_broken_place_shows_whatever_the_others_are_like():
    torch.manual_seed(0)
    structure = Structure().eval()
    places = torch.randn(1, PLACES, PLACE_WIDTH)
    broken = places.clone()
    broken[0, 27] = 6 * torch.randn(PLACE_WIDTH)
    before, after = structure(places), structure(broken)
    worst, mean, worst_four = (after - before).abs().split(STRUCTURE, 1)
    assert worst.mean() > 3 * mean.mean()  # the mean over 64 places hides it, the worst place does not
    assert worst.mean() > worst_four.mean() > mean.mean()


@torch.inference_mode()
def test_places_are_seen_with_their_neighbours():
    torch.manual_seed(0)
    structure = Structure().eval()
    places = torch.randn(1, PLACES, PLACE_WIDTH)
    order = torch.randperm(PLACES)
    assert not torch.allclose(structure(places), structure(places[:, order]), atol=1e-3)
    assert torch.allclose(
        structure.place(places).mean(1), structure.place(places[:, order]).mean(1), atol=1e-5
    )
