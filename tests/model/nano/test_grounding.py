from __future__ import annotations

import pytest
import torch

from lmm4lmm.model.nano.grounding import FEATURES, Grounding


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
def test_the_word_that_names_what_is_seen_has_the_evidence(scene):
    words, classes, probabilities = scene
    evidence, features = Grounding(16)(words, classes, probabilities, spans([0, 1], [2, 3]))
    assert evidence.shape == (1, 4, 2)
    assert evidence[0, :, 0].argmax() == 1
    assert features.shape == (2, 1, FEATURES)
    assert (features[0, 0, :3] > features[1, 0, :3] + 1).all()


@torch.inference_mode()
def test_an_empty_span_is_zero_and_words_outside_a_span_do_not_count(scene):
    words, classes, probabilities = scene
    grounding = Grounding(16)
    _, features = grounding(words, classes, probabilities, spans([], [0]))
    assert (features[0] == 0).all()
    other = words.clone()
    other[0, 1:] = torch.randn(3, 16)
    _, again = grounding(other, classes, probabilities, spans([], [0]))
    torch.testing.assert_close(features[1], again[1])


@torch.inference_mode()
def test_one_cell_is_enough_for_the_best_cell(scene):
    words, classes, probabilities = scene
    probabilities[:, :, 3], probabilities[:, :, 7] = 0.0, 1.0
    probabilities[0, 9, 7], probabilities[0, 9, 3] = 0.0, 1.0
    _, features = Grounding(16)(words, classes, probabilities, spans([1]))
    whole, best, mean = features[0, 0, :3].tolist()
    assert best > 3 > max(whole, mean)
