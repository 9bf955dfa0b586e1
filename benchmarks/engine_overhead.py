"""What the engine itself costs: 100,000 items whose work is next to nothing, fresh and resumed.

Run: python benchmarks/engine_overhead.py [ITEMS]
"""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from lmm4lmm.running.engine import run_job
from lmm4lmm.running.journal import Journal


class Trivial:
    """Doubles a number."""

    def load(self, work: int) -> tuple[str, int]:
        return hashlib.sha256(str(work).encode()).hexdigest(), work

    def prepare(self, work: int, loaded: int) -> int:
        return loaded

    def size(self, prepared: int) -> int:
        return 1

    def run(self, batch: Sequence[int]) -> Sequence[int]:
        return [2 * number for number in batch]

    def encode(self, result: int) -> bytes:
        return str(result).encode()

    def decode(self, data: bytes) -> int:
        return int(data)


def measure(what: str, count: int, journal: Journal | None) -> None:
    def work() -> Iterator[int]:
        yield from range(count)

    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = sum(
        outcome.result == 2 * outcome.work for outcome in run_job(Trivial(), work(), journal=journal)
    )
    seconds = perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    right = "all right" if outcomes == count else f"WRONG: {count - outcomes}"
    print(
        f"{what:<28}{count / seconds:>9,.0f} items/s {1e6 * seconds / count:>8.1f} us/item {grown:>7.1f} MB  {right}"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    measure("no journal", count, None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        for what in ("journal, first run", "journal, everything known"):
            with Journal.open(path, purpose="benchmark") as journal:
                measure(what, count, journal)
        print(f"journal: {path.stat().st_size / count:.0f} bytes an item")


if __name__ == "__main__":
    main()
