"""The pages on the real store: from the invitation to the completion code, and home with the data."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from starlette.testclient import TestClient
from web_people import BASE, Person

from lmm4lmm.api_study import analyse_ratings
from lmm4lmm.cli.study_methods import methods_of
from lmm4lmm.cli.study_results import live_analysis
from lmm4lmm.study.design import Dimension, Session, StudyDesign, Training
from lmm4lmm.study.facts import of_store
from lmm4lmm.study.records import Step, StudyItem
from lmm4lmm.study.store import Store, open_store
from lmm4lmm.study.web.app import create_app
from lmm4lmm.study.web.texts import say

PASSWORD = "correct horse battery"
ITEMS = 6
SECRET_NAME = "secret-generator"


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Store]:
    rng = np.random.default_rng(0)
    items = []
    for number in range(ITEMS + 1):
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        made = StudyItem(
            f"=i{number}", f"{number}.png", f"@a cat {number}", f"{SECRET_NAME}-{number % 2}", "+counting"
        )
        items.append(made)
    design = StudyDesign(
        name="cats",
        ratings_per_item=2,
        session=Session(items=ITEMS, break_every=100, break_minutes=0),
        training=[
            Training(item=f"=i{ITEMS}", expected={"perception": (1, 5)}, feedback={"en": "Look at the ears."})
        ],
    )
    with open_store(f"sqlite:///{tmp_path}/study.sqlite") as store:
        store.create(design, items, tmp_path)
        store.set_password("cats", PASSWORD)
        yield store


@pytest.fixture
def served(real: Store) -> object:
    return create_app(real, "cats", secret=b"s" * 32, base_url=BASE, analyse=live_analysis)


def test_two_raters_from_the_link_to_the_code_and_the_data_home(
    real: Store, served: object, tmp_path: Path
) -> None:
    researcher = Person(served)
    assert researcher.http.post("/admin/sign-in", data={"password": PASSWORD}).status_code == 200
    assert "There are no ratings yet" in researcher.get("/admin/results").text
    page = researcher.get("/admin/invitations").text
    made = researcher.http.post(
        "/admin/invitations", data={"csrf": researcher.field(page, "csrf"), "count": "2", "days": "3"}
    )
    links = [word for word in made.text.split() if word.startswith(f"{BASE}/i/")]
    links = [link.split("<")[0] for link in links]
    assert len(links) == 2
    for bias, link in enumerate(links):
        rater = Person(served)
        rater.get(link.removeprefix(BASE))
        rater.post("/study/consent", agree="yes", language="en")
        lesson = rater.get("/study").text
        assert "Look at the ears." in lesson
        rater.post("/study/instructions")
        page = rater.get("/study").text
        plates = rater.field(page, "plates")
        rater.post("/study/viewing", plates=plates, width="1280", height="720", zoom="100")
        page = rater.get("/study").text
        feedback = rater.post(
            "/study/answer", step=rater.field(page, "step"), value_perception="3", value_correspondence="3"
        )
        assert "Look at the ears." in feedback.text
        step = rater.get("/study/api/state").json()["step"]
        rater.api("rate", {"step": step["id"], "values": {"perception": 1, "correspondence": 1}})
        assert rater.api("undo", {}).json()["undone"] is True
        for _ in range(ITEMS):
            state = rater.get("/study/api/state").json()
            step = state["step"]
            for image in (*step["images"], *state["preload"]):
                assert rater.get(f"/image/{image}").headers["content-type"] == "image/png"
            number = int(step["prompt"].split()[-1])
            answer = {"perception": 1 + (number + bias) % 5, "correspondence": 2}
            body = {"step": step["id"], "values": answer, "ms": 900}
            assert rater.api("rate", body).json()["outcome"] == "accepted"
            assert rater.api("rate", body).json()["outcome"] == "repeated"
        last = rater.get("/study").text
        code = real.rater(bias + 1).code
        assert code is not None
        assert code in last
        for sent in rater.seen:
            assert SECRET_NAME.encode() not in sent.content
    assert real.progress("cats").got == 2 * ITEMS
    results = researcher.get("/admin/results").text
    assert f"{SECRET_NAME}-0" in results
    assert "/image/" in results
    for path in ("", "/live", "/raters", "/trail", "/data", "/invitations"):
        assert researcher.get(f"/admin{path}").status_code == 200

    table = pl.read_csv(researcher.get("/admin/data/ratings.csv").content)
    assert table.height == 2 * ITEMS * 2
    assert table["counted"].all()
    parquet = pl.read_parquet(io.BytesIO(researcher.get("/admin/data/ratings.parquet").content))
    assert set(parquet["item"]) == {f"=i{number}" for number in range(ITEMS)}
    (tmp_path / "ratings.parquet").write_bytes(researcher.get("/admin/data/ratings.parquet").content)
    found = analyse_ratings(tmp_path / "ratings.parquet", agreement=False)
    mos = pl.read_parquet(io.BytesIO(researcher.get("/admin/data/mos.parquet").content))
    means = parquet.filter(dimension="perception").group_by("item").agg(pl.col("rating").mean())
    assert dict(mos.select("id", "perception").iter_rows()) == pytest.approx(dict(means.iter_rows()))
    assert set(found.dimensions) == {"perception", "correspondence"}


def test_an_excluded_rater_stops_and_leaves_the_results(real: Store, served: object) -> None:
    (made,) = real.invite("cats", 1)
    rater = Person(served)
    rater.arrive(made.token)
    for _ in range(3):
        step = rater.get("/study/api/state").json()["step"]
        rater.api("rate", {"step": step["id"], "values": {"perception": 4, "correspondence": 4}})
    researcher = Person(served)
    researcher.http.post("/admin/sign-in", data={"password": PASSWORD})
    page = researcher.get("/admin/raters").text
    fields = {"csrf": researcher.field(page, "csrf"), "reason": "=cmd|' /C calc'!A0"}
    assert researcher.http.post("/admin/raters/1/exclude", data=fields).status_code == 200
    assert rater.get("/study/api/state").json() == {"stage": "finished"}
    assert real.progress("cats").got == 0
    trail = researcher.get("/admin/data/trail.csv").text
    assert "'=cmd" in trail
    assert ",=cmd" not in trail


def test_a_new_password_ends_every_session_with_the_old_one(real: Store, served: object) -> None:
    (opaque,) = (key for name, key in real.image_ids("cats").items() if name == "=i0")
    away = Person(served)
    away.http.post("/admin/sign-in", data={"password": PASSWORD})
    token = away.field(away.get("/admin/raters").text, "csrf")
    assert away.get(f"/image/{opaque}").status_code == 200
    real.set_password("cats", PASSWORD + " 2")
    answer = away.http.get("/admin", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
    fields = {"csrf": token, "count": "1", "days": "1"}
    assert away.http.post("/admin/invitations", data=fields, follow_redirects=False).status_code == 303
    assert away.get(f"/image/{opaque}").status_code == 401
    assert real.progress("cats").raters == ()
    assert away.http.post("/admin/sign-in", data={"password": PASSWORD}).status_code == 403
    away.http.post("/admin/sign-in", data={"password": PASSWORD + " 2"})
    assert away.http.get("/admin", follow_redirects=False).status_code == 200


def test_a_password_changed_while_somebody_signs_in_with_the_old_one(
    real: Store, served: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = real.check_password

    def slow(name: str, password: str) -> bool:
        right = check(name, password)
        real.set_password(name, PASSWORD + " 2")
        return right

    monkeypatch.setattr(real, "check_password", slow)
    away = Person(served)
    away.http.post("/admin/sign-in", data={"password": PASSWORD}, follow_redirects=False)
    assert away.http.get("/admin", follow_redirects=False).status_code == 303


def test_cells_that_a_spreadsheet_would_run_are_text_in_csv_only(real: Store, served: TestClient) -> None:
    (made,) = real.invite("cats", 1)
    rater = Person(served)
    rater.arrive(made.token)
    for _ in range(2):
        step = rater.get("/study/api/state").json()["step"]
        rater.api("rate", {"step": step["id"], "values": {"perception": 4, "correspondence": 4}})
    researcher = Person(served)
    researcher.http.post("/admin/sign-in", data={"password": PASSWORD})
    table = pl.read_csv(researcher.get("/admin/data/ratings.csv").content)
    for name, start in (("item", "'=i"), ("prompt", "'@a cat"), ("task", "'+counting")):
        assert table[name].str.starts_with(start).all(), name
    whole = pl.read_parquet(io.BytesIO(researcher.get("/admin/data/ratings.parquet").content))
    assert whole["item"].str.starts_with("=i").all()


def test_choices_between_two_become_strengths(tmp_path: Path) -> None:
    items = []
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 32)
        items.append(StudyItem(f"i{number}", f"{number}.png", f"cat {number // 3}", f"g{number % 3}"))
    design = StudyDesign(
        name="pairs", dimensions=[Dimension(name="preference")], ratings_per_item=4, viewing_check=None
    )
    with open_store(f"sqlite:///{tmp_path}/study.sqlite") as store:
        store.create(design, items, tmp_path)
        shown = {opaque: name for name, opaque in store.image_ids("pairs").items()}
        for made in store.invite("pairs", 4):
            rater = store.rater_by_token(made.token)
            assert rater is not None
            store.consent(rater.id, "en")
            store.instructed(rater.id)
            while isinstance(step := store.next(rater.id), Step):
                first, second = (int(shown[image][1:]) % 3 for image in step.images)
                store.rate(rater.id, step.id, {"preference": "first" if first < second else "second"})
        found = live_analysis(store.study("pairs"), store.ratings("pairs"))
    (one,) = found.dimensions
    score = {mean.name: mean.score for mean in one.generators}
    assert score["g0"] > score["g1"] > score["g2"]
    assert all(mean.generator == f"g{int(mean.name[1:]) % 3}" for mean in one.items)


def test_no_file_but_the_manifests_images_is_sent(
    real: Store, served: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.png").write_bytes(b"\x89PNG\r\n\x1a\n secret")
    (made,) = real.invite("cats", 1)
    rater = Person(served)
    rater.get(f"/i/{made.token}")
    for name in ("notes.png", "0.png", "study.sqlite", "%2Fetc%2Fpasswd", "..%2Fnotes.png", "=i0"):
        assert rater.get(f"/image/{name}").status_code == 404, name
    (opaque,) = (key for name, key in real.image_ids("cats").items() if name == "=i0")
    assert rater.get(f"/image/{opaque}").status_code == 200


def test_who_comes_while_others_hold_all_waits_and_who_comes_too_late_is_told(
    real: Store, served: object
) -> None:
    """Two raters an item: the third finds everything held, and later everything rated."""
    people = []
    for made in real.invite("cats", 3):
        one = Person(served)
        one.arrive(made.token)
        step = one.get("/study/api/state").json()["step"]
        one.api("rate", {"step": step["id"], "values": {"perception": 4, "correspondence": 4}})  # training
        one.get("/study/api/state")  # goes on, the feedback read: takes a session's images
        people.append(one)
    first, second, third = people
    waiting = third.get("/study").text
    assert say("en", "waiting") in waiting
    assert re.search(r'data-again="\d+"', waiting)
    for one in (first, second):
        for _ in range(ITEMS):
            step = one.get("/study/api/state").json()["step"]
            one.api("rate", {"step": step["id"], "values": {"perception": 4, "correspondence": 4}})
        assert 'id="code"' in one.get("/study").text
    late = third.get("/study").text
    assert say("en", "nothing_left") in late
    assert say("en", "finished_why") not in late
    assert 'class="code"' not in late


def test_the_methods_section_is_there_for_the_researcher_only(real: Store) -> None:
    app = create_app(
        real,
        "cats",
        secret=b"s" * 32,
        base_url=BASE,
        describe=lambda: methods_of(of_store(real, "cats")),
    )
    (made,) = real.invite("cats", 1)
    rater = Person(app)
    rater.arrive(made.token)
    assert rater.http.get("/admin/data/methods.md", follow_redirects=False).status_code == 303
    researcher = Person(app)
    researcher.http.post("/admin/sign-in", data={"password": PASSWORD})
    assert "/admin/data/methods.md" in researcher.get("/admin/data").text
    answer = researcher.get("/admin/data/methods.md")
    assert answer.headers["content-type"].startswith("text/markdown")
    assert answer.text.startswith("# Methods: cats")
    without = Person(create_app(real, "cats", secret=b"s" * 32, base_url=BASE))
    without.http.post("/admin/sign-in", data={"password": PASSWORD})
    assert without.get("/admin/data/methods.md").status_code == 404
    assert "methods.md" not in without.get("/admin/data").text
