"""The benchmark's model of the reference computes what the reference computed (the golden fixture)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from reference_style import OneModel, Phases, ReferenceStyle

SCORE, LOGIT = 2e-3, 2e-4


@pytest.fixture(scope="module")
def golden(shared) -> Path:
    return shared / "golden"


@pytest.fixture(scope="module")
def manifest(golden) -> dict:
    return json.loads((golden / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def inputs(golden) -> dict[str, torch.Tensor]:
    return load_file(golden / "inputs.safetensors")


def tiles(inputs: dict[str, torch.Tensor], case: dict) -> torch.Tensor:
    return torch.cat([inputs[f"pixels.{name}"] for name in case["pixels"]])


@torch.inference_mode()
@pytest.mark.parametrize("variant", ["a_base", "b_lora", "b2_lora_pth"])
@pytest.mark.parametrize("case", ["t1", "t2", "t7"])
def test_golden_scores_and_logits(golden, manifest, inputs, variant, case):
    model = OneModel(golden / "checkpoints" / variant, Phases())
    expected = load_file(golden / "expected" / f"{variant}.safetensors")
    pixels, ids = tiles(inputs, manifest["cases"][case]), inputs[f"{case}.input_ids"]
    assert model.tokenizer.encode(manifest["cases"][case]["full_prompt"]) == ids[0].tolist()
    assert model.score_ids(pixels, ids) == pytest.approx(expected[f"{case}.score1"].item(), abs=SCORE)
    tail = manifest["logits_tail_positions"]
    logits = model.logits(pixels, ids)[:, -tail:]
    assert torch.allclose(logits, expected[f"{case}.logits_tail"], atol=LOGIT, rtol=0)
    assert torch.allclose(model.hidden, expected[f"{case}.last_hidden_state"], atol=LOGIT, rtol=0)


def test_golden_scores_from_the_image_file_on(golden, manifest):
    image = golden / "e2e" / "e2e_image.png"
    folder = golden / "checkpoints" / "b_lora"
    reference = ReferenceStyle(
        {"perception": folder, "correspondence": folder, "answer": golden / "checkpoints" / "c_qa"}
    )
    expected = manifest["variants"]["b_lora"]["results"]
    cases = manifest["cases"]
    scores = reference.score(
        image, cases["e2e_correspondence"]["prompt"], manifest["qa_cases"]["e2e_qa"]["human"]
    )
    for dimension in ("perception", "correspondence"):
        assert scores[dimension] == pytest.approx(expected[f"e2e_{dimension}"]["score1"][0], abs=1e-2)
    assert 0 < scores["answer"] < 1


@torch.inference_mode()
@pytest.mark.parametrize("case", ["t1", "t2", "t7", "e2e_qa"])
def test_golden_answers(golden, manifest, inputs, case):
    model = OneModel(golden / "checkpoints" / "c_qa", Phases())
    expected = load_file(golden / "expected" / "c_qa.safetensors")
    told = manifest["qa_cases"][case]
    asked = told["prompt_only_len"]
    pixels, ids = tiles(inputs, told), inputs[f"qa_{case}.input_ids"]
    logits = model.logits(pixels, ids)
    assert torch.allclose(logits[:, asked - 1], expected[f"{case}.prompt_only_next_logits"], atol=LOGIT)
    assert model.read(logits[0, asked - 1]).token == expected[f"{case}.answer_ids"][0]


def test_both_ways_to_answer_and_where_the_time_goes(golden):
    image = golden / "e2e" / "e2e_image.png"
    question = "Is there a dog in the image? Answer yes or no."
    expected = load_file(golden / "expected" / "c_qa.safetensors")["e2e_qa.prompt_only_next_logits"][0]
    folders = {"answer": golden / "checkpoints" / "c_qa"}
    read, made = (ReferenceStyle(folders, answers=way) for way in ("argmax", "generate"))
    first, second = read.answer(image, question), made.answer(image, question)
    assert first.token == second.token == expected.argmax()
    assert first.yes.keys() | first.no.keys() >= {"Yes", "No"}
    assert first.p_yes == pytest.approx(second.p_yes, abs=1e-5)
    for way in (read, made):
        seconds = dict(way.phases.seconds)
        total = seconds.pop("total")
        assert seconds.keys() == {"decode", "vision", "language", "vocabulary"}
        assert 0 < sum(seconds.values()) < total
