"""Jobs and metrics that remember what was asked of them, and fail on demand."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lmm4lmm.core.errors import InputError, ItemError, OutOfMemoryError
from lmm4lmm.core.records import Answer, Dimension, Estimate, Item, Score


class Doubling:
    """A job on integers: the result is twice the number, the key is the number.

    Args:
        cost: size of a number.
        fails: raises for a number, in ``run``.
        bad: raises for a number, in ``prepare``.
        capacity: the largest sum of sizes that fits a batch.
    """

    def __init__(
        self,
        *,
        cost: Callable[[int], int] = lambda number: 1,
        fails: Callable[[int], None] = lambda number: None,
        bad: Callable[[int], None] = lambda number: None,
        capacity: float = float("inf"),
        seconds: float = 0.0,
    ) -> None:
        self._cost, self._fails, self._bad = cost, fails, bad
        self._capacity, self._seconds = capacity, seconds
        self.loaded: Counter[int] = Counter()
        self.prepared: Counter[int] = Counter()
        self.batches: list[list[int]] = []
        self._counting = threading.Lock()

    @property
    def computed(self) -> Counter[int]:
        return Counter(number for batch in self.batches for number in batch)

    def load(self, work: int) -> tuple[str, int]:
        with self._counting:
            self.loaded[work] += 1
        return f"key {work}", work

    def prepare(self, work: int, loaded: int) -> int:
        with self._counting:
            self.prepared[work] += 1
        self._bad(work)
        return loaded

    def size(self, prepared: int) -> int:
        return self._cost(prepared)

    def run(self, batch: Sequence[int]) -> Sequence[int | ItemError]:
        self.batches.append(list(batch))
        time.sleep(self._seconds)
        if sum(map(self._cost, batch)) > self._capacity:
            raise OutOfMemoryError("full")
        for number in batch:
            self._fails(number)
        return [2 * number for number in batch]

    def encode(self, result: int) -> bytes:
        return str(result).encode()

    def decode(self, data: bytes) -> int:
        return int(data)


class Brightness:
    """A metric: perception is the image's mean level, correspondence the prompt's length."""

    dimensions: tuple[Dimension, ...] = ("perception", "correspondence", "answer")

    def __init__(self, fingerprint: str = "brightness-1", *, seconds: float = 0.0) -> None:
        self.fingerprint, self._seconds = fingerprint, seconds
        self.scored: list[str] = []

    def prepare(self, item: Item, image: Image.Image) -> tuple[Item, float]:
        return item, float(np.asarray(image).mean())

    def size(self, prepared: tuple[Item, float]) -> int:
        return len(prepared[0].prompt)

    def score(self, batch: Sequence[tuple[Item, float]]) -> list[Score]:
        time.sleep(self._seconds * len(batch))
        self.scored += [item.id for item, _ in batch]
        return [self._one(item, level) for item, level in batch]

    def _one(self, item: Item, level: float) -> Score:
        answer = Answer(p_yes=level / 255, question=item.question) if item.question else None
        return Score(
            perception=Estimate(level / 2.55, std=0.1),
            correspondence=Estimate(float(len(item.prompt))),
            answer=answer,
            remark="a dark one" if level < 64 else None,
        )


class Marking(Brightness):
    """Takes its time, and leaves its process id where a test finds it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(seconds=0.03)
        self.folder = folder

    def score(self, batch: Sequence[tuple[Item, float]]) -> list[Score]:
        (self.folder / str(os.getpid())).touch()
        return super().score(batch)


def refuse() -> Brightness:
    """An opener whose metric can't be had."""
    raise InputError("no such weights: nowhere")


class Counting:
    """A progress that keeps the counts."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.counts: Counter[str] = Counter()
        self.finished = 0

    def start(self, total: int | None) -> None:
        self.total = total

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        self.counts.update(done=done, failed=failed, cached=cached)

    def finish(self) -> None:
        self.finished += 1


def make_items(folder: Path, count: int, *, size: int = 16) -> list[Item]:
    """Distinct small PNG files, with prompts of different lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for number in range(count):
        path = folder / f"{number:04}.png"
        Image.new("RGB", (size, size), (number % 256, number // 256 % 256, 7)).save(path)
        prompt = "p" * (number % 13)
        items.append(Item(id=str(number), path=path, image=path.name, prompt=prompt, question="Is it?"))
    return items
