"""The released checkpoints' layout, scored by our engine and by a faithful model of the reference's way of working.

    .venv/bin/python benchmarks/native_vs_reference_style.py [--cases a,c] [--repeats 3]

Three random checkpoints of one base are made once in a cache folder. By default they are InternVL2.5-8B scaled down
alike: widths and vocabulary by 1/4 or so, layers by 0.6, so that vision tower : language layers : vocabulary stay at
4 : 86 : 10 per cent of about 300M parameters; image size and tiles are the real ones (5 tiles of 256 tokens).

Each engine lives in a process of its own, whose peak memory is its own. Requests alternate between the engines, each
repeat with an image that neither has seen; printed are medians, ratios, the greatest difference of scores, where the
time goes and how far the language model runs from this machine's matmul peak at the model's own sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from comparison_engines import Request, Scores
from comparison_setup import (
    draw_images,
    language_gflop,
    make_checkpoints,
    matmul_peak,
    parameters,
    row_length,
)

WORKER = Path(__file__).with_name("comparison_engines.py")
PROMPTS = (
    "a red vintage car parked in front of a bakery, morning light, film photograph",
    "three green parrots on a wire above a quiet street, watercolor",
    "an astronaut who reads a newspaper in a crowded tram, oil painting",
    "a glass teapot to the left of two blue cups on a wooden table",
)
QUESTIONS = (
    "Is there a car in the image? Answer yes or no.",
    "Does the image show three parrots? Answer yes or no.",
    "Is the teapot to the left of the cups? Answer yes or no.",
    "Does the image look like a photograph? Answer yes or no.",
)
SCORE_TOLERANCE, ANSWER_TOLERANCE = 2e-3, 1e-4


CASES: dict[str, Callable[[str], Request]] = {
    "a": lambda image: Request("a", image, True, PROMPTS[:1], QUESTIONS[:1]),
    "b-questions": lambda image: Request("b-questions", image, questions=QUESTIONS),
    "b-prompts": lambda image: Request("b-prompts", image, prompts=PROMPTS),
    "c": lambda image: Request("c", image, True, PROMPTS[:1], QUESTIONS[:1]),
    "one": lambda image: Request("one", image, True),
}
MEANINGS = {
    "a": "one image, one prompt, three dimensions",
    "b-questions": "one image, four questions",
    "b-prompts": "one image, four prompts",
    "c": "as a, ours with one unified adapter",
    "one": "one image, perception only, ours with that one model",
}
ENGINES = {"c": ("reference", "unified"), "one": ("one",)}
"""Who answers a case, where it is not the reference and ours."""


class Process:
    """An engine in a process of its own."""

    def __init__(self, name: str, folders: dict[str, Path], options: argparse.Namespace) -> None:
        given = json.dumps({dimension: str(folder) for dimension, folder in folders.items()})
        command = [sys.executable, str(WORKER), "--engine", name, "--folders", given]
        command += ["--threads", str(options.threads), "--answers", options.answers]
        environment = os.environ | {"OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "PASSIVE"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.name = name
        self.start = self._reply()
        self.peak = 0.0

    def ask(self, request: Request) -> dict:
        """Sends a request and waits for its answer."""
        self.process.stdin.write(json.dumps(asdict(request)) + "\n")
        self.process.stdin.flush()
        answer = self._reply()
        self.peak = answer["peak"]
        return answer

    def _reply(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the engine '{self.name}' stopped (exit code {self.process.wait()})")
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def difference(first: Scores, second: Scores) -> tuple[float, bool]:
    """The greatest difference of two engines' scores, and whether all are within tolerance."""
    worst, right = 0.0, first.keys() == second.keys()
    for dimension in first.keys() & second.keys():
        bound = ANSWER_TOLERANCE if dimension == "answer" else SCORE_TOLERANCE
        apart = max(abs(a - b) for a, b in zip(first[dimension], second[dimension], strict=True))
        worst, right = max(worst, apart), right and apart <= bound
    return worst, right


def measure(case: str, engines: list[Process], images: list[str], options: argparse.Namespace) -> None:
    """Prints one case: medians, time by phase, ratios, and how far the scores are apart."""
    turns: list[list[dict]] = []
    for image in images:
        turns.append([engine.ask(CASES[case](image)) for engine in engines])
        options.peak = max(options.peak, matmul_peak(options, options.tokens))
    print(f"\n{case}: {MEANINGS[case]}")
    medians = {}
    for index, engine in enumerate(engines):
        replies = [turn[index] for turn in turns[1:]]  # the first was to warm up
        seconds = [reply["seconds"] for reply in replies]
        medians[engine.name] = statistics.median(seconds), statistics.median(r["work"] for r in replies)
        shares = {
            phase: statistics.median(reply["phases"][phase] for reply in replies)
            for phase in replies[0]["phases"]
            if phase != "total"
        }
        detail = "  ".join(f"{phase} {spent:.2f}" for phase, spent in shares.items())
        print(
            f"  {engine.name:10} {medians[engine.name][0]:7.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})  "
            f"processor time {medians[engine.name][1]:.2f} s;  {detail}"
        )
        if engine.name != "unified" and "language" in shares:
            passes = (
                1
                if case.startswith("b") and engine.name == "ours"
                else sum(map(len, replies[0]["scores"].values()))
            )
            rate = passes * language_gflop(options, options.tokens) / shares["language"]
            print(
                f"  {'':10} language model {rate:.0f} GFLOP/s, {100 * rate / options.peak:.0f} % of the best matmul "
                f"so far ({options.peak:.0f})"
            )
    if len(engines) == 2:
        (first, first_work), (second, second_work) = medians.values()
        print(
            f"  {engines[0].name} / {engines[1].name}: {first / second:.2f} x in time, "
            f"{first_work / second_work:.2f} x in processor time"
        )
    if len(engines) == 2 and case != "c":
        apart = [difference(turn[0]["scores"], turn[1]["scores"]) for turn in turns]
        right = all(fine for _, fine in apart)
        print(
            f"  greatest difference of scores {max(worst for worst, _ in apart):.1e}: {'right' if right else 'WRONG'}"
        )
        shown = {
            name: [round(turn[0]["scores"][name][0], 3) for turn in turns] for name in turns[0][0]["scores"]
        }
        print(f"  scores by image: {shown}")


def tell_memory(engines: list[Process]) -> None:
    """Prints what each engine held, and ours as a share of the reference's and of that of one model."""
    print()
    for engine in engines:
        print(
            f"memory {engine.name:10} after imports {engine.start['imported']:.0f} MB, "
            f"loaded {engine.start['loaded']:.0f} MB, peak {engine.peak:.0f} MB; "
            f"loaded in {engine.start['seconds']:.1f} s"
        )
    peaks = {engine.name: engine.peak for engine in engines if engine.peak}
    for other in ("reference", "one"):
        if {"ours", other} <= peaks.keys():
            print(f"peak memory of ours, three dimensions / {other}: {peaks['ours'] / peaks[other]:.3f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    home = Path(os.environ.get("LMM4LMM_HOME", Path.home() / ".cache" / "lmm4lmm"))
    parser.add_argument("--work", type=Path, default=home / "benchmarks", help="where checkpoints are kept")
    parser.add_argument("--engines", default="reference,ours,one,unified")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--answers", choices=("argmax", "generate"), default="argmax")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    for name, value in {
        "hidden": 1024,
        "layers": 19,
        "heads": 8,
        "kv-heads": 2,
        "intermediate": 3584,
        "vocabulary": 13_700,
        "vision-hidden": 256,
        "vision-layers": 14,
        "vision-heads": 4,
        "vision-intermediate": 1024,
        "image-size": 448,
        "patch": 14,
        "lora-rank": 8,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def main() -> None:
    options = parse()
    folders = make_checkpoints(options)
    sizes = parameters(folders["perception"])
    print("parameters: " + ", ".join(f"{part} {millions:.1f}M" for part, millions in sizes.items()))
    options.tokens = row_length(options, folders["correspondence"], PROMPTS[0])
    options.peak = matmul_peak(options, options.tokens)
    print(
        f"{options.threads} threads; best matmul at these sizes {options.peak:.0f} GFLOP/s; "
        f"{options.tokens} tokens a row"
    )
    engines = {name: Process(name, folders, options) for name in options.engines.split(",")}
    images = draw_images(options)
    try:
        for case in options.cases.split(","):
            wanted = ENGINES.get(case, ("reference", "ours"))
            measure(case, [engines[name] for name in wanted if name in engines], images, options)
        tell_memory(list(engines.values()))
    finally:
        for engine in engines.values():
            engine.close()


if __name__ == "__main__":
    main()
