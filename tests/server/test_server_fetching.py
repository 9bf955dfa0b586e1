"""Images by address: only from allowed origins, only from public addresses, pinned, and within limits."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from server_fakes import Ask, png

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.server.fetching import Fetcher, is_public, origin_of

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::", "2001:0:808:808::1",
]  # fmt: skip


class Place(BaseHTTPRequestHandler):
    """A host of images that misbehaves on demand."""

    seen: list[tuple[str, str]] = []  # noqa: RUF012  # path and Host header, emptied by the fixture

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Host"]))
        kind, _, rest = self.path[1:].partition("/")
        if kind == "image":
            self.answer(200, png(7))
        elif kind == "status":
            self.answer(int(rest), b"")
        elif kind == "to":
            self.answer(302, b"", ("Location", rest))
        elif kind == "big":
            self.answer(200, b"x" * 50_000)
        elif kind == "endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x" * 1000)
        elif kind == "short":
            self.send_response(200)
            self.send_header("Content-Length", "9999")
            self.end_headers()
            self.wfile.write(png(7))
        elif kind == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.1)

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested here."""


@pytest.fixture
def place() -> Iterator[int]:
    """The port of a host on loopback."""
    Place.seen = []
    server = Quiet(("127.0.0.1", 0), Place)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


class Names:
    """A name server; ``images.test`` is on loopback, and the answers to each name can be several."""

    def __init__(self, **answers: str) -> None:
        self.answers = {"images.test": "127.0.0.1", **answers}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror("unknown")
        return [(2, 1, 6, "", (address, port)) for address in self.answers[host].split()]


def fetcher(
    port: int, names: Names | None = None, *, public: Any = lambda address: True, **more: Any
) -> Fetcher:
    allowed = [f"http://images.test:{port}", *more.pop("allowed", ())]
    return Fetcher(allowed, most_bytes=10_000, resolve=names or Names(), public=public, **more)


def fetch(one: Fetcher, url: str) -> bytes:
    return one.fetch(url, lambda count: None)


def test_an_allowed_image_arrives_and_its_bytes_are_counted(place: int) -> None:
    counted: list[int] = []
    url = f"HTTP://Images.test:{place}/image/a%20cat.png?size=1&x=ü"
    assert fetcher(place).fetch(url, counted.append) == png(7)
    assert sum(counted) == len(png(7))
    assert Place.seen == [("/image/a%20cat.png?size=1&x=%C3%BC", f"images.test:{place}")]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "answers", ["127.0.0.1", "10.0.0.1", "8.8.8.8 127.0.0.1", "::1 8.8.8.8", "169.254.169.254"]
)
def test_an_allowed_name_that_leads_inside_is_refused(place: int, answers: str) -> None:
    one = fetcher(place, Names(**{"images.test": answers}), public=is_public)
    with pytest.raises(ItemError, match="not a public address"):
        fetch(one, f"http://images.test:{place}/image/x")
    assert Place.seen == []


def test_a_name_is_resolved_once_and_the_connection_goes_where_was_checked(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, checked, connected = Names(), [], []
    usual = socket.create_connection

    def connect(address: Any, *more: Any) -> Any:
        connected.append(address[0])
        return usual(address, *more)

    monkeypatch.setattr(socket, "create_connection", connect)

    def resolve_again(host: str, port: int, *more: Any, **_: Any) -> list[Any]:
        assert host == "127.0.0.1"  # an address, not the name
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_again)
    fetch(
        fetcher(place, names, public=lambda a: checked.append(a) or True),
        f"http://images.test:{place}/image/x",
    )
    assert names.asked == ["images.test"]
    assert checked == connected == ["127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "http://other.test:{port}/image/x",
        "http://images.test/image/x",
        "https://images.test:{port}/image/x",
        "http://127.0.0.1:{port}/image/x",
        "http://images.test.evil.test:{port}/image/x",
        "http://sub.images.test:{port}/image/x",
        "http://images.test:{port}@evil.test/image/x",
        "http://user:secret@images.test:{port}/image/x",
        "http://evil.test\\@images.test:{port}/image/x",
        "http://images.test:{port}/ image",
        "http://images.test:{port}/\r\nX-Evil: 1",
        "http://images.test:99999/x",
        "http://[::1/x",
        "http://",
        "ftp://images.test/x",
    ],
)
def test_other_places_are_not_fetched(place: int, url: str) -> None:
    with pytest.raises(ItemError):
        fetch(fetcher(place), url.format(port=place))
    assert Place.seen == []


def test_redirects_are_checked_from_the_start(place: int) -> None:
    names = Names(**{"inside.test": "10.0.0.1"})
    public = lambda address: address == "127.0.0.1"  # noqa: E731  # here the open internet
    one = fetcher(place, names, public=public, allowed=["http://inside.test"])
    here = f"http://images.test:{place}"
    assert fetch(one, f"{here}/to//image/x") == png(7)
    assert fetch(one, f"{here}/to/{here}/image/x") == png(7)
    with pytest.raises(ItemError, match="not among the places"):
        fetch(one, f"{here}/to/http://127.0.0.1:{place}/image/x")
    with pytest.raises(ItemError, match="not a public address"):
        fetch(one, f"{here}/to/http://inside.test/image/x")
    with pytest.raises(ItemError):
        fetch(one, f"{here}/to/file:///etc/passwd")
    Place.seen.clear()
    with pytest.raises(ItemError, match="redirects"):
        fetch(one, f"{here}{'/to/' + here * 1}" + f"/to/{here}" * 9)
    assert len(Place.seen) == 4


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("big", "50,000 bytes"),
        ("endless", "more than 10,000"),
        ("short", "can't be fetched"),
        ("status/404", "404"),
    ],
)
def test_size_and_status(place: int, path: str, said: str) -> None:
    with pytest.raises(ItemError, match=said):
        fetch(fetcher(place), f"http://images.test:{place}/{path}")


def test_time_is_limited_as_a_whole(place: int) -> None:
    began = time.monotonic()
    with pytest.raises(ItemError, match=r"within 0\.5 s"):
        fetch(fetcher(place, seconds=0.5), f"http://images.test:{place}/drip")
    assert time.monotonic() - began < 5


def test_a_silent_host_is_given_up(place: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ItemError, match="within"):
            fetch(fetcher(port, seconds=0.4), f"http://images.test:{port}/x")


def test_an_unknown_host(place: int) -> None:
    with pytest.raises(ItemError, match="no host"):
        fetch(fetcher(place, allowed=["http://gone.test"]), "http://gone.test/x")


@pytest.mark.parametrize(
    "text", ["images.test", "ftp://images.test", "https://images.test/path", "https://", "https://a b"]
)
def test_an_allowed_place_is_an_origin(text: str) -> None:
    with pytest.raises(InputError):
        Fetcher([text], most_bytes=1)


def test_origins_are_compared_by_what_they_mean() -> None:
    assert origin_of("https://A.test/x") == origin_of("https://a.test:443") == ("https", "a.test", 443)


def test_certificates_are_of_the_name_though_the_address_is_pinned(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate with")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2",
         "-subj", "/CN=images.test", "-addext", "subjectAltName=DNS:images.test"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    Place.seen = []
    server = Quiet(("127.0.0.1", 0), Place)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert"))
    allowed = [f"https://images.test:{port}", f"https://other.test:{port}"]
    names = Names(**{"other.test": "127.0.0.1"})
    one = Fetcher(allowed, most_bytes=10_000, resolve=names, public=lambda a: True, tls=trusted)
    try:
        assert fetch(one, f"https://images.test:{port}/image/x") == png(7)
        with pytest.raises(ItemError, match="SSLCertVerificationError"):
            fetch(one, f"https://other.test:{port}/image/x")
        with pytest.raises(ItemError, match="SSLCertVerificationError"):
            fetch(
                Fetcher(allowed, most_bytes=10_000, resolve=names, public=lambda a: True),
                f"https://images.test:{port}/image/x",
            )
    finally:
        server.shutdown()
        server.server_close()


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
