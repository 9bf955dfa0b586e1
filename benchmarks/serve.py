"""The REST server under load, on loopback: throughput of micro-batching, overload, and whether pairs stay pairs.

Run: python benchmarks/serve.py [--rounds 3] [--seconds 20] [--requests 5000] [--nano 300] [--only PART]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from serve_clients import (
    Answer,
    body_of,
    counter,
    crowd,
    fake_scores,
    open_loop,
    serve_fake,
    server,
    watched,
)

CLIENTS = 16
NANO = ("-c", "from lmm4lmm.cli.main import run; run()", "serve", "--port", "0")
SCORED = ("perception", "correspondence")
QUEUE = 32
"""Places of the server that is overloaded."""


def drawn(count: int) -> list[tuple[bytes, str]]:
    """Images of 512 px with prompts, all different."""
    from nano_setup import draw_images, texts

    with tempfile.TemporaryDirectory() as folder:
        images = [path.read_bytes() for path in draw_images(Path(folder), count)]
    return [(image, prompt) for image, (prompt, _) in zip(images, texts(), strict=False)]


def throughput(rounds: int, seconds: float) -> None:
    """One client and many take turns on one server; beside it one that sees each image alone."""
    bodies = [body_of(*pair) for pair in drawn(64)]
    ratios = []
    with server(*NANO) as together, server(*NANO, "--max-batch", "1") as alone:
        for port in (together, alone):
            crowd(port, bodies[:8], 4)
        for _ in range(rounds):
            rates = {}
            for name, port, clients in (
                ("one client", together, 1),
                (f"{CLIENTS} clients", together, CLIENTS),
                (f"{CLIENTS} clients, batches of 1", alone, CLIENTS),
            ):
                used, batches = (
                    counter(port, "process_cpu_seconds_total"),
                    counter(port, "lmm4lmm_batch_items_count"),
                )
                began = time.perf_counter()
                answers = crowd(port, list(islice(cycle(bodies), 100_000)), clients, began + seconds)
                took = time.perf_counter() - began
                rates[name] = len(answers) / took
                used = counter(port, "process_cpu_seconds_total") - used
                batches = counter(port, "lmm4lmm_batch_items_count") - batches
                print(
                    f"{name:27s} {rates[name]:6.2f} images/s  {used / len(answers) * 1e3:6.1f} ms of processor each"
                    f"  {len(answers) / batches:4.1f} a batch  p50 {of(answers, 50):.2f} p99 {of(answers, 99):.2f} s",
                    flush=True,
                )
            one, many, single = rates.values()
            ratios.append(many / one)
            print(f"  many / one: {many / one:.2f}   many / many in batches of 1: {many / single:.2f}")
    print(f"micro-batching: x {median(ratios):.2f} of one at a time (median of {rounds})")


def overload(seconds: float) -> None:
    """Four times what the server can do, in an open loop."""
    bodies = [body_of(*pair) for pair in drawn(64)]
    with server(*NANO, "--max-queue", str(QUEUE)) as port:
        crowd(port, bodies[:32], 16)
        began = time.perf_counter()
        rate = len(crowd(port, list(islice(cycle(bodies), 100_000)), CLIENTS, began + seconds / 2)) / (
            time.perf_counter() - began
        )
        memory, stop = counter(port, "process_resident_memory_bytes"), threading.Event()
        with ThreadPoolExecutor(1) as other:
            peak = other.submit(watched, lambda: counter(port, "process_resident_memory_bytes"), stop)
            answers = open_loop(port, bodies, 4 * rate, seconds)
            stop.set()
            most = peak.result()
    accepted = [one for one in answers if one.status == 200]
    refused = [one for one in answers if one.status == 429]
    print(
        f"capacity {rate:.1f} images/s, offered {4 * rate:.1f} images/s for {seconds:g} s, a queue of {QUEUE}:\n"
        f"  accepted {len(accepted)}  p50 {of(accepted, 50):.2f} s  p99 {of(accepted, 99):.2f} s  "
        f"(a full queue takes {QUEUE / rate:.2f} s)\n"
        f"  429 {len(refused)}  p50 {of(refused, 50):.3f} s  p99 {of(refused, 99):.3f} s\n"
        f"  anything else: {len(answers) - len(accepted) - len(refused)}\n"
        f"  memory {memory / 1e6:.0f} MB before, {most / 1e6:.0f} MB at most"
    )


def pairing_fake(count: int) -> None:
    """Thousands at once; every answer must be that of its own image and prompt."""
    numbers = list(range(count))
    random.Random(5).shuffle(numbers)
    pairs = [(number * 3343 % 2**24, f"{'long ' * (number % 40)}prompt {number}") for number in numbers]
    with server(__file__, "--fake-server") as port:
        answers = crowd(port, [body_of(dot(color), prompt) for color, prompt in pairs], 64)
        sizes = count / counter(port, "lmm4lmm_batch_items_count")
    wrong = sum(
        answer.status != 200
        or abs(answer.items[0]["perception"]["score"] - fake_scores(prompt, color)[0]) > 1e-9
        or abs(answer.items[0]["correspondence"]["score"] - fake_scores(prompt, color)[1]) > 1e-9
        for answer, (color, prompt) in zip(answers, pairs, strict=True)
    )
    print(f"fake metric: {len(answers):,} requests by 64 clients, {sizes:.1f} a batch: {wrong} wrong")


def pairing_nano(count: int) -> None:
    """As many with nano, against scores that were made without a server."""
    # As the command line does, and before torch loads: beside other work, threads that spin are many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nano_setup import texts

    import lmm4lmm

    drawings = drawn(min(count, 64))
    pairs = [
        (drawings[number % 64][0], prompt) for number, (prompt, _) in zip(range(count), texts(), strict=False)
    ]
    images = [Image.open(BytesIO(image)) for image, _ in pairs]
    table = lmm4lmm.score(images=images, prompts=[prompt for _, prompt in pairs])
    known = np.stack([table[name].to_numpy() for name in SCORED])
    with server(*NANO, "--max-queue", "256") as port:
        answers = crowd(port, [body_of(*pair) for pair in pairs], 32)
    got = np.array([[one.items[0][name]["score"] for one in answers] for name in SCORED])
    apart = np.abs(got - known).max(axis=0)
    shuffled = np.abs(known - np.roll(known, 1, axis=1)).max(axis=0).mean()
    print(
        f"nano: {len(answers)} requests by 32 clients: {int((apart > 1e-3).sum())} further than .001 apart "
        f"(at most {apart.max():.1e}); a neighbour's scores would differ by {shuffled:.1f} on average"
    )


def dot(color: int) -> bytes:
    """A small image of one colour."""
    stream = BytesIO()
    Image.new("RGB", (8, 8), (color >> 16, color >> 8 & 255, color & 255)).save(stream, "PNG")
    return stream.getvalue()


def of(answers: list[Answer], share: float) -> float:
    """A percentile of the seconds."""
    return float(np.percentile([one.seconds for one in answers], share)) if answers else float("nan")


def main() -> None:
    """All parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--nano", type=int, default=300)
    parser.add_argument("--only", choices=("throughput", "overload", "fake", "nano"))
    parser.add_argument("--fake-server", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fake_server:
        serve_fake()
        return
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}",
        flush=True,
    )
    if given.only in (None, "fake"):
        pairing_fake(given.requests)
    if given.only in (None, "throughput"):
        throughput(given.rounds, given.seconds)
    if given.only in (None, "overload"):
        overload(given.seconds)
    if given.only in (None, "nano"):
        pairing_nano(given.nano)


if __name__ == "__main__":
    main()
