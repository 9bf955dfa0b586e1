"""Images by address, asked of the server; what is fetched and what is not: ``tests/core/test_fetching.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server_fakes import Ask

from image_host import fetcher, running


@pytest.fixture
def place() -> Iterator[int]:
    with running() as port:
        yield port


def test_the_server_fetches_what_is_allowed_and_says_why_not_else(serving: Ask, place: int) -> None:
    client, _ = serving(fetcher=fetcher(place))
    here = f"http://images.test:{place}"
    body = {
        "items": [
            {"image": f"{here}/image/x"},
            {"image": f"{here}/status/500"},
            {"image": "http://other.test/x"},
        ]
    }
    found = client.post("/v1/score", json=body).json()
    assert [item["error"] is None for item in found["items"]] == [True, False, False]
    assert client.get("/v1/metrics").json()["metrics"][0]["urls"] == [here]


def test_what_is_fetched_counts_as_held(serving: Ask, place: int) -> None:
    client, service = serving(fetcher=fetcher(place), body_bytes=1_000, held_bytes=66_600)
    answer = client.post("/v1/score", json={"items": [{"image": f"http://images.test:{place}/endless"}]})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert service.memory.held == 0
