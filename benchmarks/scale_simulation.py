"""Where the bottleneck of a large run lies: a simulation of readers, storage and GPUs, image by image.

A discrete-event model of ``score --executor ray``: a reader waits for its store (latency), shares its bandwidth with
the others (one queue of bytes), then works on a core (hash, decode); pixels wait in a buffer that is bounded, so a
full one holds readers back; a replica takes a batch when it is free. Times come from ``scale.py stages`` (measured)
or, for the 8-billion-parameter metric, from floating-point operations and stated rates of GPUs (an estimate).

Run: python benchmarks/scale_simulation.py [--svg docs/images/scale.svg] [--images 20000] [--seed 0]
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Plant:
    """A cluster and its work; the times are of one image.

    Attributes:
        gpus: replicas, each with a GPU.
        score_s: seconds of a GPU an image, within a batch.
        batch: images a batch; ``batch_s`` is what each batch costs besides.
        readers: tasks that read at once, one core each while they work.
        read_s: seconds of a core an image: hash and decode.
        latency_s: until the store's first byte.
        image_mb: mean size of a file; sizes vary by a third (log-normal).
        store_mb_s: what the store gives to all readers together.
        buffer: decoded images that may wait.
    """

    gpus: int = 8
    score_s: float = 0.18
    batch: int = 16
    batch_s: float = 0.01
    readers: int = 16
    read_s: float = 0.032
    latency_s: float = 0.05
    image_mb: float = 1.75
    store_mb_s: float = 1000.0
    buffer: int = 512

    def limits(self) -> dict[str, float]:
        """Images a second that each part alone could do: the arithmetic that the simulation is held against."""
        return {
            "store": self.store_mb_s / self.image_mb,
            "readers": self.readers / (self.latency_s + self.image_mb / self.store_mb_s + self.read_s),
            "GPUs": self.gpus / (self.score_s + self.batch_s / self.batch),
        }

    def bottleneck(self) -> str:
        """The slowest part, by arithmetic."""
        limits = self.limits()
        return min(limits, key=lambda name: limits[name])


@dataclass(frozen=True)
class Found:
    """What a simulated run did.

    Attributes:
        rate: images a second, after the first and before the last tenth.
        busy: share of the time that each part worked (a reader's wait for the others' bytes is no work).
        most_waiting: of decoded images at once.
    """

    rate: float
    busy: dict[str, float]
    most_waiting: int

    @property
    def bottleneck(self) -> str:
        """The busiest part."""
        return max(self.busy, key=lambda name: self.busy[name])


def simulate(plant: Plant, images: int, seed: int) -> Found:
    """Runs so many images through a plant."""
    draw = random.Random(seed)
    events: list[tuple[float, int, str]] = []  # time, order, what ends
    order, now, started, done = 0, 0.0, 0, 0
    store_free, waiting, held, most = 0.0, 0, 0, 0
    busy = {"store": 0.0, "readers": 0.0, "GPUs": 0.0}
    idle_gpus = plant.gpus
    ends: list[float] = []
    finished: deque[tuple[int, float]] = deque()

    def push(when: float, what: str) -> None:
        nonlocal order
        heapq.heappush(events, (when, order, what))
        order += 1

    def read() -> None:
        nonlocal started, store_free
        if started == images:
            return
        started += 1
        seconds = plant.image_mb / plant.store_mb_s * draw.lognormvariate(-0.05, 0.32)
        store_free = max(store_free, now + plant.latency_s) + seconds
        busy["store"] += seconds
        end = store_free + plant.read_s * draw.uniform(0.8, 1.2)
        busy["readers"] += plant.latency_s + seconds + end - store_free  # not: waiting for the others' bytes
        push(end, "read")

    def score() -> None:
        nonlocal waiting, idle_gpus, held
        while idle_gpus and waiting and (waiting >= plant.batch or started == images):
            taken = min(plant.batch, waiting)
            waiting -= taken
            idle_gpus -= 1
            seconds = plant.batch_s + taken * plant.score_s * draw.uniform(0.95, 1.05)
            busy["GPUs"] += seconds
            finished.append((taken, now + seconds))
            push(now + seconds, f"scored {taken}")
            while held and waiting < plant.buffer:  # room again: readers that were held back go on
                held -= 1
                waiting += 1
                read()

    for _ in range(plant.readers):
        read()
    while events:
        now, _, what = heapq.heappop(events)
        if what == "read":
            if waiting < plant.buffer:
                waiting += 1
                read()
            else:
                held += 1
            most = max(most, waiting + held)
        else:
            taken = int(what.split()[1])
            idle_gpus += 1
            done += taken
            ends += [now] * taken
        score()
    first, last = len(ends) // 10, len(ends) * 9 // 10
    rate = (last - first) / (ends[last - 1] - ends[first])
    share = {"store": now, "readers": now * plant.readers, "GPUs": now * plant.gpus}
    return Found(rate, {name: busy[name] / share[name] for name in busy}, most)


def cases() -> dict[str, Plant]:
    """What docs/scale.md shows: eight GPUs, and one thing changed at a time."""
    base = Plant()
    return {
        "8 GPUs, 16 readers, store 1 GB/s": base,
        "... readers 2": replace(base, readers=2),
        "... store 40 MB/s": replace(base, store_mb_s=40.0),
        "... GPUs a third as fast": replace(base, score_s=0.58),
        "... GPUs 64": replace(base, gpus=64),
        "... GPUs 64, readers 64": replace(base, gpus=64, readers=64),
        "... GPUs 64, readers 64, store 250 MB/s": replace(base, gpus=64, readers=64, store_mb_s=250.0),
    }


def main() -> None:
    """Prints the table, and draws the chart where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000, help="a case (default: 20,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--svg", type=Path, help="draw throughput over GPUs here")
    options = parser.parse_args()
    print(f"{'case':<42}{'images/s':>9}{'arithmetic':>12}   store readers  GPUs   bottleneck")
    for name, plant in cases().items():
        found, limit = simulate(plant, options.images, options.seed), min(plant.limits().values())
        shares = "".join(f"{100 * found.busy[part]:6.0f} %" for part in ("store", "readers", "GPUs"))
        print(f"{name:<42}{found.rate:9.1f}{limit:12.1f}{shares}   {found.bottleneck}")
    if options.svg:
        options.svg.write_text(chart(options.images, options.seed), encoding="utf-8")
        print(f"wrote {options.svg}")


COLOURS = {"GPUs": "#3b7dd8", "readers": "#d9822b", "store": "#2f8f5b"}


def chart(images: int, seed: int) -> str:
    """Throughput over the number of GPUs for three plants; a dot's colour is its bottleneck."""
    counts = (1, 2, 4, 8, 16, 24, 32, 48, 64)
    lines = {
        "16 readers, 1 GB/s": Plant(),
        "64 readers, 1 GB/s": Plant(readers=64),
        "64 readers, 250 MB/s": Plant(readers=64, store_mb_s=250.0),
    }
    left, top, width, height, most = 64, 36, 560, 300, 400.0

    def x(count: float) -> float:
        return left + width * count / counts[-1]

    def y(rate: float) -> float:
        return top + height * (1 - rate / most)

    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 400" font-family="sans-serif" font-size="13">',
        '<rect width="860" height="400" fill="#fff"/>',
    ]
    for rate in range(0, int(most) + 1, 100):
        out.append(f'<path d="M{left} {y(rate):.1f}h{width}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{y(rate) + 4:.1f}" text-anchor="end" fill="#555">{rate}</text>')
    for count in (1, 8, 16, 32, 48, 64):
        out.append(
            f'<text x="{x(count):.1f}" y="{top + height + 20}" text-anchor="middle" fill="#555">{count}</text>'
        )
    out.append(
        f'<text x="{left + width / 2}" y="{top + height + 42}" text-anchor="middle">GPUs, 0.18 s an image</text>'
    )
    out.append('<text x="14" y="16">images a second</text>')
    for name, plant in lines.items():
        found = [simulate(replace(plant, gpus=count), images, seed) for count in counts]
        path = "L".join(f"{x(count):.1f} {y(one.rate):.1f}" for count, one in zip(counts, found, strict=True))
        out.append(f'<path d="M{path}" fill="none" stroke="#888" stroke-width="1.5"/>')
        for count, one in zip(counts, found, strict=True):
            colour = COLOURS[one.bottleneck]
            out.append(f'<circle cx="{x(count):.1f}" cy="{y(one.rate):.1f}" r="5" fill="{colour}"/>')
        out.append(f'<text x="{x(counts[-1]) + 12:.1f}" y="{y(found[-1].rate) + 4:.1f}">{name}</text>')
    out.append('<text x="84" y="56" fill="#555">the bottleneck:</text>')
    for number, (name, colour) in enumerate(COLOURS.items()):
        out.append(f'<circle cx="92" cy="{74 + 20 * number}" r="5" fill="{colour}"/>')
        out.append(f'<text x="104" y="{78 + 20 * number}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    main()
