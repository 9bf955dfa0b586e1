from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parent.parent / "model" / "bases"))
from tiny_bases import picture, write_folder

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.records import Item
from lmm4lmm.metrics import vqascore
from lmm4lmm.metrics.vqascore import QUESTION, load


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    write_folder("smolvlm", folder)
    return folder, load(weights=folder, device="cpu")


def item(prompt):
    return Item(id="one", path=Path("one"), image="one", prompt=prompt)


def test_the_score_is_the_base_s_own_probability_of_yes(made):
    from lmm4lmm.model.bases.base import Reading
    from lmm4lmm.model.bases.opening import open_base
    from lmm4lmm.model.quality_model import QualityModel

    folder, metric = made
    model = QualityModel(open_base(folder), {})
    image = picture(90, 50)
    words = model.base.text('Does this figure show "a red cat"? Please answer yes or no.')
    with torch.inference_mode():
        reading = Reading(0, tuple(words), (len(words) - 1,))
        (states,) = model.states(None, [model.base.prepare(image)], [reading])
        expected = float(model.p_yes(None, states))
    (score,) = metric.score([metric.prepare(item("a red cat"), image)])
    assert score.correspondence.score == pytest.approx(100 * expected, abs=1e-3)
    assert score.perception is None
    assert score.answer is None


def test_the_question_is_the_paper_s():
    assert QUESTION.format(prompt="x") == 'Does this figure show "x"? Please answer yes or no.'


def test_an_image_of_several_prompts_is_prepared_once(made):
    _, metric = made
    image = picture(90, 50)
    batch = [metric.prepare(item(prompt), image) for prompt in ("a cat", "", "a dog", "a cat")]
    scores = metric.score(batch)
    assert scores[1].correspondence is None
    assert scores[0] == scores[3]
    assert scores[0] != scores[2]


def test_a_prompt_that_is_too_long_is_the_item_s_error(made, monkeypatch):
    _, metric = made
    monkeypatch.setattr(vqascore, "_MOST_TOKENS", 20)
    with pytest.raises(ItemError, match="at most 20 are read"):
        metric.prepare(item("a cat"), picture(90, 50))


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "vqascore needs a model"), ({"weights": "x", "dimensions": ("answer",)}, "gives correspondence")],
)
def test_options_that_can_not_be(options, message):
    with pytest.raises(InputError, match=message):
        load(**options)
