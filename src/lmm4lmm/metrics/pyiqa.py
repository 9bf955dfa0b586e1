"""pyiqa:NAME: any no-reference metric of the package pyiqa (IQA-PyTorch), on the scale 0 to 100, higher is better.

Each has a range of its own, which pyiqa states; perception is that range stretched to 0 to 100, turned round where a
lower number is better, and cut at its ends. pyiqa needs torchvision and fetches its weights itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import DIMENSIONS, Dimension, Estimate, Item, Score

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
"""Part of the fingerprint: raise it whenever a score would differ."""

_NUMBER = r"~?\s*(-?\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"{_NUMBER}\s*,\s*{_NUMBER}")
_SAMPLE_BYTES = 4096
_NOT_FOR_ONE_IMAGE = ("fid", "sfid", "inception_score", "clipscore")
"""pyiqa counts them as no-reference, but they want many images, or a text."""


class PyiqaMetric:
    """The metric; see ``load``.

    Args:
        metric: pyiqa's.
        low, high: its range, worst first.
        fingerprint: of name, version, weights and range.
        device: where it runs, and why.
    """

    dimensions: tuple[Dimension, ...] = ("perception",)

    def __init__(self, metric: Any, low: float, high: float, fingerprint: str, device: str) -> None:
        self._metric, self._low, self._high = metric, low, high
        self.fingerprint, self.device = fingerprint, device
        self._outside = 0

    def prepare(self, item: Item, image: Image) -> npt.NDArray[np.uint8]:
        """[H, W, 3]."""
        return np.array(image)

    def size(self, prepared: npt.NDArray[np.uint8]) -> int:
        """Pixels."""
        return int(prepared.shape[0] * prepared.shape[1])

    def score(self, batch: Sequence[npt.NDArray[np.uint8]]) -> list[Score]:
        """One score an item, each image alone, since sizes differ.

        Raises:
            OutOfMemoryError: an image does not fit.
        """
        import torch

        from lmm4lmm.model.memory import memory_errors

        found = []
        with memory_errors(len(batch)), torch.inference_mode():
            for pixels in batch:
                given = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
                value = float(torch.as_tensor(self._metric(given)).float().mean())
                share = (value - self._low) / (self._high - self._low)
                self._outside += not 0 <= share <= 1
                found.append(Score(perception=Estimate(100 * min(max(share, 0.0), 1.0))))
        return found

    def remarks(self) -> list[str]:
        """How many numbers were beyond the range that pyiqa states."""
        if not self._outside:
            return []
        low, high = sorted((self._low, self._high))
        return [f"pyiqa: {self._outside:,} numbers were outside {low:g} to {high:g} and cut"]


def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    variant: str | None = None,
    range: str | None = None,
) -> PyiqaMetric:
    """A metric of pyiqa, ready to score.

    Args:
        device: one of torch's names, or ``auto``.
        dimensions: perception is what it gives.
        dtype: ``auto``: it is pyiqa's business.
        variant: pyiqa's name for it: ``pyiqa:musiq`` is ``variant="musiq"``.
        range: ``LOW,HIGH`` of its numbers, for those of which pyiqa states none.

    Raises:
        InputError: no such metric, one that needs a reference, no known range, another dtype, or perception is not
            wanted.
        MissingExtraError: pyiqa is not installed.
        WeightsError: pyiqa can't make it, mostly because its weights can't be fetched.
    """
    if variant is None:
        raise InputError("pyiqa has many metrics: name one, for instance --metric pyiqa:musiq")
    if "perception" not in dimensions:
        raise InputError(f"pyiqa gives perception; asked for: {', '.join(dimensions)}")
    if dtype != "auto":
        raise InputError(f"pyiqa chooses its own dtype, not '{dtype}'")
    pyiqa = _imported(variant)
    import torch

    from lmm4lmm.model import devices

    check_name(variant)
    where, why = devices.choose_one(device, "model")
    try:
        metric = pyiqa.create_metric(variant, as_loss=False, device=torch.device(where))
    except Exception as error:  # of downloads, of torch, of its own: it has no errors of its own kind
        raise WeightsError(f"pyiqa can't make {variant}: {type(error).__name__}: {error}") from error
    low, high = _ends(variant, range or getattr(metric, "score_range", None))
    if getattr(metric, "lower_better", False):
        low, high = high, low
    version = getattr(pyiqa, "__version__", "unknown")
    key = content_key(str(VERSION), str(version), variant, f"{low} {high}", _weights(metric))
    return PyiqaMetric(metric, low, high, f"pyiqa:{variant[:32]}:{key[:8]}", f"{where} ({why})")


def check_name(variant: str) -> None:
    """Raises ``InputError`` where pyiqa has no metric of that name, or one that needs more than an image."""
    pyiqa = _imported(variant)
    known = [name for name in pyiqa.list_models(metric_mode="NR") if not name.startswith(_NOT_FOR_ONE_IMAGE)]
    if variant in known:
        return
    if variant in pyiqa.list_models():
        raise InputError(f"pyiqa's {variant} needs more than one image: a reference, a set or a text")
    near = difflib.get_close_matches(variant, known, n=3, cutoff=0.4)
    raise InputError(
        f"pyiqa has no metric '{variant}'" + (f"; did you mean {' or '.join(near)}?" if near else "")
    )


def _imported(variant: str) -> Any:
    try:
        return import_module("pyiqa")
    except ImportError as error:
        raise MissingExtraError(f"the metric 'pyiqa:{variant}' ({error})", "pyiqa") from error


def _ends(variant: str, stated: str | None) -> tuple[float, float]:
    """Low and high of a range, which pyiqa writes as "0, 1" or, where it is about that, "~0, ~100"."""
    found = _RANGE.fullmatch(str(stated).strip()) if stated is not None else None
    if found is None or float(found[1]) >= float(found[2]):
        raise InputError(
            f"pyiqa's {variant} has no range of two numbers (it says {stated!r}): give one, "
            "--option range=LOW,HIGH, to be stretched to 0 to 100"
        )
    return float(found[1]), float(found[2])


def _weights(metric: Any) -> str:
    """A hash over names, shapes and the beginning of every tensor; pyiqa fetches them from where it likes."""
    import torch

    if not isinstance(metric, torch.nn.Module):
        return "none"
    parts: list[str | bytes] = []
    for name, value in metric.state_dict().items():
        start = value.detach().flatten()[: _SAMPLE_BYTES // 4].cpu().double()
        parts += [f"{name} {tuple(value.shape)}", start.numpy().tobytes()]
    return content_key(*parts)
