from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from lmm4lmm.training.lessons import SWAPPED, Teacher
from lmm4lmm.training.pictures import all_pictures
from lmm4lmm.training.validation import validation_lessons

from lmm4lmm.core.errors import InputError


@pytest.fixture(scope="module")
def pictures(shared_data):
    return all_pictures(shared_data)


def test_absent_data_are_named(tmp_path):
    with pytest.raises(InputError, match="imagenet_sample"):
        all_pictures(tmp_path)


def test_no_prompt_photo_class_or_sentence_straddles_the_split(pictures):
    sides = defaultdict(set)
    for picture in pictures:
        sides[picture.group.strip().lower()].add(picture.held_out)
        if "prompt" in picture.row:
            sides[picture.row["prompt"].strip().lower()].add(picture.held_out)
    assert all(len(found) == 1 for found in sides.values())
    share = np.mean([picture.held_out for picture in pictures])
    assert 0.1 < share < 0.25


def test_teacher_and_examiner_share_no_text(pictures):
    rng = np.random.default_rng(0)
    texts = []
    for held_out in (False, True):
        teacher = Teacher(pictures, held_out=held_out)
        photos = [
            i for i in teacher.indices if pictures[i].source in {"drawbench_sd", "early_generators", "nlvr"}
        ]
        chosen = [teacher.lesson(i, rng, matched=True) for i in photos]
        texts.append({(x.prompt if x.kind != "nlvr" else x.question).lower() for x in chosen})
    assert not texts[0] & texts[1]


def test_wrong_prompts_are_wrong_and_of_the_same_source(pictures):
    teacher, rng = Teacher(pictures, held_out=False), np.random.default_rng(1)
    prompts = defaultdict(set)
    for picture in pictures:
        if "prompt" in picture.row:
            prompts[picture.source].add(picture.row["prompt"])
    for index in rng.choice([i for i in teacher.indices if "prompt" in pictures[i].row], 200):
        lesson = teacher.lesson(int(index), rng, matched=False)
        assert lesson.prompt != pictures[index].row["prompt"]
        assert lesson.prompt in prompts[pictures[index].source]
        assert (lesson.correspondence, lesson.answer) == (SWAPPED, 0.0)


def test_questions_about_objects_are_balanced_and_true(pictures):
    lessons = [x for x in validation_lessons(Teacher(pictures, held_out=True)) if "contain" in x.question]
    coco = [x for x in lessons if pictures[x.picture].source == "coco_mini"]
    assert np.mean([x.answer for x in lessons]) == pytest.approx(0.5, abs=0.06)
    for lesson in coco:
        there = {o["category"] for o in pictures[lesson.picture].row["objects"]}
        named = {o for o in there if f" {o}" in lesson.question}
        assert bool(named) or lesson.answer == 0.0


def test_lessons_depend_on_the_random_generator_alone(pictures):
    teacher = Teacher(pictures, held_out=False)
    first = [teacher.lesson(i, np.random.default_rng(i)) for i in teacher.indices[:50]]
    assert first == [teacher.lesson(i, np.random.default_rng(i)) for i in teacher.indices[:50]]
