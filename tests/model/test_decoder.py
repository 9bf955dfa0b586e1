"""The decoder's own order of arithmetic against transformers' forward."""

import pytest
import torch

transformers = pytest.importorskip("transformers")

from lmm4lmm.model.decoder import Branch, PlainDecoder  # noqa: E402

SIZES = {
    "vocab_size": 64,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 512,
}
KINDS = {
    "llama": (transformers.LlamaConfig, transformers.LlamaModel, {}),
    "llama, every head its own keys": (
        transformers.LlamaConfig,
        transformers.LlamaModel,
        {"num_key_value_heads": 4},
    ),
    "llama, dynamic rope": (
        transformers.LlamaConfig,
        transformers.LlamaModel,
        {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e6}},
    ),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2Model, {}),
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3Model, {}),
}


def language(kind: str) -> torch.nn.Module:
    config, model, more = KINDS[kind]
    torch.manual_seed(0)
    made = model(config(**{**SIZES, **more})).eval().requires_grad_(False)
    for name, parameter in made.named_parameters():
        if "norm" in name or "bias" in name:
            parameter.add_(torch.randn_like(parameter) * 0.3)
        elif "proj" in name:
            parameter.mul_(6)
    return made


def sequences() -> tuple[list[torch.Tensor], list[Branch]]:
    """Three stems, two of equal length; texts of several lengths, out of order, three about one stem."""
    draw = torch.Generator().manual_seed(1)

    def states(count: int) -> torch.Tensor:
        return torch.randn(count, SIZES["hidden_size"], generator=draw)

    stems = [states(9), states(9), states(5)]
    branches = [
        Branch(2, states(6), (5,)),
        Branch(0, states(3), (0, 2)),
        Branch(0, states(7), (3,)),
        Branch(1, states(1), (0,)),
        Branch(0, states(4), (1, 2, 3)),
    ]
    return stems, branches


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_transformers(kind: str) -> None:
    model = language(kind)
    assert PlainDecoder.fits(model)
    stems, branches = sequences()
    with torch.inference_mode():
        read = PlainDecoder(model).read(stems, branches)
        _, ends = PlainDecoder(model).all_states(stems, branches)
        for found, end, branch in zip(read, ends, branches, strict=True):
            whole = torch.cat([stems[branch.stem], branch.states])[None]
            expected = model(inputs_embeds=whole).last_hidden_state[0, len(stems[branch.stem]) :]
            torch.testing.assert_close(end, expected, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(found, expected[list(branch.at)], atol=1e-4, rtol=1e-4)


def test_an_item_has_the_same_states_in_any_batch() -> None:
    model = language("llama")
    stems, branches = sequences()
    decoder = PlainDecoder(model)
    with torch.inference_mode():
        together = decoder.read(stems, branches)
        for branch, found in zip(branches, together, strict=True):
            alone = decoder.read([stems[branch.stem]], [Branch(0, branch.states, branch.at)])[0]
            torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-5)


def test_a_later_token_changes_no_earlier_state() -> None:
    model = language("llama")
    stems, branches = sequences()
    long = branches[2]
    short = Branch(0, long.states[:4], long.at)
    with torch.inference_mode():
        first, second = (PlainDecoder(model).read([stems[0]], [one])[0] for one in (long, short))
    # products of four rows and of more are summed in another order on some processors
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-5)


def test_bfloat16_stays_near_float32() -> None:
    model = language("llama")
    stems, branches = sequences()
    with torch.inference_mode():
        exact = torch.cat(PlainDecoder(model).read(stems, branches))
        model.to(torch.bfloat16)
        halves = [Branch(one.stem, one.states.bfloat16(), one.at) for one in branches]
        near = torch.cat(PlainDecoder(model).read([stem.bfloat16() for stem in stems], halves))
    assert near.dtype == torch.bfloat16
    assert (near.float() - exact).abs().mean() < 0.05


def test_other_decoders_are_not_guessed() -> None:
    config = transformers.GPT2Config(vocab_size=64, n_embd=48, n_layer=1, n_head=4)
    assert not PlainDecoder.fits(transformers.GPT2Model(config))
    sliding = transformers.Qwen2Config(**SIZES, use_sliding_window=True)
    assert not PlainDecoder.fits(transformers.Qwen2Model(sliding))
