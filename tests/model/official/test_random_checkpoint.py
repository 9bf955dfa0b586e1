from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import damaged_checkpoint
import pytest
import random_checkpoint as maker
import torch
from random_checkpoint import Shape
from random_tokenizer import PIECES, sentencepiece_model
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

SHAPE = Shape()


def tensors(folder: Path) -> dict[str, Tensor]:
    return {name: value for path in maker.shard_files(folder) for name, value in load_file(path).items()}


def plain(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The base's and the rest's tensors under the names that they have without PEFT."""
    return {
        name.replace(".base_model.model.", ".", 1).replace(".base_layer.", "."): value
        for name, value in found.items()
        if ".lora_" not in name
    }


def head(weights: dict[str, Tensor], states: Tensor) -> Tensor:
    for number in range(1, len(SHAPE.head_widths) + 1):
        at = f"mlpscore.fc{number}"
        states = torch.relu(states @ weights[f"{at}.weight"].float().T + weights[f"{at}.bias"].float())
    return states[:, 0]


@pytest.mark.parametrize(
    ("variant", "kind", "lora", "shards"),
    [("a_base", "score", False, 1), ("b_lora", "score", True, 3), ("c_qa", "qa", True, 2)],
)
def test_names_and_sizes_are_those_of_the_golden_checkpoints(shared, tmp_path, variant, kind, lora, shards):
    manifest = json.loads((shared / "golden" / "manifest.json").read_text())
    golden = manifest["variants"][variant]
    maker.write(tmp_path, SHAPE, kind=kind, seed=1, base_seed=0, lora=lora, shards=shards)
    found = {name: list(value.shape) for name, value in tensors(tmp_path).items()}
    words = manifest["vocab_size"]
    assert found == {
        name: [SHAPE.vocabulary if side == words else side for side in size]
        for name, size in golden["tensors"].items()
    }
    assert (tmp_path / maker.PTH).exists() == ("lora_weights.pth" in golden["files"])
    if lora:
        pth = torch.load(tmp_path / maker.PTH, weights_only=True)
        assert pth.keys() == {name for name in golden["tensors"] if ".lora_" in name}
    golden_config = json.loads((shared / "golden" / golden["checkpoint"] / "config.json").read_text())
    config = json.loads((tmp_path / "config.json").read_text())
    for mine, theirs in (
        (config, golden_config),
        (config["vision_config"], golden_config["vision_config"]),
        (config["llm_config"], golden_config["llm_config"] | {"vocab_size": SHAPE.vocabulary}),
    ):
        simple = {key: value for key, value in mine.items() if key not in ("llm_config", "vision_config")}
        simple.pop("auto_map", None)
        assert simple == {key: theirs[key] for key in simple}


@pytest.mark.parametrize("shards", [2, 5])
def test_the_index_says_where_each_tensor_lies(tmp_path, shards):
    maker.write(tmp_path, SHAPE, kind="score", seed=1, base_seed=0, shards=shards)
    index = json.loads((tmp_path / maker.INDEX).read_text())
    paths = maker.shard_files(tmp_path)
    assert len(paths) == shards
    assert index["weight_map"] == {name: path.name for path in paths for name in load_file(path)}
    total = sum(value.numel() * value.element_size() for value in tensors(tmp_path).values())
    assert index["metadata"]["total_size"] == total


def test_one_base_whatever_differs_besides(tmp_path):
    first = maker.write(tmp_path / "1", SHAPE, kind="score", seed=1, base_seed=0)
    second = maker.write(tmp_path / "2", SHAPE, kind="qa", seed=2, base_seed=0, shards=3)
    bare = maker.write(tmp_path / "3", SHAPE, kind="score", seed=1, base_seed=0, lora=False)
    other = maker.write(tmp_path / "4", SHAPE, kind="score", seed=1, base_seed=9)
    a, b, c, d = (plain(tensors(folder)) for folder in (first, second, bare, other))
    base = [name for name in a if name.startswith(("vision_model.", "language_model."))]
    assert len(base) == 49
    assert all(torch.equal(a[name], b[name]) and torch.equal(a[name], c[name]) for name in base)
    assert not any(torch.equal(a[name], d[name]) for name in base)
    assert not torch.equal(a["mlp1.1.weight"], b["mlp1.1.weight"])
    assert all(torch.equal(a[name], c[name]) for name in a)
    lora = [{n: v for n, v in tensors(folder).items() if ".lora_" in n} for folder in (first, second)]
    assert not any(torch.equal(lora[0][name], lora[1][name]) for name in lora[0])
    assert all(value.abs().max() > 0 for value in lora[0].values())


def test_another_lora_in_the_shards_than_in_the_file_that_wins(tmp_path):
    same = maker.write(tmp_path / "same", SHAPE, kind="score", seed=1, base_seed=0)
    other = maker.write(tmp_path / "other", SHAPE, kind="score", seed=1, base_seed=0, lora_pth="other")
    none = maker.write(tmp_path / "none", SHAPE, kind="score", seed=1, base_seed=0, lora_pth=None)
    in_file = torch.load(other / maker.PTH, weights_only=True)
    assert all(torch.equal(value, tensors(same)[name]) for name, value in in_file.items())
    assert not any(torch.equal(value, tensors(other)[name]) for name, value in in_file.items())
    assert not (none / maker.PTH).exists()


def test_the_head_spreads_its_scores(tmp_path):
    for seed in range(4):
        folder = maker.write(tmp_path / str(seed), SHAPE, kind="score", seed=seed, base_seed=0)
        scores = head(tensors(folder), torch.randn(500, SHAPE.hidden, generator=torch.manual_seed(seed + 77)))
        assert 6 < scores.std() < 10
        assert scores.quantile(0.01) > 20
        assert scores.quantile(0.99) < 80


def test_the_tokenizer_keeps_the_words_that_count(tmp_path):
    import sentencepiece

    words = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model())
    assert len(words) == PIECES
    assert words.bos_id() == 1
    for level in ("excellent", "good", "fair", "poor", "bad"):
        text = f"The quality of the image is {level}."
        assert words.encode(text, out_type=str)[-3:] == ["▁is", f"▁{level}", "."]
        assert words.decode(words.encode(text)) == text
    assert words.encode("Yes", out_type=str) == ["Yes"]
    assert words.encode("a\n[UNUSED_TOKEN_145]", out_type=str)[1:] == ["<0x0A>", "[UNUSED_TOKEN_145]"]
    assert words.decode(words.encode("ß 猫  x")) == "ß 猫  x"


def test_options_that_change_sizes(tmp_path):
    shape = replace(SHAPE, qk_normalization=True, vocabulary=777, head_widths=(20, 1), image_size=84)
    folder = maker.write(tmp_path, shape, kind="score", seed=1, base_seed=0, dtype=torch.float32)
    found = tensors(folder)
    assert found["language_model.base_model.model.output.weight"].shape == (777, 64)
    assert found["vision_model.base_model.model.embeddings.position_embedding"].shape == (1, 37, 32)
    assert found["vision_model.base_model.model.encoder.layers.1.attn.q_norm.weight"].shape == (32,)
    assert {"mlpscore.fc2.weight", "mlpscore.ln1.bias"} < found.keys()
    assert "mlpscore.fc3.weight" not in found
    assert {value.dtype for value in found.values()} == {torch.float32}
    with pytest.raises(ValueError, match="vocabulary 300"):
        maker.write(tmp_path, replace(SHAPE, vocabulary=300), kind="qa", seed=1, base_seed=0)


class TestHarm:
    """Each function does its own harm, and no other."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return maker.write(tmp_path, SHAPE, kind="score", seed=1, base_seed=0, shards=3)

    def test_zero_lora_b(self, folder):
        before = tensors(folder)
        damaged_checkpoint.zero_lora_b(folder)
        after = tensors(folder) | torch.load(folder / maker.PTH, weights_only=True)
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed == {name for name in before if ".lora_B." in name}
        assert all(after[name].abs().max() == 0 for name in changed)

    def test_constant_head(self, folder):
        before = tensors(folder)
        damaged_checkpoint.constant_head(folder)
        after = tensors(folder)
        assert [name for name in before if not torch.equal(before[name], after[name])] == [
            "mlpscore.fc5.weight"
        ]
        assert head(after, torch.randn(9, SHAPE.hidden)).unique().numel() == 1

    def test_drop_and_add_tensors(self, folder):
        before = set(tensors(folder))
        damaged_checkpoint.drop_tensor(folder, "mlp1.1.weight")
        damaged_checkpoint.add_tensor(folder, "surprise.weight")
        index = json.loads((folder / maker.INDEX).read_text())["weight_map"]
        assert set(tensors(folder)) == set(index) == before - {"mlp1.1.weight"} | {"surprise.weight"}
        with pytest.raises(KeyError, match="nothing"):
            damaged_checkpoint.drop_tensor(folder, "nothing")

    def test_evil_pickle(self, folder):
        marker = damaged_checkpoint.evil_pickle(folder)
        with pytest.raises(pickle.UnpicklingError):
            torch.load(folder / maker.PTH, weights_only=True)
        assert not marker.exists()
        with (folder / maker.PTH).open("rb") as file:
            pickle.load(file)  # it does what it threatens
        assert marker.exists()

    def test_truncated_shard(self, folder):
        cut = damaged_checkpoint.truncated_shard(folder)
        with pytest.raises(SafetensorError):
            load_file(cut)
