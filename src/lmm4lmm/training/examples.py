"""What training learns from: items with what people said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan, nan
from typing import TYPE_CHECKING

from lmm4lmm.core.records import DIMENSIONS, Dimension, Item

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Example:
    """One row: an item and its targets; a target that nobody gave is NaN and masked.

    Attributes:
        item: image, prompt, question, generator, task.
        perception, correspondence: mean opinion scores, 0 to 100.
        perception_std, correspondence_std: how far the raters of the item were apart, same unit.
        answer: 1 yes, 0 no; what lies between is the share of yes.
        weights: how much each target is worth in the loss, in the order of ``DIMENSIONS``.
        together: further texts that must not straddle a split, beside the prompt: say the photograph that several
            distorted images were made from.
        alter: made of the image after it is read, in training and in validation; None leaves it as it is.
        variant: names what ``alter`` does, so that features can be kept on disk; "" for None.
    """

    item: Item
    perception: float = nan
    perception_std: float = nan
    correspondence: float = nan
    correspondence_std: float = nan
    answer: float = nan
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    together: tuple[str, ...] = ()
    alter: Callable[[Image], Image] | None = field(default=None, compare=False)
    variant: str = ""

    def target(self, dimension: Dimension) -> float:
        """The target of a dimension; NaN where there is none."""
        value: float = getattr(self, dimension)
        return value

    @property
    def known(self) -> tuple[Dimension, ...]:
        """The dimensions that have a target."""
        return tuple(name for name in DIMENSIONS if not isnan(self.target(name)))
