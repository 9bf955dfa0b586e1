"""Nobody where they don't belong. Each test fails when its guard is taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient
from web_fakes import PASSWORD, SCRIPT, SECRET_NAME, FakeStore
from web_people import BASE, Person, scores

from lmm4lmm.study.web.app import create_app, usual_limits
from lmm4lmm.study.web.limits import RateLimit
from lmm4lmm.study.web.sealing import Sealer

GOOD = {"perception": 4, "correspondence": 2}
ADMIN = [
    "/admin", "/admin/live", "/admin/raters", "/admin/results", "/admin/invitations", "/admin/data", "/admin/trail",
    "/admin/data/ratings.csv", "/admin/data/mos.parquet", "/admin/data/trail.csv", "/admin/data/left_out.csv",
]  # fmt: skip


def test_a_seal_is_worth_nothing_altered_old_or_as_another_kind() -> None:
    now = [1000.0]
    sealer = Sealer(b"k" * 32, clock=lambda: now[0])
    sealed = sealer.seal("rater", {"rater": "1"})
    assert sealer.open("rater", sealed, 60) == {"rater": "1", "at": 1000}
    assert sealer.open("researcher", sealed, 60) is None
    assert sealer.open("rater", sealed[:-1] + ("A" if sealed[-1] != "A" else "B"), 60) is None
    assert Sealer(b"l" * 32, clock=lambda: now[0]).open("rater", sealed, 60) is None
    now[0] += 61
    assert sealer.open("rater", sealed, 60) is None
    assert sealer.open("rater", "ä.ö", 60) is None


def test_a_secret_must_be_long() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"short")


def test_the_token_leaves_the_address_and_the_cookie_is_guarded(person: Person, store: FakeStore) -> None:
    answer = person.http.get("/i/token001", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/study")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "token001" not in cookie
    app = create_app(store, "cats", secret=b"s" * 32, base_url="https://study.example")  # type: ignore[arg-type]
    answer = TestClient(app).get("/i/token001", follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith("__Host-")
    assert "max-age" in answer.headers["strict-transport-security"]


def test_wrong_links_are_refused_and_slowed_down(person: Person) -> None:
    found = [person.get(f"/i/guess{n}").status_code for n in range(22)]
    assert found[0] == 404
    assert found[-1] == 429


def test_a_form_needs_its_sessions_token(person: Person, app: Any, store: FakeStore) -> None:
    person.arrive("token001")
    other = Person(app)
    other.get("/i/token002")
    body = {"step": person.get("/study/api/state").json()["step"]["id"], "values": GOOD}
    for token in ("", "x", other.token()):
        assert person.api("rate", body, token).status_code == 403
        assert person.http.post("/study/undo", data={"csrf": token}).status_code == 403
    assert store.answers[1] == []


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_other_sites_are_refused_whatever_they_bring(person: Person, headers: dict[str, str]) -> None:
    person.arrive("token001")
    answer = person.http.post("/study/undo", data={"csrf": person.token()}, headers=headers)
    assert answer.status_code == 403


def test_a_rater_cant_answer_anothers_step(person: Person, app: Any, store: FakeStore) -> None:
    person.arrive("token001")
    other = Person(app)
    other.arrive("token002")
    step = person.get("/study/api/state").json()["step"]["id"]
    assert other.api("rate", {"step": step, "values": GOOD}).status_code == 400
    assert store.answers == {1: [], 2: []}


def test_a_cookie_of_another_study_or_role_is_none(person: Person, store: FakeStore) -> None:
    person.get("/i/token001")
    cookie = person.http.cookies["lmm4lmm_rater"]
    other = create_app(store, "dogs", secret=b"s" * 32, base_url=BASE, analyse=scores)  # type: ignore[arg-type]
    client = TestClient(other, base_url=BASE, cookies={"lmm4lmm_rater": cookie})
    assert client.get("/study").status_code == 401
    person.http.cookies.set("lmm4lmm_researcher", cookie)
    assert person.http.get("/admin", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("path", ADMIN)
def test_the_researchers_pages_need_the_password(person: Person, researcher: Person, path: str) -> None:
    person.arrive("token001")
    answer = person.http.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
    assert researcher.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/admin/raters/1/exclude", "/admin/invitations", "/admin/close"])
def test_the_researchers_forms_need_password_and_token(
    person: Person, researcher: Person, store: FakeStore, path: str
) -> None:
    fields = {"reason": "x", "count": "3", "days": "3", "sure": "yes"}
    assert person.http.post(path, data=fields, follow_redirects=False).status_code == 303
    assert researcher.http.post(path, data={**fields, "csrf": "x"}).status_code == 403
    assert store.closed is None
    assert not store.reasons
    assert len(store.raters) == 2


def test_passwords_cant_be_tried_for_long(app: Any) -> None:
    client = TestClient(app, base_url=BASE)
    found = [client.post("/admin/sign-in", data={"password": f"p{n}"}).status_code for n in range(7)]
    assert found[:5] == [403] * 5
    assert found[5:] == [429] * 2
    assert client.post("/admin/sign-in", data={"password": PASSWORD}).status_code == 429


def test_one_raters_requests_are_slowed_down_and_nobody_elses(store: FakeStore) -> None:
    store.invite("cats", 2)
    slow = replace(usual_limits(), steps=RateLimit(burst=5, per_second=0.01))
    app = create_app(store, "cats", secret=b"s" * 32, base_url=BASE, limits=slow)  # type: ignore[arg-type]
    one, other = Person(app), Person(app)
    one.http.get("/i/token001", follow_redirects=False)
    answers = [one.get("/study/api/state") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    other.get("/i/token002")
    assert other.get("/study/api/state").status_code == 200


def test_a_limit_lets_again_and_forgets_who_was_idle() -> None:
    now = [0.0]
    limit = RateLimit(burst=2, per_second=0.5, keys=3, clock=lambda: now[0])
    assert [limit.take("a") for _ in range(3)] == [0, 0, 2]
    now[0] = 2
    assert limit.take("a") == 0
    for n in range(100):
        limit.take(str(n))
    assert len(limit) == 3


@pytest.mark.parametrize("path", ["/", "/study", "/admin/sign-in", "/nothing", "/static/base.css", "/i/x"])
def test_every_answer_carries_the_policy(person: Person, path: str) -> None:
    headers = person.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_texts_are_shown_as_text(person: Person, researcher: Person) -> None:
    person.arrive("token001")
    pages = [answer.text for answer in person.seen] + [researcher.get("/admin/results").text]
    pages.append(person.get("/study/api/state").json()["html"])
    for text in pages:
        if not text.startswith("{"):
            assert SCRIPT[:8] not in text.replace('<script src="/static', "")
            assert "<u>1</u>" not in text
        assert " style=" not in text
        assert " onclick=" not in text
    assert any("&lt;script&gt;" in text for text in pages)


@pytest.mark.parametrize(
    "path",
    [
        "/image/../../etc/passwd",
        "/image/..%2f..%2fetc%2fpasswd",
        "/image/%2e%2e",
        "/static/..%2fapp.py",
        "/static/../app.py",
    ],
)
def test_only_known_names_are_served(person: Person, path: str) -> None:
    person.arrive("token001")
    assert person.get(path).status_code == 404


def test_images_need_a_session(person: Person, app: Any) -> None:
    assert TestClient(app, base_url=BASE).get("/image/opaque00").status_code == 401
    person.arrive("token001")
    assert person.get("/image/opaque00").headers["content-type"] == "image/png"


def test_large_bodies_are_refused(person: Person) -> None:
    person.arrive("token001")
    assert person.api("rate", {"step": "x" * 70_000}).status_code == 413

    def pieces() -> Any:
        for _ in range(70):
            yield b"x" * 1024

    assert person.http.post("/study/undo", content=pieces()).status_code == 413


def test_no_name_and_no_path_reaches_a_rater(person: Person, store: FakeStore) -> None:
    person.arrive("token001")
    for _ in range(7):
        state = person.get("/study/api/state").json()
        for image in (*state["step"]["images"], *state["preload"]):
            person.get(f"/image/{image}")
        person.get("/study")
        person.api("rate", {"step": state["step"]["id"], "values": GOOD})
    person.get("/study")
    folder = store.image("opaque00").path.parent.name  # type: ignore[union-attr]
    assert len(person.seen) > 40
    for answer in person.seen:
        sent = answer.content + str(answer.headers).encode()
        assert SECRET_NAME.encode() not in sent
        assert folder.encode() not in sent
        assert b"item0" not in sent


def test_an_unforeseen_error_tells_nothing(
    person: Person, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.arrive("token001")

    def broken(rater_id: int) -> None:
        raise RuntimeError("password=hunter2 in /srv/secret")

    monkeypatch.setattr(store, "next", broken)
    answer = person.get("/study")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
