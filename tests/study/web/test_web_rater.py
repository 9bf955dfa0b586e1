"""A rater's way through the pages, without a script and through its interface."""

from __future__ import annotations

import string

import pytest
from web_fakes import FakeStore
from web_people import Person

from lmm4lmm.study.web import plates
from lmm4lmm.study.web.texts import TEXTS, choose, say

GOOD = {"perception": 4, "correspondence": 2}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_forms_alone_lead_from_the_link_to_the_code(person: Person, store: FakeStore, language: str) -> None:
    person.arrive("token001", language)
    for _ in range(7):
        page = person.get("/study").text
        step = person.field(page, "step")
        person.post("/study/answer", step=step, value_perception="4", value_correspondence="2")
    page = person.get("/study").text
    assert "CODE-7QX2" in page
    assert say(language, "finished") in page
    assert [values for _, values in store.answers[1]] == [GOOD] * 7
    assert store.checks[0].width == 1280


def test_the_same_answer_twice_counts_once(person: Person, store: FakeStore) -> None:
    person.arrive("token001")
    step = person.get("/study/api/state").json()["step"]["id"]
    first = person.api("rate", {"step": step, "values": GOOD, "ms": 900}).json()
    again = person.api("rate", {"step": step, "values": {"perception": 1, "correspondence": 1}}).json()
    assert (first["outcome"], again["outcome"]) == ("accepted", "repeated")
    assert first["feedback"]
    assert first["stage"] == "feedback"  # the next step is asked for once that is read
    assert "step" not in first
    assert again["step"]["id"] == person.get("/study/api/state").json()["step"]["id"]
    assert store.answers[1] == [(step, GOOD)]


def test_undo_brings_the_last_image_back(person: Person, store: FakeStore) -> None:
    person.arrive("token001")
    for _ in range(2):
        step = person.get("/study/api/state").json()["step"]
        person.api("rate", {"step": step["id"], "values": GOOD})
    undone = person.api("undo", {}).json()
    assert undone["undone"] is True
    assert undone["step"]["images"] == step["images"]
    assert undone["step"]["id"] != step["id"]
    assert len(store.answers[1]) == 1


@pytest.mark.parametrize("body", [{}, {"step": "1-0-0", "values": []}, {"step": "9", "values": GOOD}, [1]])
def test_a_wrong_answer_is_refused_and_stores_nothing(person: Person, store: FakeStore, body: object) -> None:
    person.arrive("token001")
    assert person.api("rate", body).status_code == 400
    assert store.answers[1] == []


def test_another_device_goes_on_where_the_first_stopped(person: Person, app: object) -> None:
    person.arrive("token001")
    other = Person(app)
    other.get("/i/token001")
    assert other.get("/study/api/state").json()["step"] == person.get("/study/api/state").json()["step"]


def test_the_page_of_a_pause_stops_the_clock(person: Person, store: FakeStore) -> None:
    person.arrive("token001")
    assert store.paused == []
    assert say("en", "paused") in person.get("/study/pause").text
    assert store.paused == [1]


def test_consent_has_to_be_given(person: Person, store: FakeStore) -> None:
    person.get("/i/token001")
    assert say("en", "consent_needed") in person.post("/study/consent", language="en").text
    assert store.raters[1].stage == "consent"


def test_plates_are_judged_on_the_server(person: Person, store: FakeStore) -> None:
    person.get("/i/token001")
    person.post("/study/consent", agree="yes", language="en")
    person.post("/study/instructions")
    page = person.get("/study").text
    sealed = person.field(page, "plates")
    seed = person.http.app  # the app, for its sealer: the seed is in the seal, the digits are not
    assert seed is not None
    import base64
    import json

    body = sealed.partition(".")[0]
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    wanted = plates.digits(content["seed"], 4)
    person.post("/study/viewing", plates=sealed, plate0=str(wanted[0]), plate1=str(wanted[1]), plate2="x")
    assert (store.checks[0].plates_right, store.checks[0].plates_shown) == (2, 4)


def test_both_languages_fill_the_same_braces() -> None:
    for key, (english, chinese) in TEXTS.items():
        fields = [{f for _, f, _, _ in string.Formatter().parse(text) if f} for text in (english, chinese)]
        assert fields[0] == fields[1], key
        assert english != chinese, key
        assert english.strip(), key


def test_the_language_follows_the_browser_and_the_study() -> None:
    assert choose("zh-CN,zh;q=0.9,en;q=0.8", ("en", "zh")) == "zh"
    assert choose("fr,de", ("zh", "en")) == "zh"
    assert choose("zh", ("en",)) == "en"
