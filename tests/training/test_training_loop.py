"""The loop on a tiny model with made-up features: what it learns means nothing, how it learns does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parent.parent / "model" / "nano"))
from lmm4lmm.training.lessons import Lesson
from lmm4lmm.training.loop import Recipe, Trainer
from lmm4lmm.training.loss import lesson_loss
from lmm4lmm.training.pictures import Picture, held_out
from tiny import random_features, tiny_model

from lmm4lmm.model.nano.processing import Texts
from lmm4lmm.training import validation

SHORT = {
    "shallow_steps": 2,
    "shallow_batch": 8,
    "steps": 4,
    "batch": 8,
    "warmup": 2,
    "save_every": 2,
    "validate_every": 100,
}


class Letters:
    """A tokenizer of a kind: one id a letter."""

    def read(self, prompt, question):
        ids = [[7 + ord(c) % 40 for c in text or ""][:12] for text in (prompt, question)]
        return Texts(tuple(ids[0]), tuple(ids[1]))


def made_up(number: int) -> list[Picture]:
    pictures = []
    for n in range(number):
        prompt = f"thing {n % 40}"
        row = {"id": str(n), "image": f"{n}.png", "prompt": prompt, "model": "m"}
        quality = 30.0 + n % 50
        pictures.append(
            Picture("drawbench_sd", Path(f"{n}.png"), prompt, held_out(prompt), quality, 1.0, "", 0, row)
        )
    return pictures


@pytest.fixture
def trainer(tmp_path):
    pictures = made_up(200)
    features = random_features(200)

    def make(name: str, **changes) -> Trainer:
        recipe = Recipe(**(SHORT | changes))
        return Trainer(tiny_model(), Letters(), features, pictures, recipe, tmp_path / name)

    return make


def test_a_killed_run_goes_on_to_the_same_weights(trainer):
    straight = trainer("straight")
    straight.run()

    killed = trainer("killed")
    steps = killed._one_step
    killed._one_step = lambda lessons: (
        steps(lessons) if killed.step < 4 else (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    again = trainer("killed")
    assert again.step == 4
    again.run()
    for (name, a), b in zip(straight.trained_state().items(), again.trained_state().values(), strict=True):
        torch.testing.assert_close(a, b, atol=0, rtol=0, msg=name)


def test_the_log_has_a_line_a_step_and_the_validation(trainer):
    run = trainer("log")
    run.run()
    records = [json.loads(line) for line in (run.folder / "log.jsonl").read_text("utf-8").splitlines()]
    assert [r["step"] for r in records] == [1, 2, 3, 4, 5, 6, 6]
    assert "correspondence auc, drawbench_sd" in records[-1]["validation"]


def test_training_moves_only_what_is_trained(trainer):
    run = trainer("frozen")
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.run()
    trained = {k.replace(".default.", ".") for k in run.trained_state()}
    for name, value in run.model.state_dict().items():
        if name.replace(".default.", ".") not in trained:
            torch.testing.assert_close(value, before[name], atol=0, rtol=0, msg=name)
    moved = [k for k, v in run.model.state_dict().items() if not torch.equal(v, before[k])]
    assert any("lora_B" in k for k in moved)
    assert any("grounding" in k for k in moved)


def test_missing_targets_are_masked():
    model = tiny_model()
    texts = [Texts((7, 8), (9,)), Texts((10,), (11, 12))]
    output = model(random_features(2), texts)

    def losses(first: Lesson) -> dict[str, float]:
        second = Lesson(1, "", "", 40.0, 30.0, 1.0, (1, 1, 1), "")
        return {k: v.item() for k, v in lesson_loss(output, [first, second]).items()}

    nothing = losses(Lesson(0, "", "", None, None, None, (1, 1, 1), ""))
    no_weight = losses(Lesson(0, "", "", 99.0, 1.0, 0.0, (0, 0, 0), ""))
    something = losses(Lesson(0, "", "", 99.0, 1.0, 0.0, (1, 1, 1), ""))
    assert nothing == pytest.approx(no_weight)
    assert all(something[name] != pytest.approx(nothing[name]) for name in nothing)


def test_a_wrong_model_is_at_chance_and_a_perfect_one_is_not(trainer):
    examiner = trainer("exam").examiner
    lessons = validation.validation_lessons(examiner)
    right = np.array([lesson.kind == "right" for lesson in lessons], float)
    quality = np.array([lesson.perception for lesson in lessons])
    perfect = validation.figures(
        examiner, lessons, validation.Predictions(quality, 100 * right, 2 * right - 1)
    )
    assert set(perfect.values()) == {1.0}
    rng = np.random.default_rng(0)
    noise = [rng.random(len(lessons)) for _ in range(3)]
    chance = validation.figures(examiner, lessons, validation.Predictions(*noise))
    assert abs(chance["correspondence auc, drawbench_sd"] - 0.5) < 0.2
    assert abs(chance["perception srcc, AI images"]) < 0.4
