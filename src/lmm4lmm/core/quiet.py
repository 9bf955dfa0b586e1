"""Libraries that talk while they are imported, told to keep to errors."""

from __future__ import annotations

import logging

_TALKATIVE = ("torchao", "torch.utils._pytree")


def quiet_libraries() -> None:
    """Mutes what says nothing to somebody who scores images, say kernels of other GPUs that can't be loaded."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
