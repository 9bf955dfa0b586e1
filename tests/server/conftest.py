"""A service with a metric of known scores, and a client that talks to it without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the [serve] extra is not installed")
pytest.importorskip("prometheus_client", reason="the [serve] extra is not installed")

from server_fakes import Ask, Known
from starlette.testclient import TestClient

from lmm4lmm.server.app import create_app
from lmm4lmm.server.limits import Limits
from lmm4lmm.server.service import Service


@pytest.fixture
def serving() -> Iterator[Ask]:
    """Makes a client and its running service: ``serving(metric, token=..., items=3)``."""
    with ExitStack() as stack:

        def make(metric: Any = None, *, token: str | None = None, fetcher: Any = None, **limits: Any) -> Any:
            service = Service(
                "known", metric or Known(), limits=Limits(**limits), token=token, fetcher=fetcher
            )
            service.start()
            stack.callback(service.stop)
            return TestClient(create_app(service), raise_server_exceptions=False), service

        yield make


@pytest.fixture
def client(serving: Ask) -> TestClient:
    return serving()[0]
