from __future__ import annotations

import pytest
from fake_endpoint import FakeEndpoint, running
from PIL import Image

from lmm4lmm.core.records import Item
from lmm4lmm.metrics.judge import load
from lmm4lmm.metrics.judging import passing


@pytest.fixture
def bare_environment(monkeypatch):
    """No key and no proxy of the user's is about."""
    for name in ("LMM4LMM_JUDGE_KEY", "OPENAI_API_KEY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def endpoint(bare_environment, monkeypatch):
    """A well-behaved endpoint; waits are short."""
    monkeypatch.setattr(passing, "FIRST_WAIT_S", 0.01)
    with running(FakeEndpoint()) as made:
        yield made


@pytest.fixture
def judge(endpoint):
    """Loads a judge that asks the endpoint."""

    def made(**options):
        return load(**{"base_url": endpoint.base_url, "timeout": 5, "concurrency": 4} | options)

    return made


@pytest.fixture
def prepared():
    """Prepares items of a judge from short facts: (shade of the image, prompt, question)."""

    def made(metric, *facts):
        found = []
        for shade, prompt, *question in facts:
            item = Item(
                id="one", path=None, image="one", prompt=prompt, question=question[0] if question else None
            )
            found.append(metric.prepare(item, Image.new("RGB", (40, 30), (shade, 90, 120))))
        return found

    return made
