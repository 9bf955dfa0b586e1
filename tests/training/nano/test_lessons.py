from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from lmm4lmm.questions.questions import MATCH_QUESTION
from lmm4lmm.training.nano.lessons import HALF, RIGHT, SWAPPED, Teacher
from lmm4lmm.training.nano.pictures import all_pictures

AI = {"drawbench_sd", "early_generators", "anatomy_errors"}


@pytest.fixture(scope="module")
def pictures(shared_data):
    return all_pictures(shared_data)


@pytest.fixture(scope="module")
def teachers(pictures):
    return {side: Teacher(pictures, side) for side in ("train", "validation", "test")}


def some(pictures, side, sources, number=300, seed=0):
    found = [one for one in pictures if one.side == side and one.source in sources]
    return [found[n] for n in np.random.default_rng(seed).integers(len(found), size=number)]


def test_the_sides_of_the_split_share_no_text(pictures, teachers):
    rng, texts = np.random.default_rng(0), {}
    for side, teacher in teachers.items():
        chosen = some(pictures, side, AI | {"nlvr"})
        lessons = [teacher.lesson(one, rng, right=right) for one in chosen for right in (True, False)]
        texts[side] = {one.prompt.lower() for one in lessons if "half" not in one.kind}
        assert len(texts[side]) > 10
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["validation"]
    assert not texts["validation"] & texts["test"]


def test_a_right_prompt_is_the_pictures_own(pictures, teachers):
    rng = np.random.default_rng(1)
    for picture in some(pictures, "train", AI):
        lesson = teachers["train"].lesson(picture, rng, right=True, quality=picture.level)
        assert lesson.prompt == picture.row["prompt"]
        assert lesson.kind == "right match"
        assert lesson.answer == 1.0
        assert lesson.correspondence == pytest.approx(RIGHT + 0.5 * (picture.level - 50))


def test_wrong_prompts_are_wrong_and_of_the_same_source(pictures, teachers):
    rng = np.random.default_rng(1)
    prompts, halves = defaultdict(set), 0
    for picture in pictures:
        if "prompt" in picture.row:
            prompts[picture.source].add(picture.row["prompt"])
    for picture in some(pictures, "train", AI):
        lesson = teachers["train"].lesson(picture, rng, right=False, quality=picture.level)
        own = picture.row["prompt"]
        assert lesson.prompt != own
        assert lesson.answer == 0.0
        if lesson.kind == "half match":
            halves += 1
            assert picture.source != "anatomy_errors"
            assert own.rstrip(".") in lesson.prompt
            assert lesson.correspondence == pytest.approx(HALF + 0.35 * (picture.level - 50))
        else:
            assert lesson.prompt in prompts[picture.source]
            assert lesson.correspondence == pytest.approx(SWAPPED + 0.2 * (picture.level - 50))
    assert 10 < halves < 80


def test_questions_about_objects_are_balanced_and_true(pictures, teachers):
    """Whatever the prompt says: the question is about the picture."""
    rng, answers, named = np.random.default_rng(2), [], 0
    every = {str(o["category"]) for one in pictures for o in one.row.get("objects", ())}
    for picture in some(pictures, "train", {"coco_mini"}, number=800):
        lesson = teachers["train"].lesson(picture, rng, right=bool(rng.random() < 0.5))
        if lesson.question == MATCH_QUESTION:
            assert lesson.answer == float(lesson.kind == "right match")
            continue
        answers.append(lesson.answer)
        there = {str(o["category"]) for o in picture.row["objects"]}
        rest = lesson.question.rstrip("?")
        asked = set()
        for name in sorted(every, key=len, reverse=True):  # "hot dog" before "dog"
            if f" {name}" in rest:
                asked.add(name)
                rest = rest.replace(f" {name}", " ")
        named += bool(asked)
        assert lesson.answer == float(asked <= there), (lesson.question, there)
    assert named == len(answers) > 300
    assert np.mean(answers) == pytest.approx(0.5, abs=0.06)


def test_a_scene_is_asked_whether_its_sentence_is_so(pictures, teachers):
    rng = np.random.default_rng(0)
    for picture in some(pictures, "train", {"nlvr"}, number=50):
        lesson = teachers["train"].lesson(picture, rng, right=True, quality=picture.level)
        assert lesson.prompt == picture.row["sentence"].strip()
        assert lesson.answer == float(picture.row["label"])
        assert (lesson.correspondence > 50) == bool(picture.row["label"])


def test_lessons_depend_on_the_random_generator_alone(pictures, teachers):
    chosen = some(pictures, "train", AI | {"coco_mini", "imagenet_sample"}, number=60)

    def draw(seed: int):
        rng = np.random.default_rng(seed)
        return [teachers["train"].lesson(one, rng, right=False) for one in chosen]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
