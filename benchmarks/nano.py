"""nano: images a second as users run it, where the time goes, how far the language model is from the matmul peak.

    .venv/bin/python benchmarks/nano.py
    .venv/bin/python benchmarks/nano.py --peers --peer-python PEERS/bin/python     # see peers.py

What users run is ``lmm4lmm.score`` on a manifest of JPEG files: reading and decoding included, all three outputs, two
threads that prepare while the model scores. The steps are then timed alone, one after another on the same items. The
images are drawn here, so that nothing depends on data, or come from ``--images DIR``. Needs nano's weights.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it, before torch loads

import torch
from nano_setup import draw_images, find_images, language_flops, matmul_peak, write_manifest

import lmm4lmm
from lmm4lmm.core.errors import Lmm4lmmError
from lmm4lmm.core.manifest import Manifest, read_manifest
from lmm4lmm.core.quiet import quiet_libraries
from lmm4lmm.core.records import Dimension
from lmm4lmm.metrics.nano import Nano, Prepared, load
from lmm4lmm.model.nano.language import LAYERS
from lmm4lmm.running.memory import peak_bytes
from lmm4lmm.running.scoring import ScoringJob

T = TypeVar("T")

BATCH, READERS = 16, 2
RATIOS = (1, 4, BATCH)
PEAK_REPEATS = 3
"""The language model's work and the products beside it are each done so often in a round; the best counts."""


def main() -> None:
    """Measures and prints."""
    options = arguments()
    quiet_libraries()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="nano-benchmark-") as name:
        folder = Path(name)
        images = (
            find_images(options.images, options.count)
            if options.images
            else draw_images(folder, options.count)
        )
        found = measured(write_manifest(folder / "manifest.jsonl", images), options)
        if options.peers:
            found["peers"] = peers(options, images)
            found["images_per_second_after_peers"] = rate_again(folder / "manifest.jsonl", options)
    print(json.dumps(found, indent=2) if options.json else told(found))


def arguments() -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=Path, help="a folder of images, in place of drawn JPEG files of 512 px"
    )
    parser.add_argument(
        "--weights", type=Path, help="a nano that was trained; default: the one in this package"
    )
    parser.add_argument("--count", type=int, default=64, help="images (default: 64)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="times that everything is measured (default: 5)"
    )
    parser.add_argument("--threads", type=int, help="of torch (default: torch's own choice)")
    parser.add_argument("--peers", action="store_true", help="also measure pyiqa's metrics: see peers.py")
    parser.add_argument("--peer-python", type=Path, help="the Python of the environment that has pyiqa")
    parser.add_argument("--peer-seconds", type=float, default=60, help="for each peer (default: 60)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.peers != bool(options.peer_python):
        parser.error("--peers and --peer-python PATH go together")
    if options.peer_python and not options.peer_python.is_file():
        parser.error(f"--peer-python {options.peer_python}: no such file")
    if options.count < 1 or options.rounds < 1:
        parser.error("--count and --rounds are 1 or more")
    return options


def measured(manifest: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Every figure of nano. What users run comes first, so that its peak of memory is its own."""
    metric = load(weights=options.weights)
    rate(metric, manifest, BATCH)  # not counted: kernels load, caches fill
    peak = peak_bytes()
    alone, perception = restricted(metric, ("perception",)), []
    by_batch: dict[int, list[float]] = {size: [] for size in RATIOS}
    for _ in range(options.rounds):  # settings take turns, so that a slow minute is nobody's alone
        for size in RATIOS:
            by_batch[size].append(rate(metric, manifest, size))
        perception.append(rate(alone, manifest, BATCH))
    medians = {size: statistics.median(found) for size, found in by_batch.items()}
    return {
        "images": sum(1 for _ in read_manifest(manifest)),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "images_per_second": spread(by_batch[BATCH]),
        "images_per_second_perception_alone": spread(perception),
        "peak_memory_mb": peak / 1024**2,
        "rate_relative_to_batch_1": {str(size): medians[size] / medians[1] for size in RATIOS},
        **steps(metric, read_manifest(manifest), options.rounds),
    }


def rate(metric: Nano, manifest: Path, batch: int) -> float:
    """Images a second of ``lmm4lmm.score``, from the manifest to the table."""
    began = perf_counter()
    table = lmm4lmm.score(manifest, metric=metric, batch_size=batch, workers=READERS)
    seconds = perf_counter() - began
    if failed := table["error"].drop_nulls().to_list():
        raise SystemExit(f"{len(failed)} of {table.height} images failed: {failed[0]}")
    return table.height / seconds


def rate_again(manifest: Path, options: argparse.Namespace) -> float:
    """The rate with all three outputs, anew: the median of the rounds after a first one."""
    metric = load(weights=options.weights)
    return statistics.median([rate(metric, manifest, BATCH) for _ in range(options.rounds + 1)][1:])


def restricted(metric: Nano, dimensions: tuple[Dimension, ...]) -> Nano:
    """The same weights, asked for less."""
    return Nano(metric.model, metric.reader, metric.fingerprint, dimensions, metric.device)


def steps(metric: Nano, items: Manifest, rounds: int) -> dict[str, Any]:
    """Milliseconds an image of each step alone, and the language model's rate beside the best product's."""
    job = ScoringJob(metric)
    found: dict[str, list[float]] = {}
    peaks: list[tuple[float, str]] = []
    work, count = 0, len(items)
    for number in range(rounds + 1):
        seconds, prepared = timed(lambda: [job.prepare(one, job.load(one)[1]) for one in items])
        batches = [prepared[first : first + BATCH] for first in range(0, count, BATCH)]
        parts = [in_parts(metric, batch) for batch in batches]
        quickest = min(reading(metric, batches) for _ in range(PEAK_REPEATS))
        lengths = [token_lengths(batch) for batch in batches]
        work = language_flops(metric.model.language, LAYERS, chain.from_iterable(lengths))
        peak = matmul_peak(product_shapes(metric, max(map(sum, lengths))), repeats=PEAK_REPEATS)
        if number:  # the first round warms up
            found.setdefault("prepare", []).append(seconds)
            for part in parts[0]:
                found.setdefault(part, []).append(sum(one[part] for one in parts))
            found.setdefault("reading", []).append(quickest)
            peaks.append(peak)
    middle = {step: statistics.median(times) for step, times in found.items()}
    # Best against best of the same minute: noise only ever slows, and a machine's own best changes, too.
    rates = [work / seconds / 1e9 for seconds in found["reading"]]
    shares = [rate / best for rate, (best, _) in zip(rates, peaks, strict=True)]
    return {
        "ms_an_image": {
            step: 1000 * seconds / count for step, seconds in middle.items() if step != "reading"
        },
        "language_model_gflop_an_image": work / count / 1e9,
        "language_model_gflops": statistics.median(rates),
        "best_matmul_gflops": statistics.median(best for best, _ in peaks),
        "best_matmul": max(peaks)[1],
        "language_model_share_of_best_matmul": spread(shares),
    }


def reading(metric: Nano, batches: Sequence[Sequence[Prepared]]) -> float:
    """Seconds of the language model for all batches."""
    with torch.inference_mode():
        return timed(lambda: [metric.model.read([one.texts for one in batch]) for batch in batches])[0]


def in_parts(metric: Nano, batch: Sequence[Prepared]) -> dict[str, float]:
    """Seconds of what ``Nano.score`` does with a batch, part by part."""
    model = metric.model
    with torch.inference_mode():
        eye, features = timed(lambda: model.look([one.view for one in batch]))
        language, words = timed(lambda: model.read([one.texts for one in batch]))
        rest, _ = timed(lambda: metric._scores(model(features, words), batch))
    return {"eye": eye, "language model": language, "rest": rest}


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of some work, and its result."""
    began = perf_counter()
    result = work()
    return perf_counter() - began, result


def token_lengths(batch: Sequence[Prepared]) -> list[int]:
    """Tokens of each text that the language model reads for a batch: equal ones once, the opening token counted."""
    every = {text for one in batch for text in (one.texts.prompt, one.texts.question) if text}
    return [1 + len(text) for text in every]


def product_shapes(metric: Nano, tokens: int) -> list[tuple[int, int, int]]:
    """The language model's own products for a batch, and larger ones that a machine may do better."""
    config = metric.model.language.config
    hidden, inner = config.hidden_size, config.intermediate_size
    own = [(tokens, hidden, hidden), (tokens, hidden, inner), (tokens, inner, hidden)]
    return [*own, *((side, side, side) for side in (512, 1024, 2048))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median of some rates, with the least and the greatest."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def peers(options: argparse.Namespace, images: Sequence[Path]) -> dict[str, Any]:
    """What peers.py measures on the same files with as many threads, by its own Python."""
    script = Path(__file__).resolve().with_name("peers.py")
    command = [str(options.peer_python), str(script), "--threads", str(torch.get_num_threads())]
    command += ["--seconds", str(options.peer_seconds)]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    given = json.dumps([str(path) for path in images])
    done = subprocess.run(
        command, input=given, stdout=subprocess.PIPE, text=True, env=environment, check=False
    )
    if done.returncode:
        return {"error": f"peers.py ended with code {done.returncode}; what it said stands above"}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def told(found: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        f"{found['images']} images, batch {BATCH}, {READERS} readers, {found['threads']} threads, "
        f"torch {found['torch']}, float32"
    ]
    for key, words in (
        ("images_per_second", "all three outputs"),
        ("images_per_second_perception_alone", "perception alone"),
    ):
        one = found[key]
        lines.append(
            f"{words:<28}{one['median']:8.2f} images/s  ({one['least']:.2f} to {one['greatest']:.2f})"
        )
    for size, ratio in found["rate_relative_to_batch_1"].items():
        lines.append(f"{'  batch ' + size:<28}{'x':>4} {ratio:.2f} of batch 1")
    lines.append(f"{'peak memory':<28}{found['peak_memory_mb']:8,.0f} MB")
    for step, milliseconds in found["ms_an_image"].items():
        threads = ", one thread, decoding included" if step == "prepare" else ""
        lines.append(f"{step + ' alone':<28}{milliseconds:8.2f} ms an image{threads}")
    share = {key: 100 * value for key, value in found["language_model_share_of_best_matmul"].items()}
    lines.append(
        f"language model: {found['language_model_gflops']:.0f} GFLOP/s "
        f"({found['language_model_gflop_an_image']:.2f} GFLOP an image), "
        f"{share['median']:.0f} % ({share['least']:.0f} to {share['greatest']:.0f}) of the same round's best matmul "
        f"({found['best_matmul_gflops']:.0f}: {found['best_matmul']})"
    )
    if "peers" in found:
        lines += told_of_peers(found)
    return "\n".join(lines)


def told_of_peers(found: dict[str, Any]) -> list[str]:
    """A line a peer; ours is measured before and after them, since a machine's speed drifts."""
    if "error" in found["peers"]:
        return ["", found["peers"]["error"]]
    before, after = found["images_per_second"]["median"], found["images_per_second_after_peers"]
    lines = [
        "",
        f"peers, pyiqa {found['peers']['pyiqa']}, torch {found['peers']['torch']}, random weights; "
        f"nano before and after: {before:.2f} and {after:.2f} images/s",
    ]
    for name, one in found["peers"]["metrics"].items():
        if "error" in one:
            lines.append(f"{name:<28}{one['error']}")
            continue
        ratio = (before + after) / 2 / one["images_per_second"]
        lines.append(
            f"{name:<28}{one['images_per_second']:8.2f} images/s  (batch {one['batch']}, {one['scored']} images); "
            f"nano x {ratio:.2f}"
        )
    return lines


if __name__ == "__main__":
    try:
        main()
    except Lmm4lmmError as error:
        raise SystemExit(str(error)) from None
