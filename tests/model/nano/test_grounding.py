from __future__ import annotations

import numpy as np
import pytest
import torch

from lmm4lmm.model.nano.grounding import FEATURES, Grounding


@pytest.fixture
def grounding() -> Grounding:
    """Its map is the identity: words are compared as they are."""
    found = Grounding(16).requires_grad_(False)
    torch.nn.init.eye_(found.map.weight)
    return found


@pytest.fixture
def scene():
    """Class 3 fills the image; word 1 is the name of class 3, word 2 that of class 5, word 0 and 3 are others."""
    torch.manual_seed(0)
    classes = torch.randn(1000, 16)
    words = torch.randn(1, 4, 16)
    words[0, 1], words[0, 2] = classes[3], classes[5]
    probabilities = torch.zeros(1, 17, 1000)
    probabilities[..., 3] = 1.0
    return words, classes, probabilities


def spans(*places: list[int]) -> torch.Tensor:
    found = torch.zeros(len(places), 1, 4, dtype=torch.bool)
    for row, place in enumerate(places):
        found[row, 0, place] = True
    return found


@torch.inference_mode()
def test_the_word_that_names_what_is_seen_has_the_evidence(scene, grounding):
    words, classes, probabilities = scene
    features = grounding(words, classes, probabilities, spans([0, 1], [2, 3]))
    assert features.shape == (2, 1, FEATURES)
    assert (features[0, 0, :3] > features[1, 0, :3] + 1).all()
    alone = grounding(words, classes, probabilities, spans([0], [1], [2], [3]))
    assert alone[:, 0, 0].argmax() == 1


@torch.inference_mode()
def test_an_empty_span_is_zero_and_words_outside_a_span_do_not_count(scene, grounding):
    words, classes, probabilities = scene
    features = grounding(words, classes, probabilities, spans([], [0]))
    assert (features[0] == 0).all()
    other = words.clone()
    other[0, 1:] = torch.randn(3, 16)
    again = grounding(other, classes, probabilities, spans([], [0]))
    torch.testing.assert_close(features[1], again[1])


@torch.inference_mode()
def test_one_cell_is_enough_for_the_best_cell(scene, grounding):
    words, classes, probabilities = scene
    probabilities[:, :, 3], probabilities[:, :, 7] = 0.0, 1.0
    probabilities[0, 9, 7], probabilities[0, 9, 3] = 0.0, 1.0
    features = grounding(words, classes, probabilities, spans([1]))
    whole, best, mean = features[0, 0, :3].tolist()
    assert best > 3 > max(whole, mean)


@torch.inference_mode()
def test_a_word_that_is_like_every_class_carries_no_evidence_beyond_chance(scene, grounding):
    """A z-score over all classes: evidence has mean 0 and deviation 1 over what might be seen."""
    words, classes, _ = scene
    each = torch.eye(1000)[:, None].repeat(1, 17, 1)
    found = grounding(words.repeat(1000, 1, 1), classes, each, spans([0]).repeat(1, 1000, 1))[0, :, 0]
    assert found.mean().item() == pytest.approx(0, abs=1e-3)
    assert found.std().item() == pytest.approx(1, abs=1e-3)


@torch.no_grad()
def test_the_map_starts_as_the_directions_in_which_the_names_differ_most():
    torch.manual_seed(0)
    grounding = Grounding(200)
    grounding.mean.normal_()
    grounding.scale.uniform_(0.5, 2)
    classes = torch.randn(1000, 200) * torch.linspace(0.1, 3, 200)
    grounding.start_from(classes)
    standard = ((classes - grounding.mean) / grounding.scale).numpy()
    values, vectors = np.linalg.eigh(np.cov(standard.T))  # principal components, least first
    kept = grounding.map.weight.numpy()
    np.testing.assert_allclose(kept @ kept.T, np.eye(160), atol=1e-4)
    assert np.var(standard @ kept.T, axis=0, ddof=1).sum() == pytest.approx(values[40:].sum(), rel=1e-4)
    assert abs(kept[0] @ vectors[:, -1]) == pytest.approx(1, abs=1e-3)
