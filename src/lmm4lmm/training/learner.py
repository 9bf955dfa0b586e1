"""The seam between the engine and what it trains: one learner for nano, one for the large bases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from torch import Tensor, nn

from lmm4lmm.training.examples import Example
from lmm4lmm.training.recipes import Recipe

Say: TypeAlias = Callable[[str], None]

Outputs: TypeAlias = Mapping[str, Tensor]
"""What a learner's module gives for B rows, in float32; only what the recipe's form has:

=======================  ======  ==================================================================================
perception               [B]     score, 0 to 100; likewise ``correspondence``
perception_std           [B]     its standard deviation, where the head gives one; likewise ``correspondence_std``
answer                   [B]     log odds of yes
perception_levels        [B, 5]  logits of the five level words, worst first; likewise ``correspondence_levels``
token_loss               [B]     mean cross-entropy of the answer's words of each row (form ``levels``, hard targets)
=======================  ======  ==================================================================================

A value of a row that was not asked for it is NaN; the loss never reads it.
"""


class Learner(Protocol):
    """A model, what of it is trained, and how rows become its inputs.

    Attributes:
        metric: the catalogue's name of the metric that scores with the result.
        base: what it starts from, for people to read.
        base_identity: changes with the base's weights.
        module: called as ``module(**inputs)``; gives ``Outputs``. Whatever is trained has ``requires_grad``.
    """

    metric: str
    base: str
    base_identity: str

    @property
    def module(self) -> nn.Module: ...

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """What AdamW gets: parameters with their peak learning rates."""
        ...

    def look(self, examples: Sequence[Example], say: Say) -> dict[str, str]:
        """Looks at every image once, before training, and may keep what it saw on disk.

        Returns:
            Why an image can't be used, by the id of its item.
        """
        ...

    def size(self, example: Example) -> int:
        """Tokens of its sequence, about: rows of like size share a batch."""
        ...

    def sample(self, example: Example) -> Any:
        """One row, ready for ``collate``; called in worker processes too.

        Raises:
            ImageError: the image can't be read any more.
            ItemError: a text is too long.
        """
        ...

    def collate(self, samples: Sequence[Any]) -> dict[str, Any]:
        """The module's keyword arguments for a batch: tensors, or lists of plain values."""
        ...

    def trained(self) -> dict[str, Tensor]:
        """What training made, by name: what a checkpoint holds."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what ``trained`` gave.

        Raises:
            WeightsError: names or shapes differ.
        """
        ...

    def write(self, folder: Path) -> None:
        """Writes what the metric needs to score, from the current state, into an existing folder."""
        ...
