"""How much memory is left, as far as this system tells."""

from __future__ import annotations

import sys
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Bytes that can still be used without swapping, within the container's limit; None where unknown."""
    found = [value for value in (_meminfo("MemAvailable"), _cgroup_room()) if value is not None]
    return min(found, default=None)


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


def _meminfo(field: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _cgroup_room() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        return None if limit == "max" else int(limit) - int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
