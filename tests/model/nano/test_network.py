from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import random_features, some_texts, tiny_model

from lmm4lmm.model.nano.network import ImageFeatures
from lmm4lmm.model.nano.processing import Texts


@pytest.fixture
def model():
    return tiny_model()


def one(features: ImageFeatures, row: int) -> ImageFeatures:
    return ImageFeatures(features.cells[row : row + 1], features.statistics[row : row + 1])


@torch.inference_mode()
def test_an_item_scores_the_same_alone_and_in_a_padded_batch(model):
    features, texts = random_features(3), some_texts()
    together = model(features, texts)
    for row, text in enumerate(texts):
        alone = model(one(features, row), [text])
        assert alone.perception.score.item() == pytest.approx(together.perception.score[row].item(), abs=1e-3)
        assert alone.perception.std.item() == pytest.approx(together.perception.std[row].item(), abs=1e-3)
        assert alone.correspondence.score.item() == pytest.approx(
            together.correspondence.score[row].item(), abs=1e-3
        )
        if text.question:
            assert alone.answer.item() == pytest.approx(together.answer[row].item(), abs=1e-4)


@torch.inference_mode()
def test_perception_does_not_see_the_prompt_nor_correspondence_the_question(model):
    features = random_features(1)
    first = model(features, [Texts((7, 8), (9, 10))])
    other_prompt = model(features, [Texts((17, 18), (9, 10))])
    other_question = model(features, [Texts((7, 8), (19, 20))])
    assert first.perception.score.item() == pytest.approx(other_prompt.perception.score.item(), abs=1e-5)
    assert first.correspondence.score.item() == pytest.approx(
        other_question.correspondence.score.item(), abs=1e-5
    )
    # ... while each output does see what it should: this is not a constant model
    assert first.correspondence.score.item() != pytest.approx(
        other_prompt.correspondence.score.item(), abs=1e-4
    )
    assert first.answer.item() != pytest.approx(other_question.answer.item(), abs=1e-4)
    brighter = replace(features, statistics=features.statistics * 2)
    assert model(brighter, [Texts((7, 8), (9, 10))]).perception.score.item() != pytest.approx(
        first.perception.score.item(), abs=1e-4
    )


@torch.inference_mode()
def test_an_item_without_a_question_has_no_answer(model):
    output = model(random_features(3), some_texts())
    assert torch.isnan(output.answer).tolist() == [False, False, True]
    assert model(random_features(1), [Texts((7,), ())]).answer is None
    assert model(random_features(1), [Texts((), ())]).correspondence is None


@torch.inference_mode()
def test_scores_stay_on_their_scale(model):
    features = random_features(3)
    wild = ImageFeatures(features.cells * 1e4, features.statistics * 1e4)
    output = model(wild, some_texts())
    for estimate in (output.perception, output.correspondence):
        assert ((estimate.score >= 0) & (estimate.score <= 100)).all()
        assert (estimate.std > 0).all()


@torch.inference_mode()
def test_the_answer_counts_all_spellings_at_the_answer_query(model):
    features, texts = random_features(1), [Texts((7, 8), (9, 10))]
    states = {}
    hook = model.language.norm.register_forward_hook(
        lambda module, args, output: states.update(last=output[0, -1])
    )
    odds = model(features, texts).answer.item()
    hook.remove()
    model.vocabulary_weight.zero_()
    without = model(features, texts).answer.item()
    model.vocabulary_weight.fill_(1.0)
    full = (model.language.get_input_embeddings().weight @ states["last"]).softmax(0)
    yes, no = full[[3, 4]].sum(), full[[5, 6]].sum()
    assert odds - without == pytest.approx((yes / no).log().item(), abs=1e-4)


@torch.inference_mode()
def test_leaving_out_the_upper_layers_leaves_out_only_them(model):
    features, texts = random_features(2), [Texts((7, 8), (9, 10)), Texts((11,), (12,))]
    shallow, deep = model(features, texts, shallow=True), model(features, texts)
    for head in (model.perception_head, model.correspondence_head, model.answer_head):
        head.state[-1].weight.zero_()
    model.vocabulary_weight.zero_()
    muted = model(features, texts)
    assert not torch.allclose(shallow.perception.score, deep.perception.score, atol=1e-3)
    torch.testing.assert_close(shallow.perception.score, muted.perception.score)
    torch.testing.assert_close(shallow.correspondence.score, muted.correspondence.score)
    torch.testing.assert_close(shallow.answer, muted.answer)
