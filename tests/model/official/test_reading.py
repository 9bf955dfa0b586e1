"""Reading released folders: what is shared, what is refused."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).parent))
from damaged_checkpoint import add_tensor, drop_tensor, evil_pickle, truncated_shard
from random_checkpoint import Shape, write

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.loading import build
from lmm4lmm.model.official.layout import released
from lmm4lmm.model.official.reading import read_checkpoint, read_part, readout_of

SHAPE = Shape()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "released", SHAPE, kind="score", seed=1, base_seed=0)


def test_every_dimension_keeps_its_own_projector_and_shares_the_rest(tmp_path: Path) -> None:
    first = write(tmp_path / "a", SHAPE, kind="score", seed=1, base_seed=0)
    second = write(tmp_path / "b", SHAPE, kind="score", seed=2, base_seed=0, shards=3)
    found = read_checkpoint({"perception": first, "correspondence": second})
    assert not found.adapters["perception"].replaced
    own = found.adapters["correspondence"].replaced
    assert own
    assert all(name.startswith("multi_modal_projector.") for name in own)
    model = build(found)
    ours = dict(model.base.network.named_parameters())["multi_modal_projector.linear_1.weight"]
    model.use("correspondence")
    theirs = dict(model.base.network.named_parameters())["multi_modal_projector.linear_1.weight"]
    assert torch.equal(theirs, own["multi_modal_projector.linear_1.weight"].float())
    assert not torch.equal(ours, theirs)


def test_models_of_different_bases_are_not_mixed(tmp_path: Path) -> None:
    first = write(tmp_path / "a", SHAPE, kind="score", seed=1, base_seed=0)
    second = write(tmp_path / "b", SHAPE, kind="score", seed=1, base_seed=9)
    with pytest.raises(WeightsError, match="do not share a base"):
        read_checkpoint({"perception": first, "correspondence": second})
    other = write(tmp_path / "c", Shape(layers=3), kind="score", seed=1, base_seed=0)
    with pytest.raises(WeightsError, match="different shapes"):
        read_checkpoint({"perception": first, "correspondence": other})


def test_lora_weights_pth_wins(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", SHAPE, kind="score", seed=1, base_seed=0, lora_pth="other")
    found = read_part(folder).lora["language_model.layers.0.mlp.up_proj"].b
    state = torch.load(folder / "lora_weights.pth", weights_only=True)
    name = next(key for key in state if "layers.0.feed_forward.w3.lora_B" in key)
    assert torch.equal(found, state[name])
    assert not torch.equal(found, load_file(folder / "model.safetensors")[name])


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(folder: Path) -> None:
    marker = evil_pickle(folder)
    with pytest.raises(WeightsError, match=r"lora_weights\.pth was refused"):
        read_part(folder)
    assert not marker.exists()


def test_a_pickle_of_something_else_is_refused(folder: Path) -> None:
    torch.save([1, 2], folder / "lora_weights.pth")
    with pytest.raises(WeightsError, match="no table of tensors"):
        read_part(folder)


def test_weights_that_are_only_a_pickle_are_not_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(WeightsError, match=r"pytorch_model\.bin is a pickle and was not opened"):
        read_part(folder)


def test_missing_and_unknown_tensors_are_errors(folder: Path) -> None:
    add_tensor(folder, "language_model.model.layers.0.attention.surprise.weight")
    with pytest.raises(WeightsError, match="surprise"):
        read_part(folder)


def test_a_tensor_too_few_is_named(folder: Path) -> None:
    drop_tensor(folder, "mlp1.1.weight")
    with pytest.raises(WeightsError, match=r"lacks 1 tensors, for instance multi_modal_projector\.linear_1"):
        build(read_checkpoint({"perception": folder}))


def test_half_an_adapter_is_named(folder: Path) -> None:
    (folder / "lora_weights.pth").unlink()
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = next(key for key in tensors if key.endswith("w2.lora_A.default.weight"))
    del tensors[name]
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"mlp\.down_proj has only its B"):
        read_part(folder)


def test_a_truncated_shard_and_a_lying_index_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "sharded", SHAPE, kind="qa", seed=1, base_seed=0, shards=3)
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    moved = next(iter(content["weight_map"]))
    files = sorted(set(content["weight_map"].values()))
    truth = content["weight_map"][moved]
    content["weight_map"][moved] = next(file for file in files if file != truth)
    index.write_text(json.dumps(content))
    with pytest.raises(WeightsError, match="disagree"):
        read_part(folder)
    content["weight_map"][moved] = "../elsewhere.safetensors"
    index.write_text(json.dumps(content))
    with pytest.raises(WeightsError, match="no safetensors file beside it"):
        read_part(folder)
    content["weight_map"][moved] = truth
    index.write_text(json.dumps(content))
    broken = truncated_shard(folder)
    with pytest.raises(WeightsError, match=broken.name):
        read_part(folder)


def test_other_models_are_refused_by_name(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    with pytest.raises(WeightsError, match="qwen2_5_vl"):
        read_part(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json can't be read"):
        read_part(folder)


def test_what_a_folder_is_for(tmp_path: Path) -> None:
    assert readout_of(write(tmp_path / "a", SHAPE, kind="score", seed=1, base_seed=0)) == "perception"
    assert readout_of(write(tmp_path / "b", SHAPE, kind="qa", seed=1, base_seed=0)) == "answer"


def test_names_of_the_layout() -> None:
    plain = "language_model.base_model.model.model.layers.3.attention.wqkv"
    assert released(f"{plain}.base_layer.weight") == ("language_model.layers.3.self_attn.qkv.weight", None)
    assert released(f"{plain}.lora_B.default.weight") == ("language_model.layers.3.self_attn.qkv", "B")
    assert released("language_model.model.layers.0.attention.rotary_emb.inv_freq") is None
    for wrong in ("language_model.model.layers.0.attention.wq.weight", "mlp1.2.weight", "head"):
        with pytest.raises(WeightsError, match=wrong.replace(".", r"\.")):
            released(wrong)
