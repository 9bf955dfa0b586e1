"""Whom connections trust: the same authorities whatever makes them."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_host import IMAGE, running
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
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate with")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with running(context) as port:
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
