"""How much a load of a human study is, what came of it, and how that is printed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from study_processes import COMMAND
from study_raters import Told

NAME = "load"


def command(*words: str) -> str:
    """``lmm4lmm study ...``, and what it printed."""
    return subprocess.run([*COMMAND, "study", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


@dataclass(frozen=True)
class Plan:
    """How much.

    Attributes:
        rate: answers a second, all raters together; ``seconds``: how long.
        session: images that a rater takes at a time.
        kills: how often the server is killed, evenly spread.
        most: seconds after which everything is given up.
    """

    raters: int = 200
    rate: float = 100.0
    seconds: float = 60.0
    ratings_per_item: int = 15
    session: int = 20
    kills: int = 0
    most: float = 600.0
    seed: int = 7

    @property
    def items(self) -> int:
        """Images, so many that no rater runs out of them while answers come at the rate."""
        wanted = self.rate * self.seconds + self.raters * self.session
        return -(-round(wanted) // self.ratings_per_item)


@dataclass
class Outcome:
    """What was seen.

    Attributes:
        told: acknowledged answers of the part at a fixed rate; ``rest``: of what came after, without pause.
        rest_seconds: how long that took.
        late: seconds by which our own side sent answers late.
        downs: seconds from each kill to the next server that answers.
        lost: acknowledged and not in the export; ``unknown``: in the export and never acknowledged.
        doubled: exported twice: the same answer, or the same rater, image and kind.
        per_item: how many images have how many ratings by different raters.
        again, again_wrong: answers sent once more on purpose, and those not recognised as such.
        status: ratings and places held, as ``study status`` has them.
        processor: seconds that the server took from the first answer to the last; None where one was killed.
    """

    told: list[Told] = field(default_factory=list)
    rest: list[Told] = field(default_factory=list)
    rest_seconds: float = 0.0
    late: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    downs: list[float] = field(default_factory=list)
    lost: int = 0
    unknown: int = 0
    doubled: int = 0
    per_item: Counter[int] = field(default_factory=Counter)
    again: int = 0
    again_wrong: int = 0
    status: tuple[int, int] = (0, 0)
    processor: float | None = None

    def wrong(self, plan: Plan) -> list[str]:
        """Every promise that was broken."""
        exact = {plan.ratings_per_item: plan.items}
        full = (plan.ratings_per_item * plan.items, 0)
        checks = {
            f"{self.lost} acknowledged ratings are lost": self.lost,
            f"{self.doubled} ratings are doubled": self.doubled,
            f"{self.unknown} ratings were never acknowledged": self.unknown,
            f"{self.again_wrong} repeated answers were not recognised": self.again_wrong,
            f"images by ratings: {dict(self.per_item)} instead of {exact}": self.per_item != Counter(exact),
            f"ratings and places held: {self.status} instead of {full}": self.status != full,
        }
        return [text for text, broken in checks.items() if broken]


def look_up(plan: Plan, database: str, folder: Path, outcome: Outcome) -> None:
    """Compares what was acknowledged with what is there."""
    command("export", NAME, "-o", f"{folder}/out", "--database", database)
    rows = pl.read_parquet(folder / "out" / "ratings.parquet").filter(dimension="perception")
    there = Counter(zip(rows["rater"], (round(100 * value) for value in rows["rating"]), strict=True))
    told = Counter((one.rater, round(100 * one.value)) for one in (*outcome.told, *outcome.rest))
    outcome.lost = len(told.keys() - there.keys())
    outcome.unknown = len(there.keys() - told.keys()) + pl.read_csv(folder / "out" / "left_out.csv").height
    met = Counter(rows.select("rater", "item", "kind").iter_rows())
    outcome.doubled = sum(count - 1 for counts in (there, met) for count in counts.values())
    rated = rows.filter(kind="rated").group_by("item").agg(pl.col("rater").n_unique())
    outcome.per_item = Counter(rated["rater"].to_list())
    status = json.loads(command("status", NAME, "--database", database, "--json"))
    outcome.status = status["got"], status["held"]


def report(plan: Plan, kind: str, outcome: Outcome) -> None:
    """Prints the figures."""
    told, rest = outcome.told, outcome.rest
    lengths = [1000 * one.seconds for one in told]
    span = max(one.due + one.seconds for one in told) - min(one.due for one in told)
    unheard = sum(one.outcome == "repeated" for one in (*told, *rest))
    rows = [
        (f"answers due, at {plan.rate:g} a second", f"{len(told):,} in {plan.seconds:g} s"),
        ("acknowledged a second", f"{len(told) / span:.1f}"),
        ("from due to acknowledged, p50 / p95 / p99 / most", _ms(lengths)),
        ("of it sent late by our own side", _ms([1000 * one for one in outcome.late])),
        ("images, whole run", _ms([1000 * one for one in outcome.pictures])),
        (
            "then without pause",
            f"{len(rest):,} in {outcome.rest_seconds:.1f} s: {len(rest) / outcome.rest_seconds:.0f} a second",
        ),
        (
            "the server's processor time an answer, with its image",
            "-" if outcome.processor is None else f"{1000 * outcome.processor / len((*told, *rest)):.1f} ms",
        ),
        ("killed; seconds until the next server", " ".join(f"{one:.1f}" for one in outcome.downs) or "-"),
        (
            "answers sent more than once, stored by the first try",
            f"{sum(one.tries > 1 for one in (*told, *rest)):,}, {unheard:,}",
        ),
        (
            "sent once more on purpose, not recognised",
            f"{outcome.again:,}, {outcome.again_wrong:,}",
        ),
        ("lost / doubled / never acknowledged", f"{outcome.lost} / {outcome.doubled} / {outcome.unknown}"),
        (
            "ratings by different raters: images",
            ", ".join(f"{n}: {count:,}" for n, count in sorted(outcome.per_item.items())),
        ),
    ]
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    print(
        f"\n{kind}: {plan.raters} raters, {plan.items:,} images x {plan.ratings_per_item}, sessions of "
        f"{plan.session}; Python {platform.python_version()}, {os.cpu_count()} cores, load {load}, "
        f"{time.strftime('%Y-%m-%d')}"
    )
    for title, value in rows:
        print(f"{title:52} {value}")


def _ms(values: Sequence[float]) -> str:
    return " / ".join(f"{np.percentile(values, at):.0f}" for at in (50, 95, 99, 100)) + " ms"
