"""What a manifest of a million rows costs before the first image is opened.

Run ``python benchmarks/manifest_million.py``; each format is read in a process of its own, so that the peak
memory is that of one format. Figures are in benchmarks/README.md.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROWS = 1_000_000
FORMATS = ("jsonl", "csv", "parquet")


def rows() -> Iterator[dict[str, object]]:
    """24 generators, 2,100 prompts of 90 characters, one column beyond those we know."""
    for number in range(ROWS):
        prompt = f"a photo of {number % 2100} red, blue and 'green' bears on a long wooden bench by the lake at dawn"
        generator = f"generator-{number % 24}"
        yield {
            "image": f"{generator}/{number // 24:06}.png",
            "prompt": prompt,
            "generator": generator,
            "task": "counting",
            "seed": number,
        }


def write(folder: Path) -> None:
    """The same rows as JSON lines, CSV and Parquet."""
    import polars as pl

    with (folder / "m.jsonl").open("w") as lines, (folder / "m.csv").open("w", newline="") as cells:
        table = csv.writer(cells)
        for number, row in enumerate(rows()):
            lines.write(json.dumps(row) + "\n")
            table.writerows([list(row), list(row.values())] if number == 0 else [list(row.values())])
    pl.read_ndjson(folder / "m.jsonl").write_parquet(folder / "m.parquet")


def measure(path: Path) -> None:
    """Reads the manifest, then makes every item, and prints what both cost."""
    start = time.perf_counter()
    from lmm4lmm.core.manifest import read_manifest

    imported = time.perf_counter()
    manifest = read_manifest(path)
    read = time.perf_counter()
    count = sum(1 for _ in manifest)
    done = time.perf_counter()
    print(
        f"{path.suffix[1:]:8} {path.stat().st_size / 1e6:6.0f} MB  import {imported - start:5.2f} s  "
        f"read {read - imported:5.2f} s  {count:,} items {done - read:5.2f} s  peak {peak_megabytes():5.0f} MB",
        flush=True,
    )


def peak_megabytes() -> float:
    """Peak resident memory of this process (Linux; getrusage would count the parent's as well)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for suffix in FORMATS:
            subprocess.run([sys.executable, __file__, str(Path(folder) / f"m.{suffix}")], check=True)


if __name__ == "__main__":
    measure(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
