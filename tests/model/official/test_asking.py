"""What a reading holds, on a small random checkpoint."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
sys.path.append(str(Path(__file__).parent))
from random_checkpoint import Shape, write

from lmm4lmm.core.errors import ItemError
from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.loading import build
from lmm4lmm.model.official.asking import asked
from lmm4lmm.model.official.reading import read_checkpoint
from lmm4lmm.model.unified import asked_at_once


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("released")
    return build(read_checkpoint({"answer": write(folder, Shape(), kind="qa", seed=0, base_seed=0)})).base


def text(base: Base, ids: tuple[int, ...]) -> str:
    return base.reader.decode(ids)


def test_score_models_are_read_within_the_dummy_answer(base: Base) -> None:
    reading = asked(base, "correspondence", " a red cat ")
    whole = text(base, reading.text)
    assert whole.endswith("The correspondence of the image and its prompt is excellent.<|im_end|>")
    assert "prompt: a red cat<|im_end|>" in whole
    assert reading.at == (len(reading.text) - 4,)


def test_answers_are_read_where_the_model_would_speak(base: Base) -> None:
    reading = asked(base, "qa", "Is there a cat? Answer yes or no.")
    assert text(base, reading.text).endswith("<|im_start|>assistant\n")
    assert reading.at == (len(reading.text) - 1,)


def test_a_question_around_its_image_keeps_its_words(base: Base) -> None:
    assert "Is it  a cat?" in text(base, asked(base, "qa", "Is it <image> a cat?").text)
    assert "Is it a cat?" in text(base, asked(base, "qa", "<image>\nIs it a cat?").text)


def test_a_task_without_its_text_is_an_error(base: Base) -> None:
    with pytest.raises(ItemError, match="needs a prompt"):
        asked(base, "correspondence")


def test_one_sequence_asks_for_all_three_in_order(base: Base) -> None:
    whole, dimensions = asked_at_once(base, "a red cat", "Is there a cat?")
    assert dimensions == ("perception", "correspondence", "answer")
    assert list(whole.at) == sorted(whole.at)
    assert whole.at[-1] == len(whole.text) - 1
    before = text(base, whole.text[: whole.at[0] + 1])
    assert "cat" not in before, "perception must not see the prompt"
    middle = text(base, whole.text[: whole.at[1] + 1])
    assert "a red cat" in middle
    assert "Is there" not in middle, "correspondence must not see the question"


def test_what_one_output_sees_does_not_depend_on_what_follows(base: Base) -> None:
    whole, _ = asked_at_once(base, "a red cat", "Is there a cat?")
    alone, only = asked_at_once(base, None, None)
    assert only == ("perception",)
    assert whole.text[: whole.at[0] + 1] == alone.text[: alone.at[0] + 1]
    shorter, _ = asked_at_once(base, "a red cat", None)
    assert whole.text[: whole.at[1] + 1] == shorter.text
