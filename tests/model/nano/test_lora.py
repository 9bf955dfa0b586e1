from __future__ import annotations

import pytest
import torch
from lmm4lmm.model.nano.lora import LoraShape, add_lora, lora_state, merge_lora
from tiny import random_features, some_texts, tiny_model

from lmm4lmm.core.errors import WeightsError


@torch.inference_mode()
def test_merged_adapters_compute_what_peft_computes():
    shape = LoraShape(rank=4, alpha=12, targets=("q_proj", "down_proj"), dropout=0.3)
    trained = tiny_model()
    add_lora(trained.language, shape)
    for name, parameter in trained.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    trained.eval()
    expected = trained(random_features(3), some_texts())

    plain = tiny_model()
    untouched = plain(random_features(3), some_texts())
    merge_lora(plain.language, lora_state(trained.language), shape)
    found = plain(random_features(3), some_texts())
    torch.testing.assert_close(found.perception.score, expected.perception.score, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(found.answer, expected.answer, atol=1e-3, rtol=1e-4, equal_nan=True)
    assert (untouched.perception.score - expected.perception.score).abs().max() > 0.01


def test_only_adapters_are_trained():
    model = tiny_model()
    add_lora(model.language, LoraShape())
    trained = {name for name, parameter in model.language.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)


def test_an_adapter_for_another_base_is_refused():
    model = tiny_model()
    state = {
        "layers.9.q_proj.lora_A.weight": torch.zeros(4, 32),
        "layers.9.q_proj.lora_B.weight": torch.zeros(32, 4),
    }
    with pytest.raises(WeightsError, match=r"layers\.9\.q_proj"):
        merge_lora(model.language, state, LoraShape())
    state = {
        "layers.0.self_attn.q_proj.lora_A.weight": torch.zeros(4, 31),
        "layers.0.self_attn.q_proj.lora_B.weight": torch.zeros(32, 4),
    }
    with pytest.raises(WeightsError, match="does not fit"):
        merge_lora(model.language, state, LoraShape())
