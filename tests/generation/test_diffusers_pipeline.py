"""A real pipeline with random weights: the same image for the same draw, and clear words for what can't be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("diffusers")
import tiny_pipeline

from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import InputError, ItemError, OutOfMemoryError, WeightsError
from lmm4lmm.core.records import Prompt
from lmm4lmm.generation import diffusers_pipeline, pipeline_call
from lmm4lmm.generation.diffusers_pipeline import load
from lmm4lmm.generation.prompt_length import unread
from lmm4lmm.generation.published import PUBLISHED

PIPELINES = {
    "Kandinsky-3": "Kandinsky3Pipeline",
    "Kolors": "KolorsPipeline",
    "PixArt-sigma": "PixArtSigmaPipeline",
    "ali_flux_schnell": "FluxPipeline",
    "omnigen": "OmniGenPipeline",
    "playground": "StableDiffusionXLPipeline",
    "sd3_5_large": "StableDiffusion3Pipeline",
    "sd_v2-1": "StableDiffusionPipeline",
    "sdxl_base_1": "StableDiffusionXLPipeline",
}
"""What the published models' repositories name in their ``model_index.json``."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_pipeline.build(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def generator(folder):
    return load(str(folder), steps=2, guidance=5.0)


def draws(count: int) -> list[Draw]:
    texts = ("a cat 🐈", "一只红色的杯子", "a dog", "", "a boat " * 60)
    return [
        Draw(id=str(n), prompt=Prompt(id=str(n), text=texts[n % 5]), generator="g", seed=1000 + n)
        for n in range(count)
    ]


def pixels(result) -> np.ndarray:
    assert isinstance(result, Drawn)
    return np.asarray(result.image, dtype=int)


def test_an_image_depends_on_its_draw_and_not_on_its_batch(generator):
    together = [pixels(one) for one in generator.generate(draws(5))]
    assert together[0].shape == (32, 32, 3)
    for number in (4, 1):
        (alone,) = generator.generate([draws(5)[number]])
        assert np.abs(pixels(alone) - together[number]).max() <= 1
    (other,) = generator.generate([Draw(id="0", prompt=draws(1)[0].prompt, generator="g", seed=5)])
    assert np.abs(pixels(other) - together[0]).max() > 20


def test_a_prompt_that_is_not_read_to_its_end_has_a_remark(generator):
    short, long = generator.generate([draws(5)[0], draws(5)[4]])
    assert short.remark is None
    assert long.remark == (
        "the pipeline reads 77 tokens of a prompt, and this one has 302: its end was not read"
    )


class Words:
    """A tokenizer that counts words, and two marks."""

    def __init__(self, most: int) -> None:
        self.model_max_length = most

    def __call__(self, text: str) -> SimpleNamespace:
        return SimpleNamespace(input_ids=["", *text.split(), ""])


class CLIPWords(Words):
    """One whose length nothing can change."""


class TwoReaders:
    """A pipeline with a short reader and a long one, as Stable Diffusion 3 has them."""

    def __init__(self, *readers: Words) -> None:
        for name, reader in zip(("tokenizer", "tokenizer_2"), readers, strict=False):
            setattr(self, name, reader)

    def __call__(self, prompt: str, max_sequence_length: int = 20) -> None: ...


@pytest.mark.parametrize(
    ("words", "arguments", "limit"),
    [
        (18, {}, None),
        (19, {}, 20),
        (19, {"max_sequence_length": 40}, None),
        (39, {"max_sequence_length": 40}, 40),
    ],
)
def test_the_longest_reader_counts(words, arguments, limit):
    pipe = TwoReaders(CLIPWords(8), Words(10**30))
    said = unread(pipe, "a " * words, arguments)
    assert (said is None) == (limit is None)
    assert limit is None or f"reads {limit} tokens of a prompt, and this one has {words + 2}" in said


def test_a_pipeline_without_a_reader_has_no_remark():
    assert unread(TwoReaders(), "a " * 5000, {}) is None


def test_it_says_what_decided_the_image(folder, generator):
    assert generator.name == "tiny-sd"
    assert generator.settings["pipeline"] == "StableDiffusionPipeline"
    assert generator.settings["num_inference_steps"] == 2
    assert generator.settings["dtype"] == "float32"
    assert str(folder.parent) not in json.dumps(generator.settings)


def test_the_fingerprint_follows_settings_and_weights(folder, generator, tmp_path):
    assert load(str(folder), steps=2, guidance=5.0).fingerprint == generator.fingerprint
    assert load(str(folder), steps=3, guidance=5.0).fingerprint != generator.fingerprint
    other = shutil.copytree(folder, tmp_path / "tiny-sd")
    weights = next(other.glob("unet/*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert load(str(other), steps=2, guidance=5.0).fingerprint != generator.fingerprint


def test_size_negative_and_more_reach_the_pipeline(folder):
    found = load(str(folder), steps=1, size="32x48", negative="blur", call='{"guidance_rescale": 0.5}')
    assert pixels(found.generate(draws(1))[0]).shape == (48, 32, 3)
    assert found.settings["negative_prompt"] == "blur"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"guidance": "much"}, "guidance"),
        ({"size": "0x0"}, "size"),
        ({"size": "32x"}, "size"),
        ({"size": "33x40"}, "does not draw 33x40: .*divisible by 8"),
        ({"offload": "all"}, "offload"),
        ({"offload": "model"}, "runs on the CPU"),
        ({"call": "[]"}, "JSON object"),
        ({"call": '{"prompt": "x"}'}, "without prompt"),
        ({"call": '{"colour": 1}'}, "takes no colour"),
        ({"device": "cuda:9"}, "can't be used"),
        ({"dtype": "float7"}, "dtype"),
    ],
)
def test_wrong_options_are_refused(folder, options, words):
    with pytest.raises(InputError, match=words):
        load(str(folder), **options)


def test_a_variant_is_fetched_as_such_and_no_pickle_with_it(folder, tmp_path, monkeypatch):
    from diffusers import DiffusionPipeline

    half = shutil.copytree(folder, tmp_path / "half")
    for weights in half.glob("*/*.safetensors"):
        weights.rename(weights.with_suffix(".fp16.safetensors"))
    asked = {}

    def download(repo, **wanted):
        asked[repo] = wanted
        return str(half)

    monkeypatch.setattr(DiffusionPipeline, "download", download)
    assert load("someone/half@v1", variant="fp16").name == "half"
    wanted = asked["someone/half"]
    assert (wanted["revision"], wanted["variant"], wanted["use_safetensors"]) == ("v1", "fp16", True)


def test_published_settings_are_such_as_their_pipelines_take():
    import diffusers

    runnable = {name: recipe.options for name, recipe in PUBLISHED.items() if recipe.run}
    assert set(runnable) == set(PIPELINES)
    nothing = dict.fromkeys(("steps", "guidance", "size", "negative", "call"))
    for name, options in runnable.items():
        kind = getattr(diffusers, PIPELINES[name])
        of_load = {key: value for key, value in options.items() if key in nothing}
        assert set(options) - set(of_load) <= {"variant"}, name
        arguments = pipeline_call.wanted(**(nothing | of_load))
        assert pipeline_call.fitted(kind.__new__(kind), arguments) == arguments


def test_what_is_no_pipeline_is_said(folder, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such folder"):
        load(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match=r"no model_index\.json"):
        load(str(tmp_path))
    broken = shutil.copytree(folder, tmp_path / "broken")
    shutil.rmtree(broken / "unet")
    with pytest.raises(WeightsError, match="can't be opened"):
        load(str(broken))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"can't be fetched from the hub"):
        load("nobody/nothing-at-all")


def test_python_that_comes_with_weights_is_not_run(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "own")
    index = json.loads((copied / "model_index.json").read_text())
    (copied / "unet" / "own_unet.py").write_text("raise SystemExit('run!')")
    (copied / "model_index.json").write_text(json.dumps({**index, "unet": ["own_unet", "Own"]}))
    with pytest.raises(WeightsError, match="its part unet is Python code"):
        load(str(copied))
    (copied / "model_index.json").write_text(json.dumps({**index, "_class_name": ["pipeline", "Own"]}))
    with pytest.raises(WeightsError, match="its class"):
        load(str(copied))


class Pretended:
    """A pipeline that answers as it is told."""

    def __init__(self, answer):
        self._answer = answer

    def __call__(self, prompt, generator, output_type, **_):
        return self._answer(len(prompt))


class Output:
    def __init__(self, images, flags=None):
        self.images, self.nsfw_content_detected = images, flags


def pretended(answer):
    return diffusers_pipeline.DiffusersPipeline(Pretended(answer), "p", "x", {}, {})


def test_memory_that_runs_out_is_told_to_the_engine():
    import torch

    def full(_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(OutOfMemoryError):
        pretended(full).generate(draws(2))


def test_a_blocked_image_is_a_refusal_and_one_of_no_numbers_an_error():
    images = np.full((3, 8, 8, 3), 0.5, dtype=np.float32)
    images[2, 0, 0, 0] = np.nan
    good, blocked, broken = pretended(lambda n: Output(images, [False, True, False])).generate(draws(3))
    assert pixels(good)[0, 0, 0] == 128
    assert isinstance(blocked, Refusal)
    assert isinstance(broken, ItemError)
    assert "float32" in str(broken)
