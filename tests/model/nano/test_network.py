from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import HIDDEN, WORDS, chosen, random_features, some_texts, tiny_model

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.nano.assembly import apply_trained, trained_names
from lmm4lmm.model.nano.language import LAYERS
from lmm4lmm.model.nano.naturalness import FEATURES
from lmm4lmm.model.nano.network import Words, joined
from lmm4lmm.model.nano.processing import Texts, View
from lmm4lmm.model.nano.scene import ImageFeatures

MODEL = tiny_model()
words = st.lists(st.integers(2, WORDS - 1), max_size=9).map(tuple)
texts_of_items = st.builds(Texts, words, words)


@torch.inference_mode()
def outputs(features: ImageFeatures, texts: list[Texts], rows: torch.Tensor | None = None) -> np.ndarray:
    """[R, 5]: both scores, both deviations, log odds; NaN for a part that is None."""
    found = MODEL(features, MODEL.read(texts), rows)
    nothing = torch.full((len(texts),), torch.nan)
    match = found.correspondence or (nothing, nothing)
    answer = nothing if found.answer is None else found.answer
    return torch.stack([*found.perception, *match, answer], 1).numpy()


def same(one: np.ndarray, other: np.ndarray) -> None:
    """Up to the rounding of float32 products, whose order depends on the batch; scores are promised to 1e-3."""
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_perception_does_not_see_any_text_nor_correspondence_the_question():
    features = random_features(1)
    (first,) = outputs(features, [Texts((7, 8), (9, 10))])
    (other_prompt,) = outputs(features, [Texts((17, 18, 19), (9, 10))])
    (other_question,) = outputs(features, [Texts((7, 8), (19, 20, 21))])
    (no_text,) = outputs(features, [Texts((), ())])
    (no_question,) = outputs(features, [Texts((7, 8), ())])
    assert first[:2].tolist() == other_prompt[:2].tolist() == other_question[:2].tolist()
    assert first[:2].tolist() == no_text[:2].tolist()
    same(other_question[2:4], first[2:4])
    same(no_question[2:4], first[2:4])
    # ... while each output does see what it should: this is not a constant model
    assert abs(first[2] - other_prompt[2]) > 0.1
    assert abs(first[4] - other_prompt[4]) > 1e-3  # ten times what rounding makes
    assert abs(first[4] - other_question[4]) > 0.01


@pytest.mark.parametrize("part", ["places", "cells", "statistics", "naturalness", "opinion"])
def test_every_part_of_what_is_seen_counts(part):
    features = random_features(1)
    if part == "naturalness":
        other = replace(features, naturalness=features.naturalness.flip(1))
    elif part == "opinion":
        other = replace(features, opinion=features.opinion + 1)
    else:
        turned = getattr(features.eye, part).flip(-1)
        other = replace(features, eye=replace(features.eye, **{part: turned}))
    texts = [Texts((7, 8), (9, 10))]
    changed = np.abs(outputs(features, texts) - outputs(other, texts))[0]
    assert changed[0] > 1e-3
    assert changed[2] > 1e-3


@settings(max_examples=30)
@given(st.lists(texts_of_items, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_neither_batch_mates_nor_their_order_nor_padding_change_a_value(texts, random):
    features = random_features(len(texts))
    together = outputs(features, texts)
    order = random.sample(range(len(texts)), len(texts))
    shuffled = outputs(chosen(features, *order), [texts[n] for n in order])
    asked = [bool(text.prompt) for text in texts]
    for place, n in enumerate(order):
        alone = outputs(chosen(features, n), [texts[n]])[0]
        # an item without a prompt has no correspondence that means anything; perception and answer must hold
        kept = slice(None) if asked[n] else [0, 1, 4]
        same(alone[kept], together[n][kept])
        same(shuffled[place][kept], together[n][kept])


def test_more_padding_changes_nothing():
    features, texts = random_features(4), some_texts()
    with torch.inference_mode():
        tight = MODEL.read(texts)
        wide = Words(
            torch.cat([tight.states, torch.full((4, 5, 2 * HIDDEN), 1e3)], 1),
            torch.cat([tight.spans, torch.zeros(2, 4, 5, dtype=torch.bool)], 2),
        )
        one, other = MODEL(features, tight), MODEL(features, wide)
    for name in ("perception", "correspondence"):
        same(getattr(one, name).score.numpy(), getattr(other, name).score.numpy())
    same(one.answer.numpy(), other.answer.numpy())


def test_rows_that_share_an_image_score_as_with_their_own_copy():
    texts, shared = [*some_texts(), Texts((30,), (31,))], [1, 0, 1, 1, 0]
    features = random_features(2)
    same(outputs(features, texts, torch.tensor(shared)), outputs(chosen(features, *shared), texts))


def test_an_item_without_a_question_has_no_answer():
    found = outputs(random_features(4), some_texts())
    assert np.isnan(found[:, 4]).tolist() == [False, False, True, False]
    assert not np.isnan(found[:, :4]).any()
    with torch.inference_mode():
        features = random_features(1)
        assert MODEL(features, MODEL.read([Texts((7,), ())])).answer is None
        assert MODEL(features, MODEL.read([Texts((), (7,))])).correspondence is None
        nothing = MODEL(features, MODEL.read([Texts((), ())]))
    assert (nothing.correspondence, nothing.answer) == (None, None)


def test_scores_stay_on_their_scale_whatever_is_seen():
    features = random_features(4)
    eye = features.eye
    for factor in (1e4, -1e4):
        wild = ImageFeatures(
            replace(
                eye, places=eye.places * factor, cells=eye.cells * factor, statistics=eye.statistics * factor
            ),
            features.naturalness * factor,
            features.opinion * factor,
        )
        found = outputs(wild, some_texts())
        assert ((found[:, [0, 2]] >= 0) & (found[:, [0, 2]] <= 100)).all()
        assert (found[:, [1, 3]] >= 1).all()
        assert np.isfinite(found[[0, 1, 3], 4]).all()


@torch.inference_mode()
def test_all_of_the_lower_layers_are_read():
    features, texts = random_features(4), some_texts()
    before = outputs(features, texts)
    assert len(MODEL.language.layers) == LAYERS
    for number, layer in enumerate(MODEL.language.layers):
        layer.attend.weight.mul_(-1)  # of queries and keys the signs cancel, of values they don't
        moved = np.nanmax(np.abs(outputs(features, texts) - before))
        layer.attend.weight.mul_(-1)
        assert moved > 1e-3, number


def test_joined_words_lie_prompt_first_and_padding_is_in_no_span():
    states = [torch.full((n, 4), float(n)) for n in (2, 1, 0, 3, 0, 0)]
    words = joined(states, torch.device("cpu"))
    assert words.states.shape == (3, 3, 4)
    assert words.states[..., 0].tolist() == [[2, 2, 1], [3, 3, 3], [0, 0, 0]]
    assert words.spans.int().tolist() == [
        [[1, 1, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 1], [1, 1, 1], [0, 0, 0]],
    ]


@torch.inference_mode()
def test_what_is_seen_survives_being_kept_in_half_precision():
    rng = np.random.default_rng(0)
    views = [
        View(
            rng.integers(0, 256, (256, 256, 3), np.uint8),
            rng.normal(size=FEATURES).astype(np.float32),
            rng.random(36, np.float32),
        )
        for _ in range(2)
    ]
    found = MODEL.look(views)
    eye = found.eye
    for part in (eye.places, eye.cells, eye.statistics, found.naturalness, found.opinion):
        assert part.dtype == torch.float32
        assert torch.equal(part.half().float(), part)


def test_matching_and_perception_learn_from_how_it_is_drawn_each_by_a_view_of_its_own():
    model = tiny_model().requires_grad_(True)
    found = model(random_features(2), model.read([Texts((7, 8), ()), Texts((9,), ())]))
    names = ("scene.finish.1.weight", "scene.manner.1.weight")
    weights = [dict(model.named_parameters())[name] for name in names]
    assert found.correspondence is not None
    for score, own in ((found.perception.score, 0), (found.correspondence.score, 1)):
        gradients = torch.autograd.grad(score.sum(), weights, retain_graph=True, allow_unused=True)
        assert gradients[own] is not None
        assert gradients[own].abs().max() > 0
        assert gradients[1 - own] is None


def test_weights_from_before_the_two_views_score_as_they_did():
    """Up to 0.3 one view served both: with a copy for each, every output stays what it was."""
    model = tiny_model(3)
    model.scene.manner.load_state_dict(model.scene.finish.state_dict())
    state = {name: model.state_dict()[name].clone() for name in trained_names(model)}
    old = {name: value for name, value in state.items() if not name.startswith("scene.manner.")}
    other = tiny_model(3)  # with another view for matching
    features, texts = random_features(4), some_texts()
    assert not torch.equal(other.scene.manner[1].weight, model.scene.manner[1].weight)
    apply_trained(other, old)
    with torch.inference_mode():
        one, two = (each(features, each.read(texts)) for each in (model, other))
    assert torch.equal(one.correspondence.score, two.correspondence.score)
    assert torch.equal(one.perception.score, two.perception.score)
    del old["scene.finish.1.bias"]
    with pytest.raises(WeightsError, match=r"scene\.finish\.1\.bias"):
        apply_trained(other, old)
