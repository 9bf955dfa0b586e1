"""A human study from images to a metric's report: 30 raters, three of them in a real Chromium, two of them cheats.

Run: .venv/bin/python benchmarks/study_end_to_end.py [FOLDER] [--shots DIR]
Needs ../shared (images), Chromium and nano's base weights; takes minutes (25 beside much other work). Everything is
done by the command line and over HTTP, as a user would; FOLDER (default: a temporary one) keeps what it wrote.

The raters are simulated, the three in the browser, too: they answer by qualities that were drawn for each image
(``study_people``). So the figures say whether a study finds a truth that is known, and nothing about nano.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The tests' Chromium and server process serve here, too.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "study" / "web"))

from study_images import BOTH, write_material
from study_people import Manner, Rater, draw_raters, draw_truth
from study_processes import Served
from study_visits import BrowserRater, by_http
from web_browser import Visitor

from lmm4lmm.stats.correlation import srcc
from lmm4lmm.study.store import open_store
from report_browser import Browser

ROOT = Path(__file__).resolve().parents[1]
NAME = "early"
RULES = "gold,straight,chance"
"""The usual ones, but for speed: simulated raters need no time."""
WINDOWS: Sequence[tuple[int, int, bool, str]] = (
    (1280, 800, False, "en"),
    (375, 740, True, "zh"),
    (1440, 900, False, "zh"),
)
"""Width, height, touch and language of the raters in the browser."""
PICTURED = 2
"""So many of them are photographed: a desktop and a phone."""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        cheats: who cheats -> their manner.
        screened: who was excluded -> why.
        codes: completion codes of the raters in the browser.
        ratings: raw judgements that count.
        truth_srcc: dimension -> SRCC of recovered scores and truth.
        raw_srcc: the same of plain means with the cheats left in.
        evaluation: what ``evaluate --json`` printed.
        methods: the methods section.
        study_page, report_page: pages of metric against people.
        seconds: by part.
    """

    cheats: Mapping[str, str]
    screened: Mapping[str, str]
    codes: tuple[str, ...]
    ratings: int
    truth_srcc: Mapping[str, float]
    raw_srcc: Mapping[str, float]
    evaluation: Mapping[str, Any]
    methods: str
    study_page: Path
    report_page: Path
    seconds: Mapping[str, float]


def run(
    source: Path,
    folder: Path,
    browser: Browser,
    *,
    images: int = 60,
    windows: int = 3,
    manners: Sequence[Manner] = ("random", "straight", *["honest"] * 25),
    break_seconds: float = 5.0,
    seed: int = 0,
    shots: Path | None = None,
) -> Outcome:
    """The whole way.

    Args:
        source: ``early_generators`` of the shared data.
        folder: an empty one, where all files go.
        browser: a running Chromium.
        images: a multiple of six up to 60.
        windows: raters in the browser, at most three, all honest.
        manners: of the raters by HTTP.
        break_seconds: how long a break is.
        seed: of truth and raters.
        shots: where screenshots of the raters' pages go.
    """
    clock = Clock()
    rng = np.random.default_rng(seed)
    total = windows + len(manners)
    material = write_material(source, folder, images=images, raters=total, break_seconds=break_seconds)
    truth = draw_truth(material.generator, rng)
    raters = draw_raters(["honest"] * windows + list(manners), rng)
    database = folder / f"{NAME}.study.sqlite"
    lmm4lmm(folder, "study", "create", NAME, "--items", "images.csv", "--design", "design.json")
    clock.lap("create")
    with open_store(str(database)) as store:
        items = {opaque: item for item, opaque in store.image_ids(NAME).items()}
    seen = {**truth, **material.levels}
    server = Served(NAME, database)
    try:
        invited = json.loads(
            lmm4lmm(
                folder, "study", "invite", NAME, "--count", str(total), "--base-url", server.url, "--json"
            )
        )["invitations"]
        links = [one["link"] for one in invited]
        codes = []
        for rater, link, (width, height, touch, language) in zip(
            raters, links, WINDOWS[:windows], strict=False
        ):
            visitor = Visitor(browser, width, height, touch=touch)
            pictures = shots if len(codes) < PICTURED else None
            codes.append(BrowserRater(visitor, answering(rater, items, seen), pictures).go(link, language))
        clock.lap("browser")
        with ThreadPoolExecutor(4) as pool:
            waits = [
                pool.submit(by_http, link, ("en", "zh")[n % 2], answering(rater, items, seen))
                for n, (rater, link) in enumerate(zip(raters[windows:], links[windows:], strict=True))
            ]
            [wait.result() for wait in waits]
        clock.lap("http")
    finally:
        server.stop()
    export(folder, "raw")
    screened = json.loads(lmm4lmm(folder, "study", "screen", NAME, "--rules", RULES, "--exclude", "--json"))
    lmm4lmm(folder, "study", "close", NAME)
    export(folder, "data")
    lmm4lmm(
        folder,
        "study",
        "analyse",
        "data/ratings.csv",
        "--method",
        "p910",
        "-o",
        "mos.csv",
        "--items",
        "rated.csv",
    )
    lmm4lmm(folder, "study", "analyse", "raw/ratings.csv", "--no-agreement", "-o", "raw.csv")
    methods = lmm4lmm(folder, "study", "methods", NAME, "--method", "p910")
    clock.lap("screen, export, analyse, methods")
    lmm4lmm(folder, "score", "rated.csv", "-o", "scores.jsonl", "--metric", "nano", "--quiet")
    clock.lap("score")
    evaluated = lmm4lmm(
        folder, "evaluate", "scores.jsonl", "--human", "mos.csv", "--json", "--html", "study.html"
    )
    lmm4lmm(folder, "report", "scores.jsonl", "-o", "report.html", "--human", "mos.csv")
    clock.lap("evaluate, report")
    named = {one["rater"]: rater.manner for one, rater in zip(invited, raters, strict=True)}
    reasons: dict[str, str] = {}
    for one in screened["found"]:
        reasons[one["rater"]] = "; ".join(filter(None, (reasons.get(one["rater"]), one["reason"])))
    return Outcome(
        cheats={name: manner for name, manner in named.items() if manner != "honest"},
        screened={name: reasons[name] for name in screened["excluded"]},
        codes=tuple(codes),
        ratings=len(rows_of(folder / "data" / "ratings.csv")),
        truth_srcc=against_truth(folder / "mos.csv", truth),
        raw_srcc=against_truth(folder / "raw.csv", truth),
        evaluation=json.loads(evaluated),
        methods=methods,
        study_page=folder / "study.html",
        report_page=folder / "report.html",
        seconds=clock.laps,
    )


def answering(rater: Rater, items: Mapping[str, str], levels: Mapping[str, tuple[float, float]]) -> Any:
    """What a rater says of an image by its opaque id, and of the prompt beside it."""

    def answer(opaque: str, prompt: str) -> dict[str, int]:
        asked = "please answer Bad" in prompt or "都回答" in prompt
        item = items[opaque]
        return rater.obey(item) if asked else rater.answer(item, levels.get(item, (3.0, 3.0)))

    return answer


def lmm4lmm(folder: Path, *words: str) -> str:
    """Runs one command in the folder; returns what it printed."""
    command = [sys.executable, "-c", "from lmm4lmm.cli.main import run; run()", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"lmm4lmm {' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def export(folder: Path, name: str) -> None:
    """The study's data, as they are now."""
    lmm4lmm(folder, "study", "export", NAME, "-o", name)


def rows_of(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def against_truth(path: Path, truth: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """SRCC of a table of scores and the truth, by dimension."""
    rows = rows_of(path)
    return {
        name: srcc([float(row[name]) for row in rows], [truth[row["id"]][place] for row in rows])
        for place, name in enumerate(BOTH)
    }


class Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self._last, self.laps = time.perf_counter(), {}

    def lap(self, name: str) -> None:
        """What was done since the last lap."""
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


def main() -> int:
    """Runs it and prints the figures; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--shots", type=Path, help="where screenshots of the raters' pages go")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        parser.error("no Chromium on this machine (Debian: apt-get install chromium)")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="study-"))
    browser = Browser(binary, folder / "chromium")
    try:
        found = run(
            options.shared / "data" / "early_generators",
            folder / "study",
            browser,
            images=options.images,
            seed=options.seed,
            shots=options.shots,
        )
    finally:
        browser.close()
    tell(found)
    print(f"files: {folder / 'study'}")
    return 0


def tell(found: Outcome) -> None:
    """The figures."""
    print(
        f"ratings that count: {found.ratings:,}; completion codes of the browser's raters: {len(found.codes)}"
    )
    for rater, manner in found.cheats.items():
        print(f"cheat {rater} ({manner}): {found.screened.get(rater, 'NOT FOUND')}")
    for rater in sorted(set(found.screened) - set(found.cheats)):
        print(f"honest rater {rater} excluded: {found.screened[rater]}")
    for name in BOTH:
        agreed = found.evaluation["dimensions"][name]
        print(
            f"{name}: SRCC with the truth {found.truth_srcc[name]:.3f} (plain means with the cheats: "
            f"{found.raw_srcc[name]:.3f}); nano with these people: {agreed['srcc']['value']:.3f} over {agreed['n']}"
        )
    print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in found.seconds.items()))
    print(found.methods)


if __name__ == "__main__":
    sys.exit(main())
