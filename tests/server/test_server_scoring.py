"""``POST /v1/score``: what goes in by either body, what comes out, and one bad image among good ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from server_fakes import Ask, Known, asked, b64, expected, png
from starlette.testclient import TestClient

from lmm4lmm.core.errors import ItemError, WeightsError


def plain(score: Any) -> dict[str, Any]:
    return dict(msgspec.to_builtins(score))


def test_a_form_of_one_image(client: TestClient) -> None:
    answer = client.post(
        "/v1/score", files={"image": png(77)}, data={"prompt": "a cat", "question": "A cat?"}
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "metric": "known-1",
        "items": [{"id": "0", **plain(expected(77, "a cat", "A cat?")), "error": None}],
        "failed": 0,
    }


def test_a_form_of_many_images_pairs_them_with_prompts_in_order(client: TestClient) -> None:
    colors, prompts = [5, 900, 70_000], ["one", "two", "three"]
    parts = [("image", ("same.png", png(color))) for color in colors]
    items = client.post("/v1/score", files=parts, data={"prompt": prompts, "question": "All?"}).json()[
        "items"
    ]
    assert [item["perception"] for item in items] == [plain(expected(c, ""))["perception"] for c in colors]
    assert [item["correspondence"] for item in items] == [
        plain(expected(0, p))["correspondence"] for p in prompts
    ]
    assert {item["answer"]["question"] for item in items} == {"All?"}


def test_json_with_base64_and_data_urls(client: TestClient) -> None:
    body = {
        "items": [
            {"image": b64(png(1)), "prompt": "猫 🐈", "id": "cat"},
            {"image": "data:image/png;base64," + b64(png(2)), "question": "Is it?"},
        ]
    }
    first, second = client.post("/v1/score", json=body).json()["items"]
    assert first == {"id": "cat", **plain(expected(1, "猫 🐈")), "error": None}
    assert second == {"id": "1", **plain(expected(2, "", "Is it?")), "error": None}


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("", "empty"),
        ("no base64!", "not base64"),
        (b64(b"hello, I am a text"), "not an image"),
        (b64(png()[:48]), "truncated"),
        ("data:image/png,abc", "data: URL"),
        ("https://example.org/cat.png", "not among the places"),
        ("http://127.0.0.1/cat.png", "not among the places"),
        ("file:///etc/passwd", "not base64"),
    ],
)
def test_one_bad_image_costs_only_itself(client: TestClient, image: str, said: str) -> None:
    body = asked("before", "bad", "after")
    body["items"][1]["image"] = image
    found = client.post("/v1/score", json=body)
    assert found.status_code == 200
    items = found.json()["items"]
    assert [item["error"] is None for item in items] == [True, False, True]
    assert said in items[1]["error"]
    assert items[1]["perception"] is None
    assert found.json()["failed"] == 1


def test_what_the_metric_refuses_or_breaks_on_costs_only_its_item(serving: Ask) -> None:
    def fails(prompt: str) -> None:
        if prompt == "long":
            raise ItemError("too long")
        if prompt == "broken":
            raise RuntimeError("a bug")

    client, _ = serving(Known(fails=fails))
    items = client.post("/v1/score", json=asked("good", "long", "broken", "fine")).json()["items"]
    assert [item["error"] for item in items] == [None, "too long", "RuntimeError: a bug", None]


def test_a_metric_that_fails_as_a_whole_does_not_end_the_server(serving: Ask) -> None:
    weights = [True]

    def fails(prompt: str) -> None:
        if weights:
            raise WeightsError("altered")

    client, _ = serving(Known(fails=fails))
    assert client.post("/v1/score", json=asked("one")).json()["items"][0]["error"] == "altered"
    weights.clear()
    assert client.post("/v1/score", json=asked("one")).json()["failed"] == 0


def test_what_is_served_is_told(serving: Ask) -> None:
    client, service = serving(items=7)
    (found,) = client.get("/v1/metrics").json()["metrics"]
    assert found["fingerprint"] == "known-1"
    assert found["dimensions"] == ["perception", "correspondence", "answer"]
    assert found["limits"]["items"] == 7
    assert found["urls"] == []
    assert found["human_scale"] is None
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    service.close()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    refused = client.post("/v1/score", json=asked("late"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "closing")


def test_prometheus_counts(client: TestClient) -> None:
    body = asked("good", "bad")
    body["items"][1]["image"] = "?"
    client.post("/v1/score", json=body)
    client.get("/nothing/here")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'lmm4lmm_items_total{outcome="scored"} 1.0',
        'lmm4lmm_items_total{outcome="failed"} 1.0',
        'lmm4lmm_requests_total{route="/v1/score",status="200"} 1.0',
        'lmm4lmm_requests_total{route="other",status="404"} 1.0',
        "lmm4lmm_waiting_items 0.0",
        "lmm4lmm_held_bytes 0.0",
    ):
        assert line in answer.text
