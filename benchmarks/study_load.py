"""A human study under load: 200 simulated raters by HTTP on loopback, answers at a fixed rate, and what became of each.

Starts the real ``lmm4lmm study serve``. Answers are due at times drawn beforehand (a Poisson process) and go to raters
who are free; time counts from when an answer was due, not from when it could be sent, so that a slow server can't hide
its slowness by slowing the raters down. What remains is then rated without pause, until every rater is done, and all
that was acknowledged is looked up in what ``lmm4lmm study export`` gives. With ``--kill`` the server dies (``kill -9``)
twice under way and starts again; raters go on as their browsers do.

Run: python benchmarks/study_load.py [--database sqlite|postgresql] [--kill] [--rate 100] [--seconds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import signal
import subprocess
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image
from study_processes import COMMAND, Served, cluster, new_database
from study_raters import Rater, Told

NAME = "load"
SIZE = 512
SPECIAL = 3
"""One image to practise on, two gold ones."""
BOUND = 150.0
"""Milliseconds within which 95 of 100 answers at 100 a second are to be acknowledged."""


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
        processor: seconds that the servers took.
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
    processor: float = 0.0

    def wrong(self, plan: Plan) -> list[str]:
        """Every promise that was broken."""
        exact = {plan.ratings_per_item: plan.items}
        checks = {
            f"{self.lost} acknowledged ratings are lost": self.lost,
            f"{self.doubled} ratings are doubled": self.doubled,
            f"{self.unknown} ratings were never acknowledged": self.unknown,
            f"{self.again_wrong} repeated answers were not recognised": self.again_wrong,
            f"images by ratings: {dict(self.per_item)} instead of {exact}": self.per_item != Counter(exact),
        }
        return [text for text, broken in checks.items() if broken]


def run(plan: Plan, database: str, folder: Path) -> Outcome:
    """Makes the study in an empty database, loads it, and looks up what it has.

    Args:
        database: file or URL.
        folder: an empty one, for images and export.
    """
    links = _create(plan, database, folder)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome = asyncio.run(asyncio.wait_for(_load(plan, database, links), plan.most))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome.processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    _look_up(plan, database, folder, outcome)
    return outcome


def _create(plan: Plan, database: str, folder: Path) -> list[tuple[str, str]]:
    """Images that differ in name only, a study of them, and its links as (rater, path)."""
    rng = np.random.default_rng(plan.seed)
    rough = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).resize((SIZE, SIZE))
    rough.save(folder / "picture.jpg", quality=85)
    rows = []
    for number in range(plan.items + SPECIAL):
        os.link(folder / "picture.jpg", folder / f"{number}.jpg")
        rows.append({"id": f"i{number}", "image": f"{number}.jpg", "prompt": f"a cat, number {number}", "generator": f"g{number % 8}"})  # fmt: skip
    (folder / "items.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    practice, *gold = (f"i{plan.items + number}" for number in range(SPECIAL))
    design = {
        "dimensions": [{"name": "perception", "scale": "slider"}, {"name": "correspondence"}],
        "ratings_per_item": plan.ratings_per_item,
        # As many sessions as it takes to rate everything: then nothing but the store decides who rates what.
        "session": {"items": plan.session, "count": -(-plan.items // plan.session), "break_minutes": 0, "gap_minutes": 0},
        "repeats": 0.05,
        "training": [{"item": practice, "expected": {"perception": [0, 100]}}],
        "gold": [{"item": one, "dimension": "perception", "low": 0, "high": 100} for one in gold],
        "viewing_check": {"plates_right": 0},
    }  # fmt: skip
    (folder / "design.json").write_text(json.dumps(design))
    _command("create", NAME, "--items", f"{folder}/items.jsonl", "--design", f"{folder}/design.json", "--database", database)  # fmt: skip
    made = json.loads(_command("invite", NAME, "--count", str(plan.raters), "--database", database, "--json"))
    return [(one["rater"], "/i/" + one["link"].rpartition("/")[2]) for one in made["invitations"]]


def _command(*words: str) -> str:
    return subprocess.run([*COMMAND, "study", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


async def _load(plan: Plan, database: str, links: Sequence[tuple[str, str]]) -> Outcome:
    loop = asyncio.get_running_loop()
    outcome, rng = Outcome(), random.Random(plan.seed)
    server = [await asyncio.to_thread(Served, NAME, database)]
    port = server[0].port
    raters = [
        Rater(name, link, "127.0.0.1", port, random.Random(f"{plan.seed} {name}")) for name, link in links
    ]
    try:
        few = asyncio.Semaphore(8)

        async def arrive(rater: Rater) -> None:
            async with few:
                await rater.arrive()

        await asyncio.gather(*map(arrive, raters))
        killer = asyncio.create_task(_kill(plan, database, server, outcome))
        outcome.late = await _at_a_rate(plan, raters, rng)
        await killer
        outcome.told = [one for rater in raters for one in rater.told]
        began = loop.time()
        await asyncio.gather(*map(_to_the_end, raters))
        outcome.rest_seconds = loop.time() - began
    finally:
        for rater in raters:
            rater.close()
        await asyncio.to_thread(server[0].stop)
    known = {id(one) for one in outcome.told}
    outcome.rest = [one for rater in raters for one in rater.told if id(one) not in known]
    outcome.pictures = [seconds for rater in raters for seconds in rater.pictures]
    outcome.again, outcome.again_wrong = (
        sum(r.again for r in raters),
        sum(r.again_wrong for r in raters),
    )
    return outcome


async def _at_a_rate(plan: Plan, raters: Sequence[Rater], rng: random.Random) -> list[float]:
    """Answers when they are due, by raters who are free; by how much each was sent late."""
    loop = asyncio.get_running_loop()
    free, waiting, late, under_way = list(raters), deque[float](), [], set[asyncio.Task[None]]()

    async def go(rater: Rater, due: float) -> None:
        late.append(loop.time() - due)
        await rater.rate(due)
        while waiting and not rater.done:
            due = waiting.popleft()
            late.append(loop.time() - due)
            await rater.rate(due)
        if not rater.done:
            free.append(rater)

    began = due = loop.time()
    while (due := due + rng.expovariate(plan.rate)) < began + plan.seconds:
        await asyncio.sleep(max(0.0, due - loop.time()))
        if not free:
            waiting.append(due)
            continue
        place = rng.randrange(len(free))
        free[place], free[-1] = free[-1], free[place]
        task = asyncio.create_task(go(free.pop(), due))
        under_way.add(task)
    await asyncio.gather(*under_way)
    if waiting:
        raise RuntimeError(f"{len(waiting)} answers found no rater: all were done")
    return late


async def _to_the_end(rater: Rater) -> None:
    loop = asyncio.get_running_loop()
    while not rater.done:
        await rater.rate(loop.time())


async def _kill(plan: Plan, database: str, server: list[Served], outcome: Outcome) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(plan.kills):
        await asyncio.sleep(began + (number + 1) * plan.seconds / (plan.kills + 1) - loop.time())
        killed = loop.time()
        code = await asyncio.to_thread(server[0].stop, signal.SIGKILL)
        assert code == -signal.SIGKILL
        server[0] = await asyncio.to_thread(Served, NAME, database, server[0].port)
        outcome.downs.append(loop.time() - killed)


def _look_up(plan: Plan, database: str, folder: Path, outcome: Outcome) -> None:
    """Compares what was acknowledged with what is there."""
    _command("export", NAME, "-o", f"{folder}/out", "--database", database)
    rows = pl.read_parquet(folder / "out" / "ratings.parquet").filter(dimension="perception")
    there = Counter(zip(rows["rater"], (round(100 * value) for value in rows["rating"]), strict=True))
    told = Counter((one.rater, round(100 * one.value)) for one in (*outcome.told, *outcome.rest))
    outcome.lost = len(told.keys() - there.keys())
    outcome.unknown = len(there.keys() - told.keys()) + pl.read_csv(folder / "out" / "left_out.csv").height
    met = Counter(rows.select("rater", "item", "kind").iter_rows())
    outcome.doubled = sum(count - 1 for counts in (there, met) for count in counts.values())
    rated = rows.filter(kind="rated").group_by("item").agg(pl.col("rater").n_unique())
    outcome.per_item = Counter(rated["rater"].to_list())
    status = json.loads(_command("status", NAME, "--database", database, "--json"))
    if (status["got"], status["held"]) != (plan.items * plan.ratings_per_item, 0):
        raise RuntimeError(f"status says {status['got']} ratings and {status['held']} places held")


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
        ("servers' processor time an answer", f"{1000 * outcome.processor / len((*told, *rest)):.1f} ms"),
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
        f"\n{kind}: {plan.raters} raters, {plan.items:,} images x {plan.ratings_per_item}, sessions of {plan.session}; "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}, {time.strftime('%Y-%m-%d')}"
    )
    for title, value in rows:
        print(f"{title:52} {value}")


def _ms(values: Sequence[float]) -> str:
    return " / ".join(f"{np.percentile(values, at):.0f}" for at in (50, 95, 99, 100)) + " ms"


def main() -> int:
    """Runs and prints; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--kill", action="store_true", help="kill -9 the server twice under way")
    parser.add_argument("--rate", type=float, default=Plan.rate)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--raters", type=int, default=Plan.raters)
    chosen = parser.parse_args()
    plan = Plan(chosen.raters, chosen.rate, chosen.seconds, kills=2 if chosen.kill else 0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["XDG_CONFIG_HOME"] = str(folder)  # where the secret goes that signs cookies
        postgres = stack.enter_context(
            cluster(durable=True) if chosen.database != "sqlite" else nullcontext()
        )
        database = f"{folder}/study.sqlite" if postgres is None else new_database(postgres)
        outcome = run(plan, database, folder)
    report(plan, chosen.database, outcome)
    wrong = outcome.wrong(plan)
    slow = 1000 * np.percentile([one.seconds for one in outcome.told], 95)
    if not plan.kills and plan.rate == Plan.rate and slow > BOUND:
        wrong.append(f"p95 is {slow:.0f} ms; the bound is {BOUND:g}")
    for text in wrong:
        print(f"WRONG: {text}")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
