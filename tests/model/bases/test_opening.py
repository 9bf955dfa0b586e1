from __future__ import annotations

import json
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_bases import FAMILIES, picture, tokenizer

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.bases.opening import open_base
from lmm4lmm.model.quality_model import QualityModel


@pytest.fixture
def copy(opened, tmp_path):
    """A family's folder, to spoil."""

    def made(family):
        return shutil.copytree(opened(family).folder, tmp_path / family)

    return made


def _config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _weights(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_tensor_is_named(family, copy):
    folder = copy(family)
    lost = []

    def drop(tensors):
        lost.append(next(name for name in sorted(tensors) if "layers.1." in name))
        del tensors[lost[0]]

    _weights(folder, drop)
    with pytest.raises(
        WeightsError, match=f"missing, for instance .*layers.1.{lost[0].split('layers.1.')[1]}"
    ):
        open_base(folder)


def test_a_missing_vocabulary_head_is_named_unless_it_is_tied(copy):
    tied, own = load_file(copy("internvl") / "model.safetensors"), copy("qwen3_vl")
    assert "lm_head.weight" not in tied  # and the tests of bases open it
    _weights(own, lambda tensors: tensors.pop("lm_head.weight"))
    with pytest.raises(WeightsError, match=r"missing, for instance lm_head\.weight"):
        open_base(own)


def test_a_tensor_too_many_is_named(copy):
    folder = copy("smolvlm")
    _weights(folder, lambda tensors: tensors.update({"model.text_model.extra.weight": torch.ones(2)}))
    with pytest.raises(WeightsError, match=r"unexpected, for instance model\.text_model\.extra\.weight"):
        open_base(folder)


def test_a_tensor_of_another_shape_is_refused(copy):
    folder = copy("qwen2_5_vl")
    _weights(folder, lambda tensors: tensors.update({"model.language_model.norm.weight": torch.ones(3)}))
    with pytest.raises(WeightsError, match=r"qwen2_5_vl"):
        open_base(folder)


@pytest.mark.parametrize("family", ["internvl", "qwen2_5_vl", "qwen3_vl", "smolvlm"])
def test_code_in_the_folder_is_never_run(family, copy, monkeypatch):
    folder = copy(family)
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()\nclass Evil: pass\n")
    autos = ("AutoConfig", "AutoModel", "AutoModelForImageTextToText", "AutoProcessor", "AutoImageProcessor")
    remote = dict.fromkeys((*autos, "AutoTokenizer"), "evil.Evil")
    config = json.loads((folder / "config.json").read_text())
    inner = {name: config[name] | {"auto_map": remote} for name in ("text_config", "vision_config")}
    _config(folder, auto_map=remote, **inner)
    for name in ("preprocessor_config.json", "tokenizer_config.json"):
        old = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
        (folder / name).write_text(json.dumps(old | {"auto_map": remote}))
    monkeypatch.setattr("sys.stdin", None)  # nobody is there to be asked
    QualityModel(open_base(folder), {})
    assert not (folder / "ran").exists()
    assert not [name for name in sys.modules if name.endswith("evil")]


def test_pickles_are_not_read(copy):
    folder = copy("smolvlm")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="safetensors"):
        open_base(folder)


def test_damaged_weights(copy):
    folder = copy("internvl")
    (folder / "model.safetensors").write_bytes(b"no safetensors")
    with pytest.raises(WeightsError, match="can't be loaded as InternVLForConditionalGeneration"):
        open_base(folder)


def test_other_models_are_refused_by_name(copy):
    folder = copy("smolvlm")
    _config(folder, model_type="llava")
    with pytest.raises(WeightsError, match=r"'llava'; supported as bases: internvl, qwen2_5_vl, qwen3_vl, "):
        open_base(folder)


def test_a_folder_without_configuration(tmp_path):
    with pytest.raises(WeightsError, match=r"config\.json can't be read"):
        open_base(tmp_path)


def test_a_folder_with_an_adapter_alone_is_refused(copy):
    folder = copy("smolvlm")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/base"}')
    with pytest.raises(WeightsError, match="PEFT adapter"):
        open_base(folder)


def test_missing_image_settings(copy):
    folder = copy("qwen3_vl")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(WeightsError, match="the image processor's settings can't be read"):
        open_base(folder)


def test_image_settings_may_stand_in_the_processors_file(copy, opened):
    folder = copy("smolvlm")
    old = folder / "preprocessor_config.json"
    (folder / "processor_config.json").write_text(
        json.dumps({"image_processor": json.loads(old.read_text())})
    )
    old.unlink()
    assert (
        open_base(folder).prepare(picture(90, 50)).key == opened("smolvlm").base.prepare(picture(90, 50)).key
    )


@pytest.mark.parametrize(
    ("family", "change", "problem"),
    [
        ("internvl", {"image_mean": [0.5] * 3}, "ImageNet"),
        ("internvl", {"size": {"height": 28, "width": 56}}, "square"),
        ("smolvlm", {"max_image_size": {"longest_edge": 56}}, "tiles of 56 pixels"),
    ],
)
def test_image_settings_that_do_not_fit(family, change, problem, copy):
    folder = copy(family)
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsError, match=problem):
        open_base(folder)


def test_a_placeholder_that_the_model_does_not_know_is_refused(copy):
    folder = copy("qwen3_vl")
    _config(folder, image_token_id=3)
    with pytest.raises(WeightsError, match=r"<\|image_pad\|> is \d+ in the tokenizer, 3 in the model"):
        open_base(folder)


def test_a_tokenizer_of_another_family_is_refused(copy):
    folder = copy("qwen3_vl")
    tokenizer("smolvlm").save(str(folder / "tokenizer.json"))
    with pytest.raises(WeightsError):
        open_base(folder)
