"""The misbehaving service, and a generator that asks it without waiting long."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from image_service import KEY, Service, running

from lmm4lmm.generation.openai_images import OpenAIImages, load
from lmm4lmm.generation.pacing import Pace


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as found:
        yield found


@pytest.fixture
def asking(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OpenAIImages]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def make(**options: object) -> OpenAIImages:
        given: dict[str, object] = {"base_url": service.base_url, "timeout": 60.0, "attempts": 4, **options}
        return load("tiny-1", pace=lambda: Pace(first=0.01, most=0.05), **given)  # type: ignore[arg-type]

    return make
