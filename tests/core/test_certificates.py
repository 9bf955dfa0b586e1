"""Whom connections trust: the same authorities whatever makes them."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_host import IMAGE, certified, running
from lmm4lmm.core.certificates import certificates
from lmm4lmm.core.errors import FetchError
from lmm4lmm.core.fetching import Fetcher
from lmm4lmm.core.services import NoAnswerError, ServiceClient


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No certificates that were read before, and none that are left for later tests."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    certificates.cache_clear()
    yield
    certificates.cache_clear()


@pytest.fixture
def own_authority(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a host whose certificate nobody else vouches for, and that certificate."""
    with running(certified(tmp_path, "127.0.0.1")) as port:
        yield port, tmp_path / "cert"


def fetched(port: int) -> bytes:
    one = Fetcher([f"https://127.0.0.1:{port}"], most_bytes=1000, public=lambda address: True)
    return one.fetch(f"https://127.0.0.1:{port}/image/x")


def asked(port: int) -> bytes:
    pytest.importorskip("httpx", reason="neither the [judge] nor the [generate] extra is installed")
    one = ServiceClient(f"https://127.0.0.1:{port}", None, connections=1, most_bytes=1000, extra="judge")
    return one.ask("GET", "/image/x", seconds=30).body


@pytest.mark.parametrize("way", [fetched, asked])
def test_an_authority_of_the_environment_counts_for_images_and_services(own_authority, monkeypatch, way):
    port, certificate = own_authority
    with pytest.raises((FetchError, NoAnswerError), match=r"SSLCertVerificationError|no secure connection"):
        way(port)
    certificates.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert way(port) == IMAGE


def test_authorities_of_system_and_certifi_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    certifi = pytest.importorskip("certifi", reason="comes with httpx")
    mozilla = ssl.create_default_context(cafile=certifi.where())
    assert set(mozilla.get_ca_certs(True)) <= set(certificates().get_ca_certs(True))
    monkeypatch.setitem(sys.modules, "certifi", None)
    certificates.cache_clear()
    assert certificates().cert_store_stats() == ssl.create_default_context().cert_store_stats()
