from __future__ import annotations

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import ItemError
from lmm4lmm.model.official.prompts import LEVELS, SPECIAL, build_prompt, level_answer, template

TASKS = ("perception", "correspondence", "qa")


class LetterTokenizer:
    """A token a letter, and one for each special token: what ``Template.ids`` needs of a tokenizer."""

    start = -1

    def id_of(self, token):
        return -2 - SPECIAL.index(token)

    def plain(self, text):
        return [ord(letter) for letter in text]

    def pieces(self, text):
        parts = re.split(f"({'|'.join(map(re.escape, SPECIAL))})", text)
        return [i for part in parts for i in ([self.id_of(part)] if part in SPECIAL else self.plain(part))]


@pytest.fixture(scope="module")
def golden_prompts(shared):
    return json.loads((shared / "golden" / "prompts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("task", TASKS)
def test_golden_strings(golden_prompts, task):
    assert len(golden_prompts[task]) == 3
    for entry in golden_prompts[task]:
        text = entry.get("prompt_line", entry.get("question"))
        built = build_prompt(task, text, entry["img_context_repeats"], entry.get("answer"))
        assert len(built) == entry["length"]
        assert hashlib.sha256(built.encode()).hexdigest() == entry["sha256_utf8"]


def test_golden_strings_of_other_sizes(shared):
    """Tiny models have other numbers of tiles and tokens; the QA model is asked up to where it answers."""
    manifest = json.loads((shared / "golden" / "manifest.json").read_text(encoding="utf-8"))
    a_tile = manifest["num_image_token_per_tile"]
    for case in manifest["qa_cases"].values():
        whole = case["full_prompt"]
        assert build_prompt("qa", case["human"], case["n_tiles"] * a_tile, case["gpt"]) == whole
        asked = build_prompt("qa", case["human"], case["n_tiles"] * a_tile)
        assert whole == f"{asked}{case['gpt']}<|im_end|>"
    bad = manifest["cases"]["t1_bad"]
    assert build_prompt("perception", None, a_tile, level_answer("perception", "bad")) == bad["full_prompt"]


def user_turn(built):
    return built.partition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]


def test_a_prompts_ends_are_bared():
    built = build_prompt("correspondence", " \t a cat,  asleep \n", 1)
    assert user_turn(built).endswith("and its prompt? prompt: a cat,  asleep")
    assert user_turn(build_prompt("correspondence", "  ", 1)).endswith("prompt? prompt:")


@pytest.mark.parametrize(
    ("question", "turn"),
    [
        ("  Is it red? \n", "@\n  Is it red?"),
        ("<image>\nIs it red?", "@\nIs it red?"),
        ("<image>Is it red?", "@Is it red?"),
        (" Look at <image> . Red? ", "Look at @ . Red?"),
        ("<image>\nIs an <image> in it?", "@\nIs an <image> in it?"),
        ("", "@"),
    ],
)
def test_where_a_question_has_its_image(question, turn):
    asked = template("qa", question)
    assert user_turn(asked.text(2)) == turn.replace("@", "<img><IMG_CONTEXT><IMG_CONTEXT></img>")


def test_a_prompt_can_not_move_the_image():
    turn = user_turn(build_prompt("correspondence", "a sign that says <image>", 1))
    assert turn.startswith("<img><IMG_CONTEXT></img>\nHow")
    assert turn.endswith("says <image>")


@pytest.mark.parametrize("task", TASKS[:2])
@pytest.mark.parametrize("level", LEVELS)
def test_score_models_always_see_an_answer(task, level):
    built = build_prompt(task, "a cat", 1, level_answer(task, level))
    assert built.endswith(f" is {level}.<|im_end|>")
    assert build_prompt(task, "a cat", 1).endswith(" is excellent.<|im_end|>")
    assert built.replace(level, "excellent") == build_prompt(task, "a cat", 1)


@pytest.mark.parametrize("answer", [None, "", " "])
def test_the_qa_model_is_asked_up_to_where_it_answers(answer):
    assert build_prompt("qa", "Is it red?", 1, answer).endswith("Is it red?<|im_end|><|im_start|>assistant\n")


def test_perception_needs_no_text_and_the_others_do():
    assert build_prompt("perception", "a cat", 1) == build_prompt("perception", None, 1)
    with pytest.raises(ItemError, match="needs a prompt"):
        build_prompt("correspondence", None, 1)
    with pytest.raises(ItemError, match="needs a question"):
        build_prompt("qa", None, 1)


texts = st.text().filter(lambda text: not any(token in text for token in SPECIAL))


@given(st.sampled_from(TASKS), texts, st.none() | texts, st.integers(0, 9))
def test_ids_put_together_are_those_of_the_whole(task, text, answer, image_tokens):
    reader = LetterTokenizer()
    asked = template(task, text, answer=answer)
    assert asked.ids(reader, image_tokens) == [reader.start, *reader.pieces(asked.text(image_tokens))]


@given(st.sampled_from(TASKS), st.text(), st.lists(st.sampled_from(SPECIAL)))
def test_a_users_words_leave_the_frame_as_it_is(task, text, tokens):
    reader = LetterTokenizer()

    def frame(words):
        return [number for number in template(task, words).ids(reader, 2) if number < 0]

    assert frame(text + "".join(tokens)) == frame("a cat")


def test_what_stands_before_the_image_is_shared_by_all():
    reader = LetterTokenizer()
    before = {tuple(template(task, text).ids_before(reader)) for task in TASKS for text in ("a cat", "red?")}
    assert len(before) == 1
