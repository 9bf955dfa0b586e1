"""Libraries that talk where nobody asked, told to keep to errors."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TALKATIVE = ("torchao", "torch.utils._pytree")


def quiet_libraries() -> None:
    """Mutes what says nothing to somebody who scores images, say kernels of other GPUs that can't be loaded."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def native_lines_muted() -> Iterator[None]:
    """Drops what compiled code writes to standard error meanwhile; all threads', so keep it short."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
