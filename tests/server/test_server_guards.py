"""Every guard before the model: who may ask, what a body may be and hold, and what every answer carries."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from server_fakes import Ask, Known, asked, b64, png
from starlette.testclient import TestClient

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.server import reading
from lmm4lmm.server.guards import Door
from lmm4lmm.server.limits import Limits

TOKEN = "a token of enough characters"


@pytest.fixture
def small(serving: Ask) -> TestClient:
    limits = {
        "body_bytes": 20_000, "image_bytes": 5_000, "pixels": 10_000, "items": 3, "text": 50, "held_bytes": 200_000,
    }  # fmt: skip
    return serving(**limits)[0]


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer " + TOKEN[:-1]},
        {"Authorization": "Bearer " + TOKEN + "x"},
        {"Authorization": "Basic " + TOKEN},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer "},
        {"Authorization": b"Bearer \xff\xfe"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/score"), ("GET", "/v1/metrics"), ("GET", "/metrics")]
)
def test_without_the_token_nothing(serving: Ask, headers: Any, method: str, path: str) -> None:
    client, service = serving(token=TOKEN)
    body = {"json": asked("one")} if method == "POST" else {}
    answer = client.request(method, path, headers=headers, **body)
    assert code_of(answer) == (401, "no_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert service.metric.batches == []


def test_with_the_token_everything(serving: Ask) -> None:
    client, _ = serving(token=TOKEN)
    client.headers["authorization"] = f"bearer {TOKEN}"
    assert client.post("/v1/score", json=asked("one")).json()["failed"] == 0
    assert client.get("/v1/metrics").status_code == client.get("/metrics").status_code == 200


def test_health_and_page_need_no_token(serving: Ask) -> None:
    client, _ = serving(token=TOKEN)
    for path in ("/", "/healthz", "/readyz", "/openapi.json", "/static/page.js"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("token", ["short", "", "ünïcode" * 4, "line\nbreak of enough characters"])
def test_a_bad_token_is_no_token(token: str) -> None:
    with pytest.raises(InputError, match="at least 16"):
        Door(token)


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "lmm4lmm.server.guards.secrets.compare_digest", lambda a, b: seen.append((a, b)) or a == b
    )
    from starlette.datastructures import Headers

    Door(TOKEN).check(Headers({"authorization": f"Bearer {TOKEN}"}))
    assert seen == [(TOKEN.encode(), TOKEN.encode())]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_pages_of_other_sites_can_not_ask(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/v1/score", files={"image": png()}, headers=headers)
    assert code_of(answer) == (403, "from_elsewhere")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png", ""])
def test_other_bodies_are_refused_unread(client: TestClient, kind: str) -> None:
    assert code_of(client.post("/v1/score", content=unread(), headers={"Content-Type": kind})) == (
        415,
        "wrong_type",
    )


def unread() -> Iterator[bytes]:
    """A body that nobody may read. (The client sends its first piece only when somebody does.)"""
    yield b"{"
    raise AssertionError("the body was read")


class Endless:
    """An ASGI client that offers bytes for ever, and counts what was taken."""

    def __init__(self, app: Any, headers: dict[str, str]) -> None:
        self.app, self.taken, self.status = app, 0, 0
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "path": "/v1/score", "raw_path": b"/v1/score", "query_string": b"", "root_path": "", "scheme": "http",
            "server": ("testserver", 80), "client": ("1.2.3.4", 5), "state": {},
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        self.taken += 1_000
        assert self.taken < 1_000_000, "it reads on and on"
        return {"type": "http.request", "body": b"1" * 1_000, "more_body": True}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]

    async def ask(self) -> Endless:
        await self.app(self.scope, self.receive, self.send)
        return self


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize(("told", "most"), [("20001", 0), ("999999999999", 0), (None, 21_000), ("5", 21_000)])
def test_too_large_is_refused_before_it_is_held(
    small: TestClient, kind: str, told: str | None, most: int
) -> None:
    import anyio

    headers = {"Content-Type": kind, **({"Content-Length": told} if told else {})}
    found = anyio.run(Endless(small.app, headers).ask)
    if kind.startswith("multipart") and most:
        assert found.status in (400, 413)  # what is no form ends sooner
    else:
        assert found.status == 413
    assert found.taken <= most


def test_too_large_in_a_form_too(small: TestClient) -> None:
    assert code_of(small.post("/v1/score", files={"image": b"x" * 20_000})) == (413, "too_large")


@pytest.mark.parametrize("form", [True, False])
def test_an_image_with_too_many_bytes_is_an_error_of_its_item(small: TestClient, form: bool) -> None:
    data = png() + b"\0" * 5_000
    answer = (
        small.post("/v1/score", files={"image": data})
        if form
        else small.post("/v1/score", json={"items": [{"image": b64(data)}]})
    )
    assert (
        "at most 5,000" in answer.json()["items"][0]["error"]
        or "more than the 5,000" in answer.json()["items"][0]["error"]
    )


def bomb(side: int) -> bytes:
    """A PNG of side x side pixels whose rows are one compressed run of zeros; its header is honest."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(4_000_000), 9))
        + chunk(b"IEND", b"")
    )


def test_bombs_are_not_decoded(serving: Ask) -> None:
    client, service = serving(pixels=1_000_000)
    data = bomb(40_000)
    assert len(data) < 10_000
    item = client.post("/v1/score", files={"image": data}).json()["items"][0]
    assert "1,600.0 megapixels; at most 1.0" in item["error"]
    assert service.metric.batches == []


def test_pixels_are_limited_by_the_server_own_limit(small: TestClient) -> None:
    items = small.post("/v1/score", json={"items": [{"image": b64(png(size=(101, 100)))}]}).json()["items"]
    assert "megapixels" in items[0]["error"]
    assert small.post("/v1/score", files={"image": png(size=(100, 100))}).json()["failed"] == 0


def test_items_are_limited(small: TestClient) -> None:
    assert code_of(small.post("/v1/score", json=asked(*"abcd"))) == (422, "wrong_request")
    many = [("image", ("x.png", png())) for _ in range(4)]
    assert small.post("/v1/score", files=many).status_code in (400, 422)
    assert small.post("/v1/score", json=asked(*"abc")).status_code == 200


@pytest.mark.parametrize("name", ["prompt", "question"])
def test_texts_are_limited(small: TestClient, name: str) -> None:
    body = {"items": [{"image": b64(png()), name: "x" * 51}]}
    assert code_of(small.post("/v1/score", json=body)) == (422, "wrong_request")
    assert code_of(small.post("/v1/score", files={"image": png()}, data={name: "x" * 51})) == (
        422,
        "wrong_request",
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 422),
        (b'{"items": [], "x": ' + b"[" * 100_000, 422),
        (b'{"items": []}', 422),
        (b'{"items": [{}]}', 422),
        (b'{"items": [{"image": 1}]}', 422),
        (b'{"items": [{"image": "x", "url": "y"}]}', 422),
        (b'{"items": [{"image": "\\ud800"}]}', 400),
        (b'{"items": [{"image": "\xff"}]}', 400),
    ],
)
def test_wrong_json_is_explained(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/v1/score", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no form", 400),
        (PART + png(), 400),
        (PART + png() + b"\r\n--b", 400),
        (b"--b\r\n\r\n\r\n--b--\r\n", 400),
        (b"--b--\r\n", 422),
        (PART.replace(b'"image"', b'"file"') + png() + b"\r\n--b--\r\n", 422),
        (PART + png() + b"\r\n--b--\r\n", 200),
    ],
)
def test_wrong_forms_are_explained(client: TestClient, body: bytes, status: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert client.post("/v1/score", content=body, headers=headers).status_code == status


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; x"]
)
def test_a_form_without_a_boundary(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/score", content=b"--b--", headers={"Content-Type": kind})
    assert code_of(answer) == (400, "malformed")


def test_prompts_that_fit_no_image(client: TestClient) -> None:
    parts = [("image", ("x.png", png())) for _ in range(3)]
    answer = client.post("/v1/score", files=parts, data={"prompt": ["one", "two"]})
    assert code_of(answer) == (422, "wrong_request")
    assert "3 x image but 2 x prompt" in answer.json()["error"]["message"]


def test_every_answer_is_guarded(client: TestClient) -> None:
    for answer in (
        client.get("/"),
        client.get("/nowhere"),
        client.get("/v1/score"),
        client.post("/v1/score"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    assert code_of(client.get("/nowhere")) == (404, "not_found")
    answer = client.get("/v1/score")
    assert code_of(answer) == (405, "wrong_method")
    assert answer.headers["allow"] == "POST"
    assert client.get("/static/..%2f..%2fapp.py").status_code == 404


def test_our_own_fault_says_nothing_of_how_we_work(serving: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    client, service = serving()

    async def broken(request: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(service, "answer", broken)
    answer = client.post("/v1/score", json=asked("one"))
    assert code_of(answer) == (500, "our_fault")
    assert "secret" not in answer.text


def test_limits_that_contradict_each_other() -> None:
    with pytest.raises(InputError, match="queue"):
        Limits(items=10, queue=9)
    with pytest.raises(InputError, match="memory"):
        Limits(body_bytes=100_000_000, held_bytes=100_000_000)


def test_a_form_never_touches_the_disk(serving: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    def rolled(self: Any) -> None:
        raise AssertionError("an upload went to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rolled)
    client, _ = serving(Known())
    big = png() + b"\0" * 3_000_000
    assert client.post("/v1/score", files={"image": big}).json()["failed"] == 0


def test_base64_that_is_too_long_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: Any, **__: Any) -> bytes:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(reading.binascii, "a2b_base64", decoded)
    with pytest.raises(ItemError, match="more than the 5,000"):
        reading.bytes_of("A" * 10_000, 5_000)
