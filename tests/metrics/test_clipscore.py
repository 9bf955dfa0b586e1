from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import ROOM, write_clip

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.core.records import Item
from lmm4lmm.metrics.clipscore import load, parts_of

WORDS = " and ".join(["a rocket on a launch pad beside a wooden table with a cup of coffee"] * 3)


@pytest.fixture(scope="module", params=["clip", "siglip"])
def made(request, tmp_path_factory):
    """A folder, transformers' model of it, and our metric."""
    folder = tmp_path_factory.mktemp(request.param)
    return folder, write_clip(folder, request.param), load(weights=folder, device="cpu")


def picture(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((60, 44), Image.Resampling.BICUBIC)


def score_of(metric, prompt, image=None):
    item = Item(id="one", path=Path("one"), image="one", prompt=prompt)
    (score,) = metric.score([metric.prepare(item, image or picture())])
    return score


def test_the_score_is_transformers_own_cosine(made):
    from transformers import AutoTokenizer

    folder, model, metric = made
    words = AutoTokenizer.from_pretrained(folder)
    cosines = []
    for prompt, seed in (("a cat", 0), ("a rocket", 1), ("a cup of coffee", 2), ("wooden table 7", 3)):
        given = words(prompt, padding="max_length", max_length=ROOM, return_tensors="pt")
        if model.config.model_type == "siglip":
            del given["attention_mask"]
        item = Item(id="one", path=Path("one"), image="one", prompt=prompt)
        pixels = torch.from_numpy(metric.prepare(item, picture(seed)).pixels)[None]
        with torch.inference_mode():
            whole = model(pixel_values=pixels, **given)
        cosines.append(float((whole.image_embeds * whole.text_embeds).sum()))
        found = score_of(metric, prompt, picture(seed)).correspondence
        assert found.score == pytest.approx(max(0.0, 100 * cosines[-1]), abs=1e-3)
        assert found.std is None
    assert max(cosines) > 0.01  # else nothing was compared


def test_pixels_are_those_of_transformers_processor(made):
    folder, _, metric = made
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    item = Item(id="one", path=Path("one"), image="one", prompt="a cat")
    pixels = metric.prepare(item, Image.new("RGB", (50, 50), (255, 0, 128))).pixels
    expected = (np.array([1, 0, 128 / 255]) - settings["image_mean"]) / np.array(settings["image_std"])
    assert pixels.shape == (3, 28, 28)
    np.testing.assert_allclose(pixels[:, 14, 14], expected, atol=1e-5)


def test_a_long_prompt_is_read_in_parts_and_counted(made):
    *_, metric = made
    before = len(metric.remarks())
    long = score_of(metric, WORDS)
    assert long.remark is not None
    assert long.remark.startswith("prompt of ")
    assert long.remark.endswith("parts")
    assert "were longer than 32 tokens and read in parts" in metric.remarks()[0]
    assert before <= 1
    assert score_of(metric, "a cat").remark is None
    item = Item(id="one", path=Path("one"), image="one", prompt=WORDS)
    parts = metric.prepare(item, picture()).parts
    assert " ".join(text for text, _ in parts) == WORDS
    assert all(0 < count <= ROOM for _, count in parts)
    cosines = [score_of(metric, text).correspondence.score for text, _ in parts]
    if min(cosines) > 0:
        mean = np.average(cosines, weights=[count for _, count in parts])
        assert long.correspondence.score == pytest.approx(mean, abs=1e-3)


def test_halving_keeps_every_letter():
    for text in ("one two three four five six seven", "阿" * 40, "x" * 33, "a"):
        parts = parts_of(text, lambda part: len(part) + 2, 10)
        assert "".join(part for part, _ in parts).replace(" ", "") == text.replace(" ", "")
        assert all(len(part) + 2 <= 10 for part, _ in parts)
    assert parts_of("é", lambda _: 99, 10) == [("é", 10)]  # a letter of more tokens than there is room for


def test_the_fingerprint_is_of_the_weights(tmp_path):
    write_clip(tmp_path / "one")
    plain = load(weights=tmp_path / "one", device="cpu").fingerprint
    assert plain == load(weights=tmp_path / "one", device="cpu").fingerprint
    settings = tmp_path / "one" / "preprocessor_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"image_mean": [0.5, 0.5, 0.5]}))
    assert load(weights=tmp_path / "one", device="cpu").fingerprint != plain


def test_weights_that_can_not_be(tmp_path):
    with pytest.raises(WeightsError, match=r"config\.json can't be read"):
        load(weights=tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(WeightsError, match="model_type is 'llava'; clipscore takes clip, siglip"):
        load(weights=tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(WeightsError, match="can't be loaded as CLIPModel"):
        load(weights=tmp_path)


def test_a_missing_tensor_is_named(tmp_path):
    from safetensors.torch import load_file, save_file

    write_clip(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=r"1 tensors are missing, for instance visual_projection\.weight"):
        load(weights=tmp_path)


@pytest.mark.parametrize("options", [{"dtype": "float16"}, {"dimensions": ("perception",)}])
def test_options_that_can_not_be(options):
    with pytest.raises(InputError):
        load(**options)
