"""A human study under load: 200 simulated raters by HTTP on loopback, answers at a fixed rate, what became of each.

Starts the real ``lmm4lmm study serve``. Answers are due at random times (a Poisson process) and go to raters who are
free. Time counts from when an answer was due, not from when it could be sent, so that a slow server can't hide that
it is slow by slowing the raters down. What remains is then rated without pause until every rater is done, and all
that was acknowledged is looked up in what ``lmm4lmm study export`` gives. With ``--kill`` the server is killed
(``kill -9``) twice under way and started again; raters go on as their browsers do.

Run: python benchmarks/study_load.py [--database sqlite|postgresql] [--kill] [--rate 100] [--seconds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path

import numpy as np
from PIL import Image
from study_outcome import NAME, Outcome, Plan, command, look_up, report
from study_processes import Served, cluster, new_database
from study_raters import Rater

SIZE = 512
SPECIAL = 3
"""One image to practise on, two gold ones."""
BOUND = 150.0
"""Milliseconds within which 95 of 100 answers at 100 a second are to be acknowledged."""


def run(plan: Plan, database: str, folder: Path) -> Outcome:
    """Makes the study in an empty database, loads it, and looks up what it has.

    Args:
        database: file or URL.
        folder: an empty one, for images and export.
    """
    links = _create(plan, database, folder)
    outcome = asyncio.run(asyncio.wait_for(_load(plan, database, links), plan.most))
    look_up(plan, database, folder, outcome)
    return outcome


def _create(plan: Plan, database: str, folder: Path) -> list[tuple[str, str]]:
    """Images that differ in name only, a study of them, and its links as (rater, path)."""
    rng = np.random.default_rng(plan.seed)
    rough = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).resize((SIZE, SIZE))
    rough.save(folder / "picture.jpg", quality=85)
    rows = []
    for number in range(plan.items + SPECIAL):
        os.link(folder / "picture.jpg", folder / f"{number}.jpg")
        words = {"prompt": f"a cat, number {number}", "generator": f"g{number % 8}"}
        rows.append({"id": f"i{number}", "image": f"{number}.jpg", **words})
    (folder / "items.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    practice, *gold = (f"i{plan.items + number}" for number in range(SPECIAL))
    # As many sessions as it takes to rate everything: then nothing but the store decides who rates what.
    sessions = -(-plan.items // plan.session)
    design = {
        "dimensions": [{"name": "perception", "scale": "slider"}, {"name": "correspondence"}],
        "ratings_per_item": plan.ratings_per_item,
        "session": {"items": plan.session, "count": sessions, "break_minutes": 0, "gap_minutes": 0},
        "repeats": 0.05,
        "training": [{"item": practice, "expected": {"perception": [0, 100]}}],
        "gold": [{"item": one, "dimension": "perception", "low": 0, "high": 100} for one in gold],
        "viewing_check": {"plates_right": 0},
    }
    (folder / "design.json").write_text(json.dumps(design))
    files = ("--items", f"{folder}/items.jsonl", "--design", f"{folder}/design.json")
    command("create", NAME, *files, "--database", database)
    made = json.loads(command("invite", NAME, "--count", str(plan.raters), "--database", database, "--json"))
    return [(one["rater"], "/i/" + one["link"].rpartition("/")[2]) for one in made["invitations"]]


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
        before = server[0].processor()
        killer = asyncio.create_task(_kill(plan, database, server, outcome))
        outcome.late = await _at_a_rate(plan, raters, rng)
        await killer
        outcome.told = [one for rater in raters for one in rater.told]
        began = loop.time()
        await asyncio.gather(*map(_to_the_end, raters))
        outcome.rest_seconds = loop.time() - began
        outcome.processor = None if plan.kills else server[0].processor() - before
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
    if chosen.raters < Plan.ratings_per_item:
        parser.error(f"--raters: {Plan.ratings_per_item} at least, for as many rate each image")
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
