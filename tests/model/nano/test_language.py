"""nano's reading of texts against transformers' own Llama."""

import pytest
import torch
from transformers import LlamaConfig, LlamaModel

from lmm4lmm.model.nano.language import START, LowerLlama
from lmm4lmm.model.packed import pack

TEXTS = [(5, 9, 2), (7,), (), (5, 9, 2), tuple(range(3, 40)), (2, 2)]


@pytest.fixture(scope="module")
def llama() -> LlamaModel:
    """Three layers, heads in groups, and norms that are not all ones."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
    )
    model = LlamaModel(config).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.uniform_(0.5, 1.5)
    return model


def expected(llama: LlamaModel, text: tuple[int, ...], layers: int) -> torch.Tensor:
    """Each text alone, as transformers reads it."""
    found = llama(torch.tensor([[START, *text]]), output_hidden_states=True).hidden_states
    return torch.cat([found[0], found[layers]], -1)[0, 1:]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("layers", [1, 2])
def test_words_mean_what_they_mean_to_transformers(llama: LlamaModel, layers: int, packed: bool) -> None:
    lower = LowerLlama(llama, layers).eval()
    if packed:
        assert pack(lower) == 5 * layers
    with torch.inference_mode():
        found = lower.encoded(TEXTS)
    for text, states in zip(TEXTS, found, strict=True):
        assert states.shape == (len(text), 2 * 48)
        if text:
            torch.testing.assert_close(states, expected(llama, text, layers), atol=1e-5, rtol=1e-4)


def test_a_text_is_read_alike_in_any_company(llama: LlamaModel) -> None:
    lower = LowerLlama(llama, 2)
    alone = lower.encoded([TEXTS[4]])[0]
    torch.testing.assert_close(lower.encoded(TEXTS)[4], alone, atol=1e-5, rtol=1e-4)


def test_no_text_at_all(llama: LlamaModel) -> None:
    assert [len(one) for one in LowerLlama(llama, 1).encoded([(), ()])] == [0, 0]
