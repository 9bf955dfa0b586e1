"""What the image processors of transformers are asked for here: their settings, and the step on the device.

Pictures stay 8-bit until they are on the model's device: a quarter of the bytes to move, keep and hash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lmm4lmm.core.errors import WeightsError


def processor(kind: type[Any], folder: Path) -> Any:
    """The image processor of a folder.

    Args:
        kind: one of transformers' Pillow processors; what class the folder names is not asked.

    Raises:
        WeightsError: its file is missing or damaged, or leaves out a step.
    """
    try:
        found = kind.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # damaged files make transformers raise nearly anything
        raise WeightsError(f"{folder}: the image processor's settings can't be read: {error}") from error
    for step in ("do_resize", "do_rescale", "do_normalize"):
        if getattr(found, step) is not True:
            raise WeightsError(f"{folder}: the image processor's {step} must be true")
    return found


class Normal:
    """From 0 to 255 to what a vision part takes: scaled, less the mean, over the standard deviation, by channel.

    Args:
        settings: an image processor.
    """

    def __init__(self, settings: Any) -> None:
        self._factor = float(settings.rescale_factor)
        self._mean, self._std = (
            tuple(map(float, three)) for three in (settings.image_mean, settings.image_std)
        )

    def __call__(self, pixels: Tensor) -> Tensor:
        """float32 of the same shape [..., 3, H, W] and on the same device."""
        mean, std = (
            torch.tensor(three, device=pixels.device)[:, None, None] for three in (self._mean, self._std)
        )
        return pixels.float().mul_(self._factor).sub_(mean).div_(std)


def tensor_of(array: npt.NDArray[Any] | Tensor) -> Tensor:
    """The same numbers as a tensor, without a copy where that is possible."""
    return array if isinstance(array, Tensor) else torch.from_numpy(np.ascontiguousarray(array))
