"""What an answer says of the next step is what asking for it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lmm4lmm.study.design import Dimension, Gold, Session, StudyDesign
from lmm4lmm.study.records import Break, Finished, Step, StudyItem
from lmm4lmm.study.store import open_store

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
ITEMS = 14


def test_an_answer_says_what_comes_next(database: str, tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(PNG)
    design = StudyDesign(
        name="s",
        dimensions=[Dimension(name="perception")],
        session=Session(items=5, count=3, break_every=4, break_minutes=2, gap_minutes=9),
        repeats=0.2,
        gold=[Gold(item="i0", dimension="perception", low=1, high=5)],
        viewing_check=None,
    )
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    with open_store(database, clock=lambda: now[0]) as store:
        store.create(design, [StudyItem(f"i{n}", "0.png", f"{n}") for n in range(ITEMS)], tmp_path)
        rater = store.rater_by_token(store.invite("s", 1)[0].token)
        assert rater is not None
        store.consent(rater.id, "en")
        store.instructed(rater.id)
        told = {Step: 0, Break: 0}
        while not isinstance(step := store.next(rater.id), Finished):
            if isinstance(step, Break):
                now[0] = step.until
                continue
            coming = store.rate(rater.id, step.id, {"perception": 3}).coming
            if coming is not None:
                told[type(coming)] += 1
                assert store.next(rater.id) == coming
            now[0] += timedelta(seconds=2)
        # The end of a session of five, a repeat and perhaps gold: there the store has to be asked.
        assert told[Step] >= ITEMS - 4
        assert told[Break] >= 4
        assert store.rater(rater.id).done == ITEMS - 1 + 3 + 1


def test_after_a_lapse_it_is_the_next_one_too(database: str, tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(PNG)
    design = StudyDesign(
        name="s",
        dimensions=[Dimension(name="perception")],
        ratings_per_item=2,
        session=Session(items=4, break_minutes=0),
        viewing_check=None,
        lease_minutes=10,
    )
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    with open_store(database, clock=lambda: now[0]) as store:
        store.create(design, [StudyItem(f"i{n}", "0.png", f"{n}") for n in range(4)], tmp_path)
        first, second = (store.rater_by_token(made.token) for made in store.invite("s", 2))
        assert first is not None
        assert second is not None
        for one in (first, second):
            store.consent(one.id, "en")
            store.instructed(one.id)
        step = store.next(first.id)
        assert isinstance(step, Step)
        now[0] += timedelta(hours=1)
        store.next(second.id)  # gives the first one's places back
        rated = store.rate(first.id, step.id, {"perception": 3})
        assert rated == replace(rated, outcome="accepted")
        assert isinstance(store.next(first.id), Step)
        assert rated.coming in (None, store.next(first.id))
