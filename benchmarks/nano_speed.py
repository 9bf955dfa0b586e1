"""nano's speed by batch size and by what is asked, as ratios within one run.

    .venv/bin/python benchmarks/nano_speed.py

Needs nano's weights; the images are drawn here, so that nothing depends on data.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PIL import Image

from lmm4lmm.core.records import DIMENSIONS, Item
from lmm4lmm.metrics.nano import Nano, load

ITEMS = 32
PROMPT = "a small red house between two tall trees on a hill, late afternoon light, oil painting"


def main() -> None:
    """Prints one line a setting."""
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (512, 512, 3), np.uint8)) for _ in range(ITEMS)]
    full = load()
    base = rate(full, images, batch=1)
    print(f"all three, batch 1: {base:.2f} items/s (the unit of what follows)")
    for batch in (4, 8, 16, 32):
        print(f"all three, batch {batch}: x {rate(full, images, batch) / base:.2f}")
    for dimension in DIMENSIONS:
        print(f"{dimension} alone, batch 8: x {rate(load(dimensions=(dimension,)), images, 8) / base:.2f}")


def rate(metric: Nano, images: list[Image.Image], batch: int) -> float:
    """Items a second, preparing included; the better of two rounds."""
    best = 0.0
    for _ in range(2):
        started = time.perf_counter()
        for first in range(0, len(images), batch):
            part = [metric.prepare(item(n), image) for n, image in enumerate(images[first : first + batch])]
            metric.score(part)
        best = max(best, len(images) / (time.perf_counter() - started))
    return best


def item(number: int) -> Item:
    """An item with a prompt of usual length."""
    return Item(id=str(number), path=Path("drawn"), image="drawn", prompt=PROMPT)


if __name__ == "__main__":
    main()
