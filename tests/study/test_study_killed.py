"""``kill -9`` in the middle of rating: what was acknowledged is in the database, and the study goes on exactly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from lmm4lmm.study.design import Dimension, Session, StudyDesign
from lmm4lmm.study.records import Step, StudyItem
from lmm4lmm.study.store import open_store

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
ITEMS = 120
RATER = """
import sys
from lmm4lmm.study.records import Step
from lmm4lmm.study.store import open_store

with open_store(sys.argv[1]) as store:
    value = 0
    while isinstance(step := store.next(int(sys.argv[2])), Step):
        value += 1
        rated = store.rate(int(sys.argv[2]), step.id, {"perception": value / 10})
        print(step.id, value / 10, rated.outcome, flush=True)
"""


def test_killed_while_rating(database: str, tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(PNG)
    design = StudyDesign(
        name="s",
        dimensions=[Dimension(name="perception", scale="slider")],
        ratings_per_item=1,
        session=Session(items=ITEMS, break_every=1_000, break_minutes=0),
        viewing_check=None,
    )
    with open_store(database) as store:
        store.create(design, [StudyItem(f"i{n}", "0.png") for n in range(ITEMS)], tmp_path)
        rater = store.rater_by_token(store.invite("s", 1)[0].token)
        assert rater is not None
        store.consent(rater.id, "en")
        store.instructed(rater.id)

    process = subprocess.Popen(
        [sys.executable, "-c", RATER, database, str(rater.id)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(40)]
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    told = [line.split() for line in lines if line.endswith("\n")]
    assert len(told) >= 40
    assert {outcome for _, _, outcome in told} == {"accepted"}

    with open_store(database) as store:
        stored = {row.rating for row in store.ratings("s")}
        assert {float(value) for _, value, _ in told} <= stored
        assert len(stored) <= len(told) + 1  # one may have been committed and not told
        last, value, _ = told[-1]
        assert store.rate(rater.id, last, {"perception": float(value)}).outcome == "repeated"
        while isinstance(step := store.next(rater.id), Step):
            store.rate(rater.id, step.id, {"perception": 50})
        counts = Counter(row.item for row in store.ratings("s"))
    assert counts == {f"i{n}": 1 for n in range(ITEMS)}
