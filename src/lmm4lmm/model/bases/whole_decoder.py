"""Any causal decoder of transformers, run as it is: for classes that ``PlainDecoder`` doesn't know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lmm4lmm.model.decoder import Branch


class WholeDecoder:
    """Each text is a whole sequence of its own: right for every decoder, at the price of computing stems again.

    Args:
        language: transformers' model without its vocabulary head.
    """

    def __init__(self, language: nn.Module) -> None:
        self._language: Any = language

    def read(self, stems: Sequence[Tensor], branches: Sequence[Branch]) -> list[Tensor]:
        """Normed last hidden states of each branch at its ``at``: [len(at), H] each; see ``PlainDecoder.read``."""
        states = self._states([torch.cat([stems[one.stem], one.states]) for one in branches])
        return [
            states[row, [len(stems[one.stem]) + place for place in one.at]]
            for row, one in enumerate(branches)
        ]

    def all_states(
        self, stems: Sequence[Tensor], branches: Sequence[Branch]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Normed last hidden states of every token: of the stems, then of the branches."""
        alone = self._states(stems)
        joined = self._states([torch.cat([stems[one.stem], one.states]) for one in branches])
        return (
            [alone[row, : len(stem)] for row, stem in enumerate(stems)],
            [
                joined[row, len(stems[one.stem]) : len(stems[one.stem]) + len(one.states)]
                for row, one in enumerate(branches)
            ],
        )

    def _states(self, sequences: Sequence[Tensor]) -> Tensor:
        """[B, N, H] of sequences of embeddings [n, H], padded on the right, where causal attention can't look."""
        lengths = torch.tensor([len(one) for one in sequences])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        out: Tensor = self._language(
            inputs_embeds=pad_sequence(list(sequences), batch_first=True),
            attention_mask=mask.long().to(sequences[0].device),
            use_cache=False,
        ).last_hidden_state
        return out
