"""Memory: torch's ways to say that it has run out as our one error, and giving back what is free."""

from __future__ import annotations

import ctypes
import gc
import sys
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


def give_back() -> None:
    """Returns to the system what loading has freed and the C library would keep; for Linux, elsewhere nothing."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; musl has none
        if trim is not None:
            trim(0)
