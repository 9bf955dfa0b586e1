"""Torch's ways to say that memory has run out, as our one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lmm4lmm.core.errors import OutOfMemoryError


@contextmanager
def memory_errors(count: int) -> Iterator[None]:
    """Raises ``OutOfMemoryError``, which the engine answers by halving, where a batch of ``count`` does not fit."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError(f"{count} items do not fit: {error}") from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise OutOfMemoryError(f"{count} items do not fit: {error}") from error
        raise
