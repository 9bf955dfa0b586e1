"""Weights of 8 or 4 bits, by torchao: half or a quarter of the memory, and scores that differ a little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from lmm4lmm.core.errors import InputError, MissingExtraError, UnknownNameError

KINDS = {"int8": "Int8WeightOnlyConfig", "int4": "Int4WeightOnlyConfig"}


def quantizer(kind: str) -> Callable[[nn.Module], None]:
    """What turns one linear layer's weight into a quantised one, in place; other modules are left alone.

    Layer by layer while a model is loaded, so that the model is never in memory in full precision.

    Raises:
        UnknownNameError: no such kind.
        MissingExtraError: torchao is not installed.
        InputError: torchao lacks the kernels of this kind; says what it misses.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of quantisation", kind, KINDS)
    try:
        import torchao.quantization as ao
    except ImportError as error:
        raise MissingExtraError(f"quantize={kind}", "quantized") from error
    config: Any = getattr(ao, KINDS[kind])()

    def quantize(module: nn.Module) -> None:
        if not isinstance(module, nn.Linear):
            return
        try:
            ao.quantize_(module, config)
        except (ImportError, RuntimeError, AssertionError, NotImplementedError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"quantize={kind} does not run here: {reason}") from error

    return quantize
