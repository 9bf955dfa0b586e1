"""What a large metric's weights are made of, wherever they come from: one base, and one adapter a dimension."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from torch import Tensor

from lmm4lmm.core.records import Dimension
from lmm4lmm.model.official.tiles import TileSettings

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

VOCABULARY = "vocabulary.weight"
"""Our name of the language model's output matrix [V, H]: no transformers class that we use has it."""

Lazy: TypeAlias = Callable[[], Tensor]
"""Reads a tensor when it is needed: a base of 16 GB is never in memory twice."""

Readout: TypeAlias = Literal["perception", "correspondence", "answer", "unified", "scores", "levels"]
"""What an adapter was trained to give: one score, the answer, or all three in one pass; or both scores, each asked
for by itself: by a head, or as a level in words."""


class LowRank(NamedTuple):
    """One layer's adapter: ``scale * B A`` is added to its weight (Hu et al. 2021, arXiv 2106.09685).

    Attributes:
        a: [r, inputs].
        b: [outputs, r].
    """

    a: Tensor
    b: Tensor
    scale: float


@dataclass(frozen=True)
class AdapterWeights:
    """What one adapter changes in the base, and its heads.

    Attributes:
        readout: what it gives.
        lora: by the name of the linear layer.
        replaced: tensors that stand in for the base's own, by name: the projector, or layers with LoRA merged.
        heads: score heads' tensors, by ``<dimension>.<name>``.
        outputs: the dimensions that it gives, where ``readout`` leaves that open.
    """

    readout: Readout
    lora: Mapping[str, LowRank] = field(default_factory=dict)
    replaced: Mapping[str, Tensor] = field(default_factory=dict)
    heads: Mapping[str, Tensor] = field(default_factory=dict)
    outputs: tuple[Dimension, ...] = ()

    def heads_by_dimension(self) -> dict[str, dict[str, Tensor]]:
        """Each head's tensors by their names in it."""
        found: dict[str, dict[str, Tensor]] = {}
        for name, value in self.heads.items():
            dimension, _, rest = name.partition(".")
            found.setdefault(dimension, {})[rest] = value
        return found


@dataclass(frozen=True)
class Checkpoint:
    """A base and its adapters.

    Attributes:
        config: of the base's transformers class.
        base: every tensor of the base by its name there, and ``vocabulary.weight``.
        adapters: by name; those of the released checkpoints are called as their dimension.
        tokenizer: the folder that holds the tokenizer's files.
        tiling: how images are cut.
        identity: changes with any of it; part of a metric's fingerprint.
        source: where it was read from, for people to read.
    """

    config: PreTrainedConfig
    base: Mapping[str, Lazy]
    adapters: Mapping[str, AdapterWeights]
    tokenizer: Path
    tiling: TileSettings
    identity: str
    source: str
