"""From a checkpoint to a model that runs: the network is made without memory, then filled tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.adapters import Adapter, merged
from lmm4lmm.model.bases.base import Dialogue
from lmm4lmm.model.bases.internvl import InternVL
from lmm4lmm.model.checkpoint import VOCABULARY, AdapterWeights, Checkpoint, Lazy
from lmm4lmm.model.memory import give_back
from lmm4lmm.model.official import prompts
from lmm4lmm.model.official.tokenizer import OfficialTokenizer
from lmm4lmm.model.packed import pack
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.model.quantized import quantizer

EMBEDDINGS = "language_model.embed_tokens.weight"


@dataclass(frozen=True)
class LoadOptions:
    """How a model shall run.

    Attributes:
        attention: ``sdpa``, ``flash_attention_2`` or ``eager``: of the vision part; the decoder always uses torch's
            own, which is flash attention on a GPU.
        compiled: fuse element-wise steps with ``torch.compile``; the first batches are then slow.
        merge: fold each adapter into copies of the layers that it changes: faster, but several dimensions then
            take several times the memory.
        quantize: ``int8`` or ``int4``: the base's linear layers with weights of so many bits.
        pack: on a processor in float32, keep weights in oneDNN's order (see ``packed``): faster, no more memory.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    attention: str = "sdpa"
    compiled: bool = False
    merge: bool = False
    quantize: str | None = None
    pack: bool = True


def build(checkpoint: Checkpoint, options: LoadOptions | None = None) -> QualityModel:
    """A model of a checkpoint, ready to score.

    Raises:
        WeightsError: a tensor is missing, left over, or of another shape than the configuration says.
    """
    how = options or LoadOptions()
    network = _filled(checkpoint, how)
    adapters = {
        name: _adapter(weights, checkpoint.base, how) for name, weights in checkpoint.adapters.items()
    }
    reader = OfficialTokenizer.read(checkpoint.tokenizer)
    base = InternVL(
        network,
        reader,
        _dialogue(reader),
        image_token=reader.id_of(prompts.IMAGE_TOKEN),
        tiling=checkpoint.tiling,
        vocabulary=checkpoint.base[VOCABULARY](),
        compiled=how.compiled,
    )
    model = QualityModel(base, adapters)
    if how.pack:
        pack(network, keep={name for adapter in adapters.values() for name in adapter.replaced})
    give_back()
    return model


def _dialogue(reader: OfficialTokenizer) -> Dialogue:
    opening, image, _ = prompts.template("perception").text(0).partition(prompts.IMAGE_START)
    return Dialogue(
        opening=reader.decode([reader.start]) + opening + image,
        image_end=prompts.IMAGE_END,
        before_text="\n",
        after_text=f"{prompts.TURN_END}{prompts.TURN_START}assistant\n",
        after_answer=prompts.TURN_END,
    )


def _adapter(weights: AdapterWeights, base: Mapping[str, Lazy], how: LoadOptions) -> Adapter:
    if how.merge:
        weights = merged(weights, base)
    return Adapter(weights, torch.device(how.device), how.dtype)


def _filled(checkpoint: Checkpoint, how: LoadOptions) -> nn.Module:
    from transformers import InternVLModel
    from transformers.initialization import no_init_weights

    config = checkpoint.config
    config._attn_implementation = how.attention
    with torch.device("meta"), no_init_weights():
        network = InternVLModel(config)
    expected = dict(network.named_parameters())
    given = {name: read for name, read in checkpoint.base.items() if name != VOCABULARY}
    if VOCABULARY not in checkpoint.base:
        raise WeightsError(f"{checkpoint.source} lacks the language model's output matrix")
    if missing := sorted(expected.keys() - given.keys()):
        raise WeightsError(f"{checkpoint.source} lacks {len(missing)} tensors, for instance {missing[0]}")
    if odd := sorted(given.keys() - expected.keys()):
        raise WeightsError(f"{checkpoint.source} holds {len(odd)} tensors too many, for instance {odd[0]}")
    quantized = quantizer(how.quantize) if how.quantize is not None else None
    for name, read in given.items():
        tensor = read()
        if tensor.shape != expected[name].shape:
            raise WeightsError(
                f"{checkpoint.source}: {name} is {list(tensor.shape)}, "
                f"the configuration asks for {list(expected[name].shape)}"
            )
        # On a processor the table of word embeddings stays in its file: a batch needs few of its rows.
        stays = name == EMBEDDINGS and torch.device(how.device).type == "cpu"
        _place(network, name, tensor if stays else tensor.to(how.device, how.dtype))
        if quantized is not None and name.startswith("language_model.layers."):
            quantized(network.get_submodule(name.rpartition(".")[0]))
    for module in network.modules():  # buffers that a checkpoint does not hold: rotary frequencies
        if type(module).__name__.endswith("RotaryEmbedding"):
            fresh: Any = type(module)(config.text_config)
            module.inv_freq = fresh.inv_freq.to(how.device)
            module.original_inv_freq = fresh.original_inv_freq.to(how.device)
    return network.eval()  # type: ignore[no-any-return]


def _place(network: nn.Module, name: str, tensor: Tensor) -> None:
    parent, _, leaf = name.rpartition(".")
    network.get_submodule(parent)._parameters[leaf] = nn.Parameter(tensor, False)
