"""Whatever two raters and a researcher do, in any order: counts stay exact, and what was acknowledged is there."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import integers, sampled_from

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.design import Dimension, Gold, Session, StudyDesign
from lmm4lmm.study.records import RatingRow, Step, StudyItem
from lmm4lmm.study.store import Store, open_store

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
WANTED = {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2, "f": 2, "gold": 0}
DESIGN = StudyDesign(
    name="s",
    dimensions=[Dimension(name="perception", scale="slider")],
    session=Session(items=3, count=2, break_minutes=0, gap_minutes=1),
    repeats=0.34,
    gold=[Gold(item="gold", dimension="perception", low=0, high=100)],
    viewing_check=None,
    lease_minutes=10,
)
RATERS = sampled_from([0, 1])


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A study that has just begun, to be copied: making one takes longer than rating it."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "0.png").write_bytes(PNG)
    Machine.template = folder / "study.sqlite"
    with open_store(str(Machine.template), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as store:
        store.create(DESIGN, [StudyItem(name, "0.png", wanted=n) for name, n in WANTED.items()], folder)
        for invitation in store.invite("s", 2):
            rater = store.rater_by_token(invitation.token)
            assert rater is not None
            store.consent(rater.id, "en")
            store.instructed(rater.id)


class Machine(RuleBasedStateMachine):
    """Every answer has a value of its own, so that it can be recognised in the database."""

    template: Path
    store: Store

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "study.sqlite"
        shutil.copy(self.template, file)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = open_store(str(file), clock=lambda: self.now)
        self.ids = [one.id for one in self.store.progress("s").raters]
        self.value = 0
        self.sent: list[tuple[int, str, float, str]] = []  # rater, step, value, outcome
        self.standing: list[list[float]] = [[], []]

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        trail = " ".join(row.detail for row in self.store.audit("s"))
        for _, _, value, outcome in self.sent:
            assert outcome == "repeated" or f"{value:.1f}" in trail
        self.store.__exit__(None, None, None)
        self.folder.cleanup()

    def send(self, place: int, step_id: str) -> str | None:
        """Sends an answer; the outcome, or None where it was refused. Then the same once more."""
        self.value += 1
        values = {"perception": float(self.value) / 10}
        try:
            outcome = self.store.rate(self.ids[place], step_id, values).outcome
        except StudyError:
            return None
        self.sent.append((place, step_id, values["perception"], outcome))
        if outcome == "accepted":
            self.standing[place].append(values["perception"])
        before = self.rows()
        again = self.store.rate(self.ids[place], step_id, values).outcome
        assert again == {"accepted": "repeated"}.get(outcome, outcome)
        assert self.rows() == before
        return outcome

    def rows(self) -> list[RatingRow]:
        return self.store.ratings("s", with_excluded=True)

    @rule(place=RATERS, steps=integers(1, 2))
    def rate_what_comes(self, place: int, steps: int) -> None:
        self.rate_all(place, steps)

    def rate_all(self, place: int, steps: int) -> None:
        for _ in range(steps):
            step = self.store.next(self.ids[place])
            if not isinstance(step, Step):
                break
            assert self.send(place, step.id) == "accepted"

    @rule(place=RATERS)
    def only_look(self, place: int) -> None:
        assert self.store.next(self.ids[place]) == self.store.next(self.ids[place])

    @rule(place=RATERS, which=integers(1, 6))
    def send_an_old_step(self, place: int, which: int) -> None:
        if self.sent:
            owner, step_id, _, _ = self.sent[-min(which, len(self.sent))]
            outcome = self.send(place, step_id)
            assert owner == place or outcome is None

    @rule(place=RATERS)
    def send_after_the_lease(self, place: int) -> None:
        step = self.store.next(self.ids[place])
        self.now += timedelta(minutes=11)
        self.rate_all(1 - place, 4)
        if isinstance(step, Step):
            self.send(place, step.id)

    @rule(place=RATERS)
    def undo(self, place: int) -> None:
        before = len(self.rows())
        self.store.undo(self.ids[place])
        if len(self.rows()) < before:
            self.standing[place].pop()
            undone = [
                step for owner, step, _, outcome in self.sent if (owner, outcome) == (place, "accepted")
            ]
            assert self.send(place, undone[-1]) in {"repeated", None}  # the back button, after the undo

    @rule(minutes=sampled_from([1, 2, 11]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(place=RATERS)
    def exclude_or_restore(self, place: int) -> None:
        excluded = self.store.rater(self.ids[place]).stage == "excluded"
        change = self.store.restore if excluded else self.store.exclude
        change("s", self.ids[place], "why", "me")

    @invariant()
    def all_is_well(self) -> None:
        if not hasattr(self, "store"):
            return
        rows = self.rows()
        self.nobody_meets_an_item_twice(rows)
        self.what_was_acknowledged_stands(rows)
        rated = [row for row in rows if row.kind == "rated"]
        counted = Counter(row.item for row in rated if row.counted)
        assert all(counted[item] <= wanted for item, wanted in WANTED.items()), counted
        assert not any(row.counted and row.excluded for row in rated)
        progress = {one.item: one.got for one in self.store.progress("s").items}
        assert progress == {item: counted[item] for item in progress}

    def nobody_meets_an_item_twice(self, rows: list[RatingRow]) -> None:
        met = Counter((row.rater, row.item, row.kind) for row in rows)
        assert all(count == 1 for count in met.values()), met
        for rater, item, kind in met:
            assert kind != "repeat" or (rater, item, "rated") in met

    def what_was_acknowledged_stands(self, rows: list[RatingRow]) -> None:
        for place, name in enumerate(("R001", "R002")):
            stored = sorted(row.rating for row in rows if row.rater == name)
            assert stored == sorted(self.standing[place])


Machine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)
TestInvariants = Machine.TestCase
