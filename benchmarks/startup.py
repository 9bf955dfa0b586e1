"""How long the package and the command line take to open (medians of fresh processes).

Run: .venv/bin/python benchmarks/startup.py
Bounds from the design: `lmm4lmm --help` < 0.4 s, `import lmm4lmm` < 0.2 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("lmm4lmm"))
CASES = {
    "python -c pass (for comparison)": [sys.executable, "-c", "pass"],
    "import lmm4lmm": [sys.executable, "-c", "import lmm4lmm"],
    "import lmm4lmm.api": [sys.executable, "-c", "import lmm4lmm.api"],
    "lmm4lmm --help": [PROGRAM, "--help"],
    "lmm4lmm score --help": [PROGRAM, "score", "--help"],
    "lmm4lmm datasets list --json": [PROGRAM, "datasets", "list", "--json"],
}


def seconds(command: list[str], repeats: int = 9) -> float:
    """Median wall time of a command, after one warm-up that compiles and caches."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    for name, command in CASES.items():
        print(f"{seconds(command):6.3f} s  {name}")
