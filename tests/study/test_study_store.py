"""The store of studies, on both databases: exact, idempotent, and nothing lost."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from lmm4lmm.core.errors import StudyError, UnknownNameError
from lmm4lmm.study.design import Dimension, Gold, Qualification, Session, Stopping, StudyDesign, Training
from lmm4lmm.study.records import Break, Finished, Step, StudyItem, Waiting
from lmm4lmm.study.store import Store, open_store
from lmm4lmm.study.tables import metadata

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
GOOD = {"perception": 4, "correspondence": 3}


@dataclass
class Clock:
    """The server's clock, by hand."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def on(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: str, clock: Clock):
    with open_store(database, clock=clock) as opened:
        yield opened


def pictures(folder: Path, count: int, *, generators: int = 3) -> list[StudyItem]:
    found = []
    for number in range(count):
        (folder / f"{number}.png").write_bytes(PNG)
        prompt = f"<script>alert({number // generators})</script> 🐙"
        found.append(StudyItem(f"i{number}", f"{number}.png", prompt, f"g{number % generators}"))
    return found


def make(store: Store, folder: Path, items: int = 6, **changes) -> str:
    fields = {"name": "s", "ratings_per_item": 2, "viewing_check": None, "lease_minutes": 10}
    fields["session"] = Session(items=items, break_minutes=0)
    store.create(StudyDesign(**{**fields, **changes}), pictures(folder, items), folder)
    return "s"


def seated(store: Store, name: str = "s", count: int = 1) -> list[int]:
    ids = []
    for invitation in store.invite(name, count):
        rater = store.rater_by_token(invitation.token)
        assert rater is not None
        store.consent(rater.id, "en")
        ids.append(store.instructed(rater.id).id)
    return ids


def work(store: Store, rater: int, most: int = 10_000) -> object:
    for _ in range(most):
        step = store.next(rater)
        if not isinstance(step, Step):
            return step
        assert store.rate(rater, step.id, GOOD).outcome == "accepted"
    return None


def counts(store: Store) -> Counter[str]:
    rows = store.ratings("s")
    return Counter(row.item for row in rows if row.dimension == "perception" and row.kind == "rated")


def test_every_item_gets_exactly_its_ratings(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path, ratings_per_item=3)
    endings = [work(store, rater) for rater in seated(store, count=4)]
    assert [type(ending) for ending in endings] == [Finished] * 4
    assert counts(store) == {f"i{n}": 3 for n in range(6)}
    assert endings[0].code
    assert endings[3].code is None  # found nothing left, and earned nothing


def test_threads_and_two_stores_share_one_database(database: str, tmp_path: Path) -> None:
    with open_store(database) as one, open_store(database) as two:
        make(
            one,
            tmp_path,
            items=12,
            ratings_per_item=4,
            session=Session(items=5, break_minutes=0),
            repeats=0.2,
        )
        raters = seated(one, count=11)
        gate = threading.Barrier(8, timeout=30)
        accepted: list[tuple[int, str]] = []

        def go(place: int) -> None:
            if place < 8:
                gate.wait()
            mine = (one, two)[place % 2]
            while isinstance(step := mine.next(raters[place]), Step):
                with ThreadPoolExecutor(2) as tabs:  # two tabs send the same answer at once
                    both = list(tabs.map(lambda s: s.rate(raters[place], step.id, GOOD).outcome, (one, two)))
                assert sorted(both) == ["accepted", "repeated"]
                accepted.append((raters[place], step.id))

        with ThreadPoolExecutor(11) as pool:
            list(pool.map(go, range(11)))
        assert counts(one) == {f"i{n}": 4 for n in range(12)}
        rows = [row for row in two.ratings("s") if row.dimension == "perception"]
        assert len(rows) == len(accepted)
        firsts = [(row.rater, row.item) for row in rows if row.kind == "rated"]
        assert len(set(firsts)) == len(firsts)
        repeats = [(row.rater, row.item) for row in rows if row.kind == "repeat"]
        assert repeats
        assert set(repeats) <= set(firsts)


def test_the_same_submission_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    (rater,) = seated(store)
    step = store.next(rater)
    assert store.rate(rater, step.id, GOOD).outcome == "accepted"
    assert store.rate(rater, step.id, {"perception": 1, "correspondence": 1}).outcome == "repeated"
    assert {row.rating for row in store.ratings("s") if row.dimension == "perception"} == {4.0}


def test_undo_reopens_and_a_stale_answer_does_no_harm(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    (rater,) = seated(store)
    step = store.next(rater)
    store.rate(rater, step.id, GOOD)
    again = store.undo(rater)
    assert again.images == step.images
    assert store.undo(rater) is None
    assert store.ratings("s") == []
    assert store.rate(rater, step.id, GOOD).outcome == "repeated"  # from before the undo
    assert store.rate(rater, again.id, {"perception": 2, "correspondence": 2}).outcome == "accepted"
    assert sum("taken back" in row.detail for row in store.audit("s")) == 1
    assert store.progress("s").got == 1


def test_a_lapsed_lease_goes_to_others_and_the_late_answer_is_kept(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    make(store, tmp_path, ratings_per_item=1)
    first, second = seated(store, count=2)
    step = store.next(first)
    assert isinstance(store.next(second), Waiting)
    clock.on(minutes=11)
    assert isinstance(work(store, second), Finished)
    assert [store.rate(first, step.id, GOOD).outcome for _ in range(2)] == ["not_yours"] * 2
    assert counts(store) == {f"i{n}": 1 for n in range(6)}
    assert sum(row.action == "surplus" for row in store.audit("s")) == 1


def test_a_lapsed_lease_that_nobody_wanted_is_taken_up_again(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    make(store, tmp_path, ratings_per_item=2, session=Session(items=3, break_minutes=0))
    first, second = seated(store, count=2)
    step = store.next(first)
    clock.on(hours=5)
    assert isinstance(store.next(second), Step)  # sweeps
    assert store.rate(first, step.id, GOOD).outcome == "accepted"
    assert isinstance(work(store, first), Finished)
    assert store.rater(first).done == 3


def test_exclusion_opens_slots_and_restoring_never_overfills(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path, ratings_per_item=1)
    first, second = seated(store, count=2)
    work(store, first)
    store.exclude("s", first, "too quick", "ann")
    assert store.progress("s").got == 0
    work(store, second, most=4)
    store.restore("s", first, "a mistake", "ann")
    assert counts(store).most_common(1)[0][1] == 1
    assert max(item.got + item.held for item in store.progress("s").items) <= 1
    with pytest.raises(StudyError, match="not excluded"):
        store.restore("s", first, "again", "ann")
    assert isinstance(work(store, second), Finished)
    assert counts(store) == {f"i{n}": 1 for n in range(6)}


def test_single_images_keep_their_values_in_hidden_repeats(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path, repeats=0.5)
    work(store, *seated(store))
    assert {row.rating for row in store.ratings("s") if row.kind == "repeat"} == {4.0, 3.0}
    assert store.progress("s").raters[0].repeat_difference == 0.0


def test_pairs_are_shown_both_ways_and_stored_one_way(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path, dimensions=[Dimension(name="preference")], ratings_per_item=4)
    for rater in seated(store, count=4):
        while isinstance(step := store.next(rater), Step):
            files = [store.image(name).path.name for name in step.images]
            store.rate(rater, step.id, {"preference": "first" if files[0] < files[1] else "second"})
    rows = store.ratings("s")
    assert {(row.rating, row.item < row.item_b) for row in rows} == {(1.0, True)}
    assert set(Counter((row.item, row.item_b, row.swapped) for row in rows).values()) == {2}


def test_training_qualifies(store: Store, tmp_path: Path) -> None:
    make(
        store,
        tmp_path,
        training=[Training(item="i0", expected={"perception": (5, 5)})],
        qualification=Qualification(training_right=1.0, attempts=2),
    )
    (rater,) = seated(store)
    for _ in range(2):
        step = store.next(rater)
        assert step.kind_shown == "training"
        assert store.rate(rater, step.id, GOOD).right is False
    assert store.next(rater) == Finished(None, "not_qualified")
    assert store.rater(rater).stage == "excluded"


def test_gold_takes_no_slot(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path, gold=[Gold(item="i0", dimension="perception", low=1, high=2)])
    work(store, *seated(store))
    (rater,) = store.progress("s").raters
    assert (rater.gold_seen, rater.gold_right, rater.counted) == (1, 0, 5)


def test_breaks_and_sessions(store: Store, tmp_path: Path, clock: Clock) -> None:
    session = Session(items=2, count=2, break_every=1, break_minutes=3, gap_minutes=30)
    make(store, tmp_path, session=session)
    (rater,) = seated(store)
    pauses = []
    while not isinstance(found := store.next(rater), Finished):
        if isinstance(found, Break):
            pauses.append((found.until - clock.now, found.session_over))
            clock.now = found.until
        else:
            store.rate(rater, found.id, GOOD)
    short, long = timedelta(minutes=3), timedelta(minutes=30)
    assert pauses == [(short, False), (long, True), (short, False)]


@pytest.mark.parametrize("length", [10, 29, 300])
def test_a_break_is_no_time_on_a_step(store: Store, tmp_path: Path, clock: Clock, length: float) -> None:
    make(store, tmp_path, session=Session(items=2, break_every=1, break_minutes=length / 60))
    (rater,) = seated(store)
    first = store.next(rater)
    clock.on(seconds=4)
    store.rate(rater, first.id, GOOD)
    for _ in range(2):  # the page of the break, and a reload half way through it
        assert isinstance(store.next(rater), Break)
        clock.on(seconds=length / 2)
    second = store.next(rater)
    assert isinstance(second, Step)
    clock.on(seconds=3)
    store.rate(rater, second.id, GOOD)
    assert [row.milliseconds for row in store.ratings("s")] == [4000] * 2 + [3000] * 2


def test_a_pause_is_no_time_on_a_step_and_a_reload_is(store: Store, tmp_path: Path, clock: Clock) -> None:
    make(store, tmp_path, items=2)
    (rater,) = seated(store)
    first = store.next(rater)
    clock.on(seconds=5)
    assert store.next(rater) == first  # reloaded: the image was in view all the time
    clock.on(seconds=5)
    store.rate(rater, first.id, GOOD)
    second = store.next(rater)
    clock.on(seconds=6)
    store.pause(rater)
    clock.on(seconds=20)
    assert store.next(rater) == second
    clock.on(seconds=2)
    store.rate(rater, second.id, GOOD)
    assert [row.milliseconds for row in store.ratings("s")] == [10_000] * 2 + [2000] * 2


def test_reading_feedback_is_no_time_on_a_step(store: Store, tmp_path: Path, clock: Clock) -> None:
    make(store, tmp_path, training=[Training(item="i0", expected={"perception": (1, 5)})])
    (rater,) = seated(store)
    assert store.rate(rater, store.next(rater).id, GOOD).feedback
    clock.on(seconds=20)
    step = store.next(rater)
    clock.on(seconds=7)
    store.rate(rater, step.id, GOOD)
    assert [(row.kind, row.milliseconds) for row in store.ratings("s")] == [("rated", 7000)] * 2


def test_more_ratings_where_people_differ(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path, stop_when=Stopping(half_width=0.5, max_ratings=4))
    for number, rater in enumerate(seated(store, count=5)):
        while isinstance(step := store.next(rater), Step):
            differs = store.image(step.images[0]).path.name == "0.png"
            store.rate(
                rater, step.id, {"perception": 1 + 4 * (number % 2) if differs else 3, "correspondence": 3}
            )
    assert counts(store) == {f"i{n}": 4 if n == 0 else 2 for n in range(6)}


@pytest.mark.parametrize("value", [0, 6, 2.5, float("nan"), True, "x", None])
def test_values_off_the_scale_are_refused(store: Store, tmp_path: Path, value: object) -> None:
    make(store, tmp_path)
    (rater,) = seated(store)
    step = store.next(rater)
    with pytest.raises(StudyError, match="1 to 5"):
        store.rate(rater, step.id, {"perception": value, "correspondence": 3})
    with pytest.raises(StudyError, match="no value"):
        store.rate(rater, step.id, {"perception": 3})
    assert store.ratings("s") == []


def test_one_rater_cannot_answer_for_another(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    first, second = seated(store, count=2)
    step = store.next(first)
    with pytest.raises(StudyError, match="no step"):
        store.rate(second, step.id, GOOD)


def test_closing_ends_it_and_invitations_expire(store: Store, tmp_path: Path, clock: Clock) -> None:
    make(store, tmp_path)
    (rater,) = seated(store)
    step = store.next(rater)
    (late,) = store.invite("s", 1, days=1)
    clock.on(days=2)
    assert store.rater_by_token(late.token).stage == "expired"
    assert store.rater_by_token("x" * 32) is None
    store.close("s", "ann")
    assert store.rate(rater, step.id, GOOD).outcome == "not_yours"
    assert store.next(rater) == Finished(None, "closed")
    with pytest.raises(StudyError, match="closed"):
        store.invite("s", 1)


def test_tokens_and_passwords_are_not_kept(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    (invitation,) = store.invite("s", 1)
    store.set_password("s", "correct horse")
    assert store.check_password("s", "correct horse")
    assert not store.check_password("s", "wrong horse")
    assert not store.check_password("nobody", "correct horse")
    with store._db.read() as connection:
        kept = [
            str(row)
            for name in metadata.tables
            for row in connection.exec_driver_sql(f"SELECT * FROM {name}")
        ]
    assert not any(invitation.token in row or "correct horse" in row for row in kept)


def test_bad_items_are_refused(store: Store, tmp_path: Path) -> None:
    items = pictures(tmp_path, 3)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    design = StudyDesign(name="s")
    for image, message in (("gone.png", "no such"), ("empty.png", "empty"), ("text.png", "browsers")):
        with pytest.raises(StudyError, match=message):
            store.create(design, [*items, StudyItem("x", image)], tmp_path)
    with pytest.raises(StudyError, match="twice"):
        store.create(design, [*items, items[0]], tmp_path)
    gold = [Gold(item="nobody", dimension="perception", low=1, high=2)]
    with pytest.raises(StudyError, match="nobody"):
        store.create(StudyDesign(name="s", gold=gold), items, tmp_path)
    assert store.studies() == []
    with pytest.raises(UnknownNameError):
        store.study("s")


def test_migrations_give_what_the_tables_say(new_url: str) -> None:
    with open_store(new_url) as store, store._db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_two_open_a_new_database_at_once(new_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(lambda _: open_store(new_url), range(4)):
            store.dispose()


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite://", "sqlite:////no/such/folder/x"])
def test_a_wrong_url_is_explained(url: str) -> None:
    with pytest.raises(StudyError):
        open_store(url)
