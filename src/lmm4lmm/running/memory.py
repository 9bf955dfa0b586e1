"""How much memory this process has taken, and whether twice the batch would fit."""

from __future__ import annotations

import sys

from lmm4lmm.core.memory import available_bytes


def peak_bytes() -> int:
    """The most memory that this process ever held (resident); 0 where unknown."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Headroom:
    """Judges whether twice the batch would fit, from what the last doubling cost.

    On a CPU nothing raises when memory runs out: the system kills the process. So growth stops early.
    """

    def __init__(self) -> None:
        self._peak = peak_bytes()

    def __call__(self) -> bool:
        """Asked after each size that was tried; True where the system tells nothing."""
        peak, available = peak_bytes(), available_bytes()
        last_step, self._peak = peak - self._peak, peak
        # The next step costs twice the last one; the second factor is for what the sample did not show.
        return available is None or available > 4 * last_step
